package corpus

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Tarballs is a folder of release archives (.tgz and .orig.tar.gz of the table) and
// one where each has been replaced by its next release under the same name. With few,
// those under 1.3 MB.
func (c *Cache) Tarballs(ctx context.Context, few bool) (Steps, error) {
	name := "tarballs"
	if few {
		name = "tarballs-few"
	}
	dir, err := c.Make(ctx, name, func(ctx context.Context, dir string) error {
		s := stepsIn(dir)
		for _, p := range Pairs() {
			if p.Old.Kind == GoModule {
				continue
			}
			old, new, err := c.fetchPair(ctx, p)
			if errors.Is(err, ErrGone) {
				c.say("left out: %v", err)
				continue
			}
			if err != nil {
				return err
			}
			if few && (tooLarge(old) || tooLarge(new)) {
				continue
			}
			as := strings.ReplaceAll(p.Old.Name, "/", "-") + ".tgz"
			if err := copyAs(old, filepath.Join(s.First, as), firstBuild()); err != nil {
				return err
			}
			if err := copyAs(new, filepath.Join(s.Update, as), secondBuild()); err != nil {
				return err
			}
		}
		return nil
	})
	return stepsIn(dir), err
}

func tooLarge(name string) bool {
	fi, err := os.Stat(name)
	return err != nil || fi.Size() > 1_300_000
}

func (c *Cache) fetchPair(ctx context.Context, p Pair) (old, new string, err error) {
	if old, err = c.Fetch(ctx, p.Old); err != nil {
		return "", "", err
	}
	new, err = c.Fetch(ctx, p.New)
	return old, new, err
}

func copyAs(from, to string, t time.Time) error {
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return writeAt(to, b, t)
}

// Downloads is a folder as bitbake's DL_DIR: n archives, each with an empty .done
// beside it. Most are tarballs of single folders of the source tree, the rest releases
// of the table. Update has one in a hundred more.
func (c *Cache) Downloads(ctx context.Context, n int) (Steps, error) {
	dir, err := c.Make(ctx, fmt.Sprintf("downloads-%d", n), func(ctx context.Context, dir string) error {
		s := stepsIn(dir)
		if err := c.writeDownloads(ctx, s.First, n); err != nil {
			return err
		}
		if err := copyTree(s.First, s.Update); err != nil {
			return err
		}
		return c.freshDownloads(ctx, s.Update, max(n/100, 1))
	})
	return stepsIn(dir), err
}

func (c *Cache) writeDownloads(ctx context.Context, dir string, n int) error {
	few := n < 500
	for i, p := range Pairs() {
		if few && i%6 > 0 || i >= n {
			continue
		}
		file, err := c.Fetch(ctx, p.Old)
		if err != nil {
			continue // told already
		}
		if err := download(dir, p.Old.File(), file, firstBuild()); err != nil {
			return err
		}
	}
	src, err := c.Source(ctx, few)
	if err != nil {
		return err
	}
	var folders []string
	names, err := filesIn(src.First)
	if err != nil {
		return err
	}
	for _, name := range names {
		if d := filepath.Dir(name); len(folders) == 0 || folders[len(folders)-1] != d {
			folders = append(folders, d)
		}
	}
	rng := rand.New(rand.NewPCG(5, 5))
	rng.Shuffle(len(folders), func(i, j int) { folders[i], folders[j] = folders[j], folders[i] })
	for i := 0; i < min(n, len(folders)); i++ {
		name := fmt.Sprintf("%s-%d.%d.tar.gz", filepath.Base(folders[i]), i%9, i%17)
		if err := goTar(ctx, folders[i], filepath.Join(dir, "made.tmp")); err != nil {
			return err
		}
		if tooLarge(filepath.Join(dir, "made.tmp")) {
			continue // a whole module: the releases above are such
		}
		if err := download(dir, name, filepath.Join(dir, "made.tmp"), firstBuild()); err != nil {
			return err
		}
	}
	return os.Remove(filepath.Join(dir, "made.tmp"))
}

// freshDownloads adds archives under new names: next releases of the table.
func (c *Cache) freshDownloads(ctx context.Context, dir string, n int) error {
	for _, p := range Pairs() {
		if n == 0 {
			return nil
		}
		file, err := c.Fetch(ctx, p.New)
		if err != nil || tooLarge(file) {
			continue
		}
		if err := download(dir, p.New.File(), file, secondBuild()); err != nil {
			return err
		}
		n--
	}
	return nil
}

func download(dir, name, file string, t time.Time) error {
	if err := copyAs(file, filepath.Join(dir, name), t); err != nil {
		return err
	}
	return writeAt(filepath.Join(dir, name+".done"), nil, t)
}

// Images is a tar and an ext4 image of the source tree, and both after one file in a
// hundred was edited and all times are new. With few, of the small tree.
func (c *Cache) Images(ctx context.Context, few bool) (Steps, error) {
	src, err := c.Source(ctx, few)
	if err != nil {
		return Steps{}, err
	}
	name := "images"
	if few {
		name = "images-few"
	}
	dir, err := c.Make(ctx, name, func(ctx context.Context, dir string) error {
		s := stepsIn(dir)
		if err := image(ctx, src.First, s.First, firstBuild()); err != nil {
			return err
		}
		return image(ctx, src.Touched, s.Update, secondBuild())
	})
	return stepsIn(dir), err
}

func image(ctx context.Context, tree, dir string, t time.Time) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	tar, ext4 := filepath.Join(dir, "rootfs.tar"), filepath.Join(dir, "rootfs.ext4")
	if _, err := run(ctx, tree, nil, "sh", "-c", gnuTar+` > "$1"`, "sh", tar); err != nil {
		return err
	}
	fi, err := os.Stat(tar)
	if err != nil {
		return err
	}
	// Room for inodes and folders; the same seed for both, as reproducible builds do.
	size := fmt.Sprintf("%dM", fi.Size()>>20*5/4+32)
	const seed = "5ec3a1d4-7a50-4a35-9a3c-0d8a1c0e2b11"
	if _, err := run(ctx, dir, []string{"E2FSPROGS_FAKE_TIME=" + fmt.Sprint(t.Unix()), "PATH=" + os.Getenv("PATH") + ":/usr/sbin:/sbin"},
		"mkfs.ext4", "-q", "-F", "-U", seed, "-E", "hash_seed="+seed+",root_owner=0:0", "-d", tree, ext4, size); err != nil {
		return err
	}
	for _, name := range []string{tar, ext4} {
		if err := os.Chtimes(name, t, t); err != nil {
			return err
		}
	}
	return nil
}
