//go:build linux

package walk

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/pubsync/pubsync/sync/walk/swaptest"

	"github.com/pubsync/pubsync/sync/manifest"
)

// walkOne walks a directory with the one file "d/f" and returns the tree and the
// file's index.
func walkOne(t *testing.T, open func(string) (root, error)) (*Tree, int, string) {
	t.Helper()
	dir := t.TempDir()
	makeTree(t, dir, []string{"d/f"})
	file := filepath.Join(dir, "d", "f")
	old := time.Unix(1e9, 123456789)
	if err := os.Chtimes(file, old, old); err != nil {
		t.Fatal(err)
	}
	tree, err := Walk(t.Context(), Options{Sources: []Source{{Dir: dir}}, openRoot: open})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	i, ok := tree.Entries.Find("d/f")
	if !ok {
		t.Fatal("d/f is not listed")
	}
	return tree, i, file
}

func TestOpenReadCheck(t *testing.T) {
	for kind, open := range openers() {
		tree, i, file := walkOne(t, open)
		if got := tree.Local(i); got != file {
			t.Errorf("%s: local path %q, want %q", kind, got, file)
		}
		f, err := tree.Open(i)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := io.ReadAll(f); err != nil || string(b) != "d/f" || f.Size() != 3 {
			t.Errorf("%s: read %q, %v", kind, b, err)
		}
		if err := f.Check(); err != nil {
			t.Error(err)
		}
		if err := f.Close(); err != nil {
			t.Error(err)
		}
		b := make([]byte, 3)
		if err := tree.Read(i, b); err != nil || string(b) != "d/f" {
			t.Errorf("%s: read %q at once, %v", kind, b, err)
		}
		if err := tree.Read(i, b[:2]); err == nil {
			t.Errorf("%s: read into a buffer that is too short", kind)
		}
	}
}

// change is something that happens to a file between two moments.
type change struct {
	name string
	do   func(t *testing.T, file string)
	// portable tells that it shows without change time and inode.
	portable bool
}

func changes() []change {
	write := func(t *testing.T, file, text string) {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	return []change{
		{"written", func(t *testing.T, file string) { write(t, file, "new") }, true},
		{"longer", func(t *testing.T, file string) { write(t, file, "longer") }, true},
		{"truncated", func(t *testing.T, file string) { must(t, os.Truncate(file, 1)) }, true},
		{"touched", func(t *testing.T, file string) { must(t, os.Chtimes(file, time.Unix(5, 0), time.Unix(5, 0))) }, true},
		{"written with its mtime put back", func(t *testing.T, file string) {
			st, err := os.Stat(file)
			must(t, err)
			write(t, file, "new")
			must(t, os.Chtimes(file, st.ModTime(), st.ModTime()))
		}, false},
	}
}

func replacements() []change {
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	return []change{
		{"removed", func(t *testing.T, file string) { must(t, os.Remove(file)) }, true},
		{"now a directory", func(t *testing.T, file string) { must(t, os.Remove(file)); must(t, os.Mkdir(file, 0o755)) }, true},
		{"now a pipe", func(t *testing.T, file string) { must(t, os.Remove(file)); must(t, syscall.Mkfifo(file, 0o644)) }, true},
		{"now a link", func(t *testing.T, file string) {
			must(t, os.Rename(file, file+"2"))
			must(t, os.Symlink("f2", file))
		}, false},
		{"now another file", func(t *testing.T, file string) {
			st, err := os.Stat(file)
			must(t, err)
			must(t, os.Rename(file, file+"2"))
			must(t, os.WriteFile(file, []byte("new"), 0o644))
			must(t, os.Chtimes(file, st.ModTime(), st.ModTime()))
		}, false},
		{"its directory now a link", func(t *testing.T, file string) {
			d := filepath.Dir(file)
			must(t, os.Rename(d, d+"2"))
			must(t, os.Symlink("d2", d))
		}, false},
	}
}

func TestChangeBeforeOpen(t *testing.T) {
	for kind, open := range openers() {
		for _, c := range append(changes(), replacements()...) {
			if kind == "portable" && !c.portable {
				continue
			}
			tree, i, file := walkOne(t, open)
			c.do(t, file)
			if _, err := tree.Open(i); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "f") {
				t.Errorf("%s, %s: got %v", kind, c.name, err)
			}
			if err := tree.Read(i, make([]byte, 3)); !errors.Is(err, ErrChanged) || !strings.Contains(err.Error(), "f") {
				t.Errorf("%s, %s: read at once: got %v", kind, c.name, err)
			}
		}
	}
}

func TestChangeWhileReading(t *testing.T) {
	for kind, open := range openers() {
		for _, c := range changes() {
			if kind == "portable" && !c.portable {
				continue
			}
			tree, i, file := walkOne(t, open)
			f, err := tree.Open(i)
			if err != nil {
				t.Fatal(err)
			}
			c.do(t, file)
			b, _ := io.ReadAll(f)
			if len(b) > 3 {
				t.Errorf("%s, %s: read %d bytes of 3", kind, c.name, len(b))
			}
			if err := f.Check(); !errors.Is(err, ErrChanged) {
				t.Errorf("%s, %s: got %v", kind, c.name, err)
			}
			f.Close()
		}
	}
}

func TestRefresh(t *testing.T) {
	for kind, open := range openers() {
		tree, i, file := walkOne(t, open)
		tree.Entries[i].Digest[0] = 1
		if err := os.WriteFile(file, []byte("longer"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(file, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := tree.Refresh(i); err != nil {
			t.Fatal(err)
		}
		if e := tree.Entries[i]; e.Size != 6 || e.Mode != 0o600 || !e.Digest.IsZero() || e.Path != "d/f" {
			t.Errorf("%s: %+v", kind, e)
		}
		f, err := tree.Open(i)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
}

func TestRefreshOfWhatIsGone(t *testing.T) {
	for _, c := range replacements()[:4] {
		tree, i, file := walkOne(t, openRoot)
		before := tree.Entries[i]
		c.do(t, file)
		if err := tree.Refresh(i); !errors.Is(err, ErrChanged) {
			t.Errorf("%s: got %v", c.name, err)
		}
		if tree.Entries[i] != before {
			t.Errorf("%s: the entry changed to %+v", c.name, tree.Entries[i])
		}
	}
}

func TestOpenOfWhatIsNoFile(t *testing.T) {
	tree, _, _ := walkOne(t, openRoot)
	if _, err := tree.Open(0); err == nil || tree.Entries[0].Kind != manifest.Dir {
		t.Error("a directory was opened")
	}
}

// TestFlippedDirectory lets a directory and a link to one outside take turns at
// a name a hundred times, and reads below it each time (threats, row 19): what is
// inside is read while it is a directory, and nothing while it is a link.
func TestFlippedDirectory(t *testing.T) {
	for kind, open := range openers() {
		t.Run(kind, func(t *testing.T) {
			dir, outside := t.TempDir(), t.TempDir()
			for p, text := range map[string]string{dir + "/sub/deep/f": "good", outside + "/deep/f": "evil"} {
				if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(text), 0o644)); err != nil {
					t.Fatal(err)
				}
			}
			r, err := open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer r.close()
			for range 50 {
				if got, errs := below(r); got != "good" {
					t.Fatalf("a directory: read %q, %v", got, errs)
				}
				sub, aside := filepath.Join(dir, "sub"), filepath.Join(dir, "aside")
				if err := errors.Join(os.Rename(sub, aside), os.Symlink(outside, sub)); err != nil {
					t.Fatal(err)
				}
				if got, errs := below(r); got != "" || len(errs) != 3 {
					t.Fatalf("a link: read %q, %d of 3 calls refused", got, len(errs))
				}
				if err := errors.Join(os.Remove(sub), os.Rename(aside, sub)); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// below opens, examines and lists what is below "sub". It returns what the file
// there holds, and the errors.
func below(r root) (content string, errs []error) {
	f, _, err := r.open("sub/deep/f")
	if err != nil {
		errs = append(errs, err)
	} else {
		b, _ := io.ReadAll(f)
		content = string(b)
		f.Close()
	}
	if _, err := r.lstat("sub/deep/f"); err != nil {
		errs = append(errs, err)
	}
	d, err := r.openDir("sub/deep")
	if err != nil {
		return content, append(errs, err)
	}
	d.close()
	return content, errs
}

// TestSwappedDirectory walks and reads while a directory and a link to a
// directory outside take turns at one name. The file outside has the same name,
// size and mtime as the one inside.
func TestSwappedDirectory(t *testing.T) {
	for kind, open := range openers() {
		t.Run(kind, func(t *testing.T) {
			dir, outside := t.TempDir(), t.TempDir()
			good, secret := bytes.Repeat([]byte("good"), 8), bytes.Repeat([]byte("evil"), 8)
			for p, text := range map[string][]byte{
				dir + "/sub/deep/f": good, outside + "/deep/f": secret, outside + "/deep/only-outside": secret,
			} {
				if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(p, text, 0o644); err != nil {
					t.Fatal(err)
				}
				if err := os.Chtimes(p, time.Unix(1e9, 0), time.Unix(1e9, 0)); err != nil {
					t.Fatal(err)
				}
			}
			var (
				flips atomic.Int64
				stop  = make(chan struct{})
				wg    sync.WaitGroup
			)
			wg.Go(func() { swaptest.Flip(stop, dir, outside, &flips) })
			seen := 0
			for i := 0; i < 400 || flips.Load() < 50; i++ {
				seen += readThrough(t, dir, open, secret)
			}
			close(stop)
			wg.Wait()
			if seen += readThrough(t, dir, open, secret); seen == 0 {
				t.Error("the file was never read")
			}
		})
	}
}

// readThrough walks dir and reads every file, and fails if anything is seen that
// is not inside. It returns how many files it read.
func readThrough(t *testing.T, dir string, open func(string) (root, error), secret []byte) int {
	tree, err := Walk(t.Context(), Options{Sources: []Source{{Dir: dir}}, openRoot: open})
	if err != nil {
		return 0 // the directory was a link when it was to be read
	}
	defer tree.Close()
	read := 0
	for i, e := range tree.Entries {
		if e.Path.Base() == "only-outside" {
			t.Fatalf("listed %q", e.Path)
		}
		if e.Kind != manifest.File {
			continue
		}
		f, err := tree.Open(i)
		if err != nil {
			continue
		}
		b, err := io.ReadAll(f)
		once := make([]byte, e.Size)
		if tree.Read(i, once) == nil {
			b = append(b, once...)
		}
		if bytes.Contains(b, secret[:4]) {
			t.Fatalf("read %q from outside", e.Path)
		}
		if err == nil && f.Check() == nil {
			read++
		}
		f.Close()
	}
	return read
}

// TestNoDescriptorLeaks counts the open descriptors around walks that fail and
// succeed.
func TestNoDescriptorLeaks(t *testing.T) {
	count := func() int {
		l, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(l)
	}
	dir := t.TempDir()
	makeTree(t, dir, []string{"a/b/c", "a/d/e", "f"})
	before := count()
	for kind, open := range openers() {
		for _, o := range []Options{
			{Sources: []Source{{Dir: dir}}},
			{Sources: []Source{{Dir: dir}, {Dir: dir}}},
			{Sources: []Source{{Dir: dir}, {Dir: dir + "/absent"}}},
			{Sources: []Source{{Dir: dir}}, Files: []string{"a/b/c", "a/d/", "f"}},
			{Sources: []Source{{Dir: dir}}, Files: []string{"absent/x"}},
			{Sources: []Source{{Dir: dir, Globs: []string{"nothing"}}}},
		} {
			o.openRoot = open
			tree, err := Walk(t.Context(), o)
			if err != nil {
				continue
			}
			for i := range tree.Entries {
				if f, err := tree.Open(i); err == nil {
					f.Close()
				}
			}
			tree.Close()
		}
		if after := count(); after != before {
			t.Fatalf("%s: %d descriptors before, %d after", kind, before, after)
		}
	}
}

func TestDeepTree(t *testing.T) {
	dir := t.TempDir()
	deep := strings.Repeat("d/", 60) + "f"
	makeTree(t, dir, []string{deep})
	for kind, open := range openers() {
		tree, err := Walk(t.Context(), Options{Sources: []Source{{Dir: dir}}, openRoot: open})
		if err != nil {
			t.Fatal(err)
		}
		last := len(tree.Entries) - 1
		f, err := tree.Open(last)
		if err != nil {
			t.Fatal(fmt.Errorf("%s: %w", kind, err))
		}
		f.Close()
		tree.Close()
	}
}
