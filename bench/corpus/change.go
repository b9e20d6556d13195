package corpus

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// Dates of derived trees. They are fixed, so that derived trees are the same
// everywhere; the second is a later build's.
func firstBuild() time.Time  { return time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC) }
func secondBuild() time.Time { return time.Date(2026, 3, 3, 17, 30, 0, 0, time.UTC) }

// filesIn lists the regular files below dir, sorted.
func filesIn(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// stamp gives every file a modification time within three seconds of the build,
// as a checkout does; with nanoseconds, as file systems keep them.
func stamp(dir string, build time.Time) error {
	names, err := filesIn(dir)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(uint64(build.Unix()), 1))
	for _, name := range names {
		t := build.Add(time.Duration(rng.Int64N(int64(3 * time.Second))))
		if err := os.Chtimes(name, t, t); err != nil {
			return err
		}
	}
	return stampFolders(dir, build)
}

// stampFolders gives folders the time of the build: archives hold it.
func stampFolders(dir string, build time.Time) error {
	return filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chtimes(name, build, build)
	})
}

// editSome edits one file in every, spread over the tree: some lines changed, as a
// commit does, and its time that of the second build.
func editSome(dir string, every int) error {
	names, err := filesIn(dir)
	if err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(uint64(every), 2))
	for i := every / 2; i < len(names); i += every {
		if err := edit(names[i], rng); err != nil {
			return err
		}
	}
	return nil
}

// edit replaces up to three lines by new ones and inserts another.
func edit(name string, rng *rand.Rand) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	lines := bytes.SplitAfter(b, []byte("\n"))
	for range min(3, len(lines)) {
		lines[rng.IntN(len(lines))] = fmt.Appendf(nil, "// changed: see issue %d, reviewed %x\n", rng.IntN(9000), rng.Uint32())
	}
	at := rng.IntN(len(lines))
	lines[at] = append(fmt.Appendf(nil, "var added%d = %q\n", rng.IntN(1000), fmt.Sprint(rng.Uint64())), lines[at]...)
	if err := os.WriteFile(name, bytes.Join(lines, nil), 0o644); err != nil {
		return err
	}
	t := secondBuild().Add(time.Duration(rng.Int64N(int64(time.Second))))
	return os.Chtimes(name, t, t)
}

// copyTree copies files with their times.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		if !d.Type().IsRegular() {
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
		if err := os.WriteFile(target, b, fi.Mode().Perm()); err != nil {
			return err
		}
		return os.Chtimes(target, fi.ModTime(), fi.ModTime())
	})
}
