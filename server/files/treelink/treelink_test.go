package treelink

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"pgregory.net/rapid"

	"github.com/pubsync/pubsync/sync/manifest"
)

var errAbsent = errors.New("absent")

type tree map[manifest.Path]manifest.Entry

func (t tree) lookup(p manifest.Path) (manifest.Entry, error) {
	if e, ok := t[p]; ok {
		return e, nil
	}
	return manifest.Entry{}, errAbsent
}

func (t tree) add(p, to string) {
	kind := manifest.Symlink
	switch to {
	case "dir":
		kind, to = manifest.Dir, ""
	case "file":
		kind, to = manifest.File, ""
	}
	t[manifest.Path(p)] = manifest.Entry{Path: manifest.Path(p), Kind: kind, Link: to}
}

func TestResolveIsBounded(t *testing.T) {
	tr := tree{}
	tr.add("a", "dir")
	tr.add("bomb", strings.Repeat("a/../", 800)+"bomb")
	tr.add("self", "self/self/self")
	tr.add("f", "file")
	looked := 0
	count := func(p manifest.Path) (manifest.Entry, error) { looked++; return tr.lookup(p) }
	for p, want := range map[manifest.Path]error{"bomb": ErrTooLong, "self": ErrLoop} {
		if _, err := Resolve(p, count); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", p, err, want)
		}
	}
	if looked > MaxSteps+MaxHops+2 {
		t.Errorf("%d look-ups", looked)
	}
	if _, err := Resolve("f/x", tr.lookup); !errors.Is(err, ErrNotDir) {
		t.Errorf("below a file: %v", err)
	}
}

// rootLinks is the number of links that os.Root follows, fewer than Linux does.
const rootLinks = 8

// Resolve must agree with os.Root about every small tree of links: what each
// path leads to, and what leaves the tree.
func TestResolveAgreesWithRoot(t *testing.T) {
	base := t.TempDir()
	part := rapid.SampledFrom([]string{"a", "b", "f", "..", ".", ""})
	rapid.Check(t, func(t *rapid.T) {
		dir, err := os.MkdirTemp(base, "")
		if err != nil {
			t.Fatal(err)
		}
		tr := tree{}
		for _, p := range []string{"a", "a/a", "b", "a/b"} {
			to := rapid.OneOf(rapid.Just("dir"), rapid.Map(rapid.SliceOfN(part, 1, 5), func(s []string) string {
				return strings.Join(s, "/")
			})).Draw(t, p)
			parent := manifest.Path(p).Dir()
			if to == "" || parent != "" && tr[parent].Kind != manifest.Dir {
				continue
			}
			tr.add(p, to)
			name := filepath.Join(dir, p)
			if to == "dir" {
				err = os.Mkdir(name, 0o755)
			} else {
				err = os.Symlink(to, name)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		tr.add("f", "file")
		if err := os.WriteFile(filepath.Join(dir, "f"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		root, err := os.OpenRoot(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		for _, p := range []string{"a", "b", "a/a", "a/b", "a/f", "b/a", "b/f", "a/b/f", "b/b/b"} {
			links := 0
			e, err := Resolve(manifest.Path(p), func(p manifest.Path) (manifest.Entry, error) {
				e, err := tr.lookup(p)
				if e.Kind == manifest.Symlink {
					links++
				}
				return e, err
			})
			fi, kerr := root.Stat(p)
			if links > rootLinks && errors.Is(kerr, syscall.ELOOP) {
				continue
			}
			if (err == nil) != (kerr == nil) {
				t.Fatalf("%s: %v, os.Root says %v", p, err, kerr)
			}
			if err != nil {
				continue
			}
			want, serr := os.Stat(filepath.Join(dir, string(e.Path)))
			if serr != nil || !os.SameFile(fi, want) {
				t.Fatalf("%s leads to %q, os.Root says %s (%v)", p, e.Path, fi.Name(), serr)
			}
		}
	})
}
