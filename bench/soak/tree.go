package soak

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// A picture is a tree as a push should publish it: by path, a line with kind,
// size, time and content.
type picture map[string]string

// portrait takes the picture of a folder.
func portrait(dir string) (picture, error) {
	p := picture{}
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil || d.IsDir() {
			return err
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		if d.Type() == fs.ModeSymlink {
			to, err := os.Readlink(name)
			p[rel] = "link to " + to
			return err
		}
		h, err := digest(name)
		p[rel] = fmt.Sprintf("%v %d bytes %v sha256 %s", fi.Mode(), fi.Size(), fi.ModTime().UTC().Format(time.RFC3339Nano), h)
		return err
	})
	return p, err
}

func digest(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

// differs names the first few paths in which two pictures differ, and nothing
// if they are the same.
func (p picture) differs(q picture) string {
	var b bytes.Buffer
	n := 0
	all := maps.Clone(p)
	maps.Copy(all, q)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if p[path] == q[path] {
			continue
		}
		if n++; n <= 3 {
			fmt.Fprintf(&b, "; %q is %q, want %q", path, p[path], q[path])
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d paths differ%s", n, b.String())
}

// copyTree copies folders, files with their times, and symlinks.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case d.Type() == fs.ModeSymlink:
			link, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(link, target)
		case !d.Type().IsRegular():
			return nil
		}
		fi, err := d.Info()
		if err != nil {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(target, b, fi.Mode().Perm()|0o600); err != nil {
			return err
		}
		return os.Chtimes(target, fi.ModTime(), fi.ModTime())
	})
}

func filesIn(dir string) (names []string, err error) {
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// edit changes one file in ten as a next version does: new bytes in the middle
// of each, and one file in a hundred is gone.
func edit(dir string, rng *rand.Rand) error {
	names, err := filesIn(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		switch k := rng.IntN(100); {
		case k == 0:
			if err := os.Remove(name); err != nil {
				return err
			}
		case k <= 10:
			if err := insert(name, rng); err != nil {
				return err
			}
		}
	}
	return nil
}

func insert(name string, rng *rand.Rand) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	at := rng.IntN(len(b) + 1)
	b = slices.Insert(b, at, fmt.Appendf(nil, "\n// changed %x\n", rng.Uint64())...)
	return os.WriteFile(name, b, 0o644)
}
