package main

import (
	"archive/zip"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pubsync/pubsync/bench/corpus"
)

// floor is F of the report: the size of what zstd makes of the new file with the
// old one at hand, both inflated. It is kept in the cache, as it takes long.
func floor(ctx context.Context, c *corpus.Cache, oldFile, newFile string) (int64, error) {
	a, err := corpus.Digest(oldFile)
	if err != nil {
		return 0, err
	}
	b, err := corpus.Digest(newFile)
	if err != nil {
		return 0, err
	}
	kind := "floor-"
	if isZip(newFile) {
		kind = "floor-zip-"
	}
	dir, err := c.Make(ctx, kind+a[:16]+"-"+b[:16], func(ctx context.Context, dir string) error {
		return patchSize(ctx, dir, oldFile, newFile)
	})
	if err != nil {
		return 0, err
	}
	text, err := os.ReadFile(filepath.Join(dir, "size"))
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
}

func patchSize(ctx context.Context, dir, oldFile, newFile string) error {
	inflated := [2]string{filepath.Join(dir, "old"), filepath.Join(dir, "new")}
	for i, name := range []string{oldFile, newFile} {
		if err := inflate(name, inflated[i]); err != nil {
			return err
		}
		defer os.Remove(inflated[i])
	}
	patch := filepath.Join(dir, "patch")
	defer os.Remove(patch)
	cmd := exec.CommandContext(ctx, "zstd", "-19", "--long=27", "-q", "-T1", "--patch-from="+inflated[0], inflated[1], "-o", patch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%v: %w: %s", cmd.Args, err, out)
	}
	fi, err := os.Stat(patch)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "size"), fmt.Appendln(nil, fi.Size()), 0o644)
}

// inflate writes the plain bytes of a file: of a gzip what it holds, of a zip its
// members' names, times, extra fields and contents in order (the times are in the zip
// and must be sent, so a floor without them would be none), anything else as it is.
func inflate(name, to string) error {
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer out.Close()
	if isZip(name) {
		return inflateZip(out, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if errors.Is(err, gzip.ErrHeader) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return err
		}
		_, err = io.Copy(out, f)
		return err
	}
	if err != nil {
		return err
	}
	_, err = io.Copy(out, z)
	return err
}

func isZip(name string) bool {
	return strings.HasSuffix(name, ".zip") || strings.HasSuffix(name, ".jar")
}

// dosTime is a member's time as its headers hold it.
func dosTime(date, clock uint16) []byte {
	return []byte{byte(clock), byte(clock >> 8), byte(date), byte(date >> 8)}
}

func inflateZip(out io.Writer, name string) error {
	z, err := zip.OpenReader(name)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, m := range z.File {
		if _, err := fmt.Fprintf(out, "%s\n%s%s", m.Name, dosTime(m.ModifiedDate, m.ModifiedTime), m.Extra); err != nil {
			return err
		}
		r, err := m.Open()
		if err != nil {
			return err
		}
		_, err = io.Copy(out, r)
		r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
