package corpus

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"

	kgzip "github.com/klauspost/compress/gzip"
)

// Families of [Others].
const (
	Unknown  = "unknown encoder" // archives by encoders that there is no model of
	Packages = "packages"        // jar, deb, layers
	Binary   = "binary"          // executables of two releases
	Image    = "image"           // file system images
	Merged   = "merged"          // of several files that are published
	Noise    = "new content"     // nothing that anybody holds, and incompressible
)

// An Other is a file that is no release, and its predecessors.
type Other struct {
	Family, Label string
	Old           []string // one but for merged ones
	New           string
	// PlainOld and PlainNew are what the two are when unpacked, where the program
	// cannot unpack them itself.
	PlainOld, PlainNew string
}

// Others makes pairs of files of other kinds than releases and CI rebuilds: what is
// in the constants above. What cannot be made here is left out, and told.
func (c *Cache) Others(ctx context.Context) ([]Other, error) {
	base, err := Find("golang.org/x/tools", "v0.30.0")
	if err != nil {
		return nil, err
	}
	trees, err := c.Make(ctx, "ci-trees", func(ctx context.Context, dir string) error { return c.rebuildTrees(ctx, dir, base) })
	if err != nil {
		return nil, err
	}
	var all []Other
	add := func(made []Other, err error) {
		if err != nil {
			c.say("left out: %v", err)
		}
		all = append(all, made...)
	}
	plain, err := c.madeBy(ctx, trees, "", shell("GNU tar alone", ".tar", gnuTar+` > "$1"`))
	if err != nil {
		return nil, err
	}
	for _, w := range strangers() {
		add(c.madeBy(ctx, trees, Unknown, w))
	}
	for _, w := range packagers() {
		add(c.madeBy(ctx, trees, Packages, w))
	}
	for i := range all {
		if filepath.Ext(all[i].New) != ".zip" && filepath.Ext(all[i].New) != ".jar" {
			all[i].PlainOld, all[i].PlainNew = plain[0].Old[0], plain[0].New
		}
	}
	add(c.binaries(ctx))
	add(c.images(ctx))
	add(c.merged(ctx, trees))
	add(c.noise(ctx))
	return all, nil
}

// strangers are encoders that there is no model of.
func strangers() []writer {
	return []writer{
		shell("GNU tar, 7-Zip gzip", ".tar.gz", gnuTar+` > "$1.tar"; 7zz a -tgzip -bso0 -bsp0 "$1" "$1.tar"; rm "$1.tar"`),
		shell("GNU tar, libdeflate -6", ".tar.gz", gnuTar+` > "$1.tar"; libdeflate-gzip -6 -c "$1.tar" > "$1"; rm "$1.tar"`),
		shell("GNU tar, zopfli", ".tar.gz", gnuTar+` > "$1.tar"; zopfli --i1 -c "$1.tar" > "$1"; rm "$1.tar"`),
		{"Go tar, klauspost gzip (BuildKit's layers)", ".tar.gz", func(_ context.Context, dir, archive string) error {
			return tarThrough(dir, archive, func(w io.Writer) io.WriteCloser { return kgzip.NewWriter(w) })
		}},
		shell("7-Zip zip", ".zip", `7zz a -tzip -bso0 -bsp0 "$1" .`),
	}
}

// packagers make packages.
func packagers() []writer {
	return []writer{
		shell("jar", ".jar", `jar cf "$1" .`),
		shell("dpkg-deb -Zgzip", ".deb", `t=$(mktemp -d); trap 'rm -r "$t"' EXIT; mkdir -p "$t/DEBIAN" "$t/usr/share"; cp -a . "$t/usr/share/tools"
printf 'Package: tools\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@invalid>\nDescription: a tree\n' > "$t/DEBIAN/control"
dpkg-deb -Zgzip --root-owner-group -b "$t" "$1" > /dev/null`),
	}
}

// madeBy has a writer write the tree, then with one file in a hundred edited and all
// times new.
func (c *Cache) madeBy(ctx context.Context, trees, family string, w writer) ([]Other, error) {
	dir, err := c.Make(ctx, "ci-"+fileName(w.name), func(ctx context.Context, dir string) error { return w.makeAll(ctx, trees, dir) })
	if err != nil {
		return nil, err
	}
	name := "tools" + w.ext
	return []Other{{Family: family, Label: w.name + ", 1 % edited", Old: []string{filepath.Join(dir, "old", name)}, New: filepath.Join(dir, variant(true), name)}}, nil
}

// tarThrough writes a tar of a folder through a compressor.
func tarThrough(dir, archive string, through func(io.Writer) io.WriteCloser) error {
	return create(archive, func(f io.Writer) error {
		z := through(f)
		t := tar.NewWriter(z)
		if err := t.AddFS(os.DirFS(dir)); err != nil {
			return err
		}
		if err := t.Close(); err != nil {
			return err
		}
		return z.Close()
	})
}

// natives are npm packages that hold an executable.
func natives() []Release {
	return []Release{
		{NPM, "@esbuild/linux-x64", "0.25.0", "822e9d5ff45b588f5af388f3ae17a4cd4d0d1b93d04220ee92956e941e7b8d9d"},
		{NPM, "@esbuild/linux-x64", "0.25.1", "a3972c20d19545792ba6c6abe564b61c91f66cfa242ff9bffd9e5d59c65452e5"},
		{NPM, "@rollup/rollup-linux-x64-gnu", "4.29.1", "67267b9a052fa23d38e8813883e94d551923f044ee25befbdb81d1fea20967e1"},
		{NPM, "@rollup/rollup-linux-x64-gnu", "4.30.0", "f567f9a981e7fadce33d9049505a876fbc5f66b181ed402c979b7821c9e4404b"},
		{NPM, "@biomejs/cli-linux-x64", "1.9.3", "6f2bdfc3d62979ba2b5b0a052f9a807d4be3feb457932c49154f2091f51be34b"},
		{NPM, "@biomejs/cli-linux-x64", "1.9.4", "3e38f0368640ac9d25cca30199a4070ee6179f330d9f0f432aac6e21020269d7"},
	}
}

// binaries are the executables of natives, by themselves.
func (c *Cache) binaries(ctx context.Context) (all []Other, err error) {
	for _, p := range pairs(natives(), false) {
		dir, err := c.Make(ctx, "binary-"+fileName(p.Label()), func(ctx context.Context, dir string) error {
			for name, r := range map[string]Release{"old": p.Old, "new": p.New} {
				file, err := c.Fetch(ctx, r)
				if err != nil {
					return err
				}
				if err := largest(file, filepath.Join(dir, name, path.Base(p.Old.Name))); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return all, err
		}
		name := path.Base(p.Old.Name)
		all = append(all, Other{Family: Binary, Label: p.Label(), Old: []string{filepath.Join(dir, "old", name)}, New: filepath.Join(dir, "new", name)})
	}
	return all, nil
}

// largest writes the largest file of a .tgz to a file of that name.
func largest(archive, to string) error {
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	var best []byte
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if h.Size <= int64(len(best)) {
			continue
		}
		if best, err = io.ReadAll(t); err != nil {
			return err
		}
	}
	return writeAt(to, best, firstBuild())
}

// images are those of [Cache.Images], of the small tree.
func (c *Cache) images(ctx context.Context) ([]Other, error) {
	s, err := c.Images(ctx, true)
	if err != nil {
		return nil, err
	}
	of := func(family, label, name string) Other {
		return Other{Family: family, Label: label, Old: []string{filepath.Join(s.First, name)}, New: filepath.Join(s.Update, name)}
	}
	return []Other{of(Image, "ext4, 1 % edited, times new", "rootfs.ext4"), of("plain tar", "source tree, 1 % edited, times new", "rootfs.tar")}, nil
}

// merged is a tarball of all that is in two others, beside which both are published.
func (c *Cache) merged(ctx context.Context, trees string) ([]Other, error) {
	in := func(v string) string { return filepath.Join(trees, v, "golang.org-x-tools") }
	dir, err := c.Make(ctx, "merged", func(ctx context.Context, dir string) error {
		script := `set -e; tar --format=gnu --sort=name --owner=0 --group=0 -cf - $1 | gzip -6 > "$3/tools-$2.tar.gz"`
		for _, part := range []string{"go", "internal"} {
			if _, err := run(ctx, in("old"), nil, "sh", "-c", script, "sh", part, part, dir); err != nil {
				return err
			}
		}
		if _, err := run(ctx, in("same"), nil, "sh", "-c", script, "sh", "go internal", "all", dir); err != nil {
			return err
		}
		_, err := run(ctx, dir, nil, "sh", "-c", "zcat tools-go.tar.gz tools-internal.tar.gz > parts.tar; zcat tools-all.tar.gz > all.tar")
		return err
	})
	if err != nil {
		return nil, err
	}
	at := func(name string) string { return filepath.Join(dir, "tools-"+name+".tar.gz") }
	return []Other{{Family: Merged, Label: "two tarballs in one, times new", Old: []string{at("go"), at("internal")}, New: at("all"),
		PlainOld: filepath.Join(dir, "parts.tar"), PlainNew: filepath.Join(dir, "all.tar")}}, nil
}

// noise is two files of random bytes.
func (c *Cache) noise(ctx context.Context) ([]Other, error) {
	const size = 16 << 20
	dir, err := c.Make(ctx, fmt.Sprintf("noise-%d", size), func(ctx context.Context, dir string) error {
		for i, name := range []string{"old", "new"} {
			b := make([]byte, size)
			rand.NewChaCha8([32]byte{byte(i), 77}).Read(b)
			if err := writeAt(filepath.Join(dir, name, "noise"), b, firstBuild()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return []Other{{Family: Noise, Label: "16 MiB of noise", Old: []string{filepath.Join(dir, "old", "noise")}, New: filepath.Join(dir, "new", "noise")}}, nil
}
