package corpus

import (
	"archive/zip"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Rebuild is an archive that a CI job made twice.
type Rebuild struct {
	// Writer says what made it and Edited whether one file in a hundred was edited
	// between; all modification times are new in any case.
	Writer string
	Edited bool
	// Old and New are the two archives. They have the same name.
	Old, New string
}

// Label names the rebuild in a table.
func (r Rebuild) Label() string {
	if r.Edited {
		return r.Writer + ", 1 % edited"
	}
	return r.Writer + ", only times"
}

// writer makes an archive of the files in a folder.
type writer struct {
	name string
	ext  string
	make func(ctx context.Context, dir, archive string) error
}

// shell makes a writer of a shell command, run in the folder with the archive's name
// as its first argument.
func shell(name, ext, script string) writer {
	return writer{name, ext, func(ctx context.Context, dir, archive string) error {
		_, err := run(ctx, dir, nil, "sh", "-c", "set -e; "+script, "sh", archive)
		return err
	}}
}

const (
	gnuTar = "tar --format=gnu --sort=name --owner=0 --group=0 --numeric-owner -cf - ."
	paxTar = "tar --format=pax --sort=name --owner=0 --group=0 --numeric-owner -cf - ."
	pyTar  = `python3 -c 'import sys,tarfile
with tarfile.open(sys.argv[1],"w:gz") as t: t.add(".")' "$1"`
	pyZip = `python3 -c 'import sys,shutil
shutil.make_archive(sys.argv[1][:-4],"zip",".")' "$1"`
	nodeGzip = `node -e 'const z=require("zlib"),fs=require("fs");
fs.writeFileSync(process.argv[1],z.gzipSync(fs.readFileSync(0)))' "$1"`
)

func writers() []writer {
	return []writer{
		shell("GNU tar, gzip -1", ".tar.gz", gnuTar+` | gzip -1 > "$1"`),
		shell("GNU tar, gzip -6", ".tar.gz", gnuTar+` | gzip -6 > "$1"`),
		shell("GNU tar, gzip -9", ".tar.gz", gnuTar+` | gzip -9 > "$1"`),
		shell("pax tar, gzip -6", ".tar.gz", paxTar+` | gzip -6 > "$1"`),
		shell("GNU tar, pigz", ".tar.gz", gnuTar+` | pigz -p 2 > "$1"`),
		shell("GNU tar, node zlib", ".tgz", gnuTar+" | "+nodeGzip),
		shell("Python tarfile", ".tar.gz", pyTar),
		shell("Python zipfile", ".zip", pyZip),
		{"Go tar and gzip", ".tar.gz", goTar},
		{"Go zip", ".zip", goZip},
		shell("GNU tar alone", ".tar", gnuTar+` > "$1"`),
	}
}

// Rebuilds makes the CI archives: the tree of a Go module, written twice by each
// writer. Writers that are not installed are left out, and told.
func (c *Cache) Rebuilds(ctx context.Context) ([]Rebuild, error) {
	base, err := Find("golang.org/x/tools", "v0.30.0")
	if err != nil {
		return nil, err
	}
	trees, err := c.Make(ctx, "ci-trees", func(ctx context.Context, dir string) error { return c.rebuildTrees(ctx, dir, base) })
	if err != nil {
		return nil, err
	}
	var all []Rebuild
	for _, w := range writers() {
		dir, err := c.Make(ctx, "ci-"+fileName(w.name), func(ctx context.Context, dir string) error {
			return w.makeAll(ctx, trees, dir)
		})
		if err != nil {
			c.say("left out: %v", err)
			continue
		}
		for _, edited := range []bool{false, true} {
			name := "tools" + w.ext
			all = append(all, Rebuild{w.name, edited, filepath.Join(dir, "old", name), filepath.Join(dir, variant(edited), name)})
		}
	}
	return all, nil
}

func variant(edited bool) string {
	if edited {
		return "edited"
	}
	return "same"
}

func (c *Cache) rebuildTrees(ctx context.Context, dir string, base Release) error {
	for _, v := range []string{"old", "same", "edited"} {
		tree := filepath.Join(dir, v)
		if err := c.unpackAll(ctx, tree, []Release{base}); err != nil {
			return err
		}
		if v == "edited" {
			if err := editSome(tree, 100); err != nil {
				return err
			}
		}
		build := secondBuild()
		if v == "old" {
			build = firstBuild()
		}
		if err := stamp(tree, build); err != nil {
			return err
		}
	}
	return nil
}

func (w writer) makeAll(ctx context.Context, trees, dir string) error {
	for _, v := range []string{"old", "same", "edited"} {
		to := filepath.Join(dir, v)
		if err := os.MkdirAll(to, 0o755); err != nil {
			return err
		}
		if err := w.make(ctx, filepath.Join(trees, v), filepath.Join(to, "tools"+w.ext)); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return nil
}

func goTar(_ context.Context, dir, archive string) error {
	return tarThrough(dir, archive, func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
}

func goZip(_ context.Context, dir, archive string) error {
	return create(archive, func(f io.Writer) error {
		z := zip.NewWriter(f)
		if err := z.AddFS(os.DirFS(dir)); err != nil {
			return err
		}
		return z.Close()
	})
}

func create(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// fileName makes a name for files of a title.
func fileName(title string) string {
	b := []byte(title)
	for i, c := range b {
		if c == ' ' || c == ',' || c == '/' {
			b[i] = '-'
		}
	}
	return string(b)
}
