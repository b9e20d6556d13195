package corpus

import (
	"archive/tar"
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// recipes is part of the name of everything derived; it changes when a derivation
// does, so that an old cache is not taken for new data.
const recipes = "v1"

// Make gives the folder of a derived thing, calling build to fill it if the cache
// lacks it. build gets an empty folder; what it made is kept only if it succeeds.
func (c *Cache) Make(ctx context.Context, name string, build func(ctx context.Context, dir string) error) (string, error) {
	final := filepath.Join(c.Dir, "derived", recipes, name)
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	c.say("making %s", name)
	if err := os.MkdirAll(filepath.Dir(final), 0o755); err != nil {
		return "", err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(final), "making-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", err
	}
	if err := build(ctx, tmp); err != nil {
		return "", fmt.Errorf("making %s: %w", name, err)
	}
	err = os.Rename(tmp, final)
	if errors.Is(err, fs.ErrExist) {
		return final, nil // another process made the same meanwhile
	}
	return final, err
}

// unpack puts the files of a release below dir, without what its name begins with
// (package/, module@version/, name-version/).
func unpack(archive, dir string) error {
	if strings.HasSuffix(archive, ".zip") {
		return unzip(archive, dir)
	}
	f, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return err
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		if err := writeMember(dir, afterFirst(h.Name), t); err != nil {
			return err
		}
	}
}

func unzip(archive, dir string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		_, name, ok := strings.Cut(f.Name, "@")
		if !ok || strings.HasSuffix(name, "/") {
			continue
		}
		r, err := f.Open()
		if err != nil {
			return err
		}
		err = writeMember(dir, afterFirst(name), r)
		r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

func afterFirst(name string) string {
	_, rest, ok := strings.Cut(strings.TrimPrefix(name, "./"), "/")
	if !ok {
		return name
	}
	return rest
}

// writeMember writes a file of an archive, refusing names that lead out of dir.
func writeMember(dir, name string, r io.Reader) error {
	if !filepath.IsLocal(name) {
		return fmt.Errorf("corpus: a member has the name %q", name)
	}
	to := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(f, r); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// unpackAll unpacks releases beside each other.
func (c *Cache) unpackAll(ctx context.Context, dir string, releases []Release) error {
	for _, r := range releases {
		archive, err := c.Fetch(ctx, r)
		if err != nil {
			return err
		}
		if err := unpack(archive, filepath.Join(dir, strings.NewReplacer("/", "-", "@", "").Replace(r.Name))); err != nil {
			return fmt.Errorf("%s: %w", archive, err)
		}
	}
	return nil
}
