package files

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

func sampleTree() manifest.List {
	return manifest.List{
		{Path: "d", Kind: manifest.Dir, Mode: 0o755, MTime: 1},
		file("d/a", "a"), file("d/b", "b"), link("d/l", "../x"),
	}
}

func TestTreeIsBounded(t *testing.T) {
	b := wire.AppendTree(nil, 7, sampleTree())
	if _, _, err := wire.ParseTree(b, 3); !errors.Is(err, manifest.ErrBadCoding) {
		t.Errorf("four entries where three may be: %v", err)
	}
	for i := range b {
		if _, _, err := wire.ParseTree(b[:i], 4); err == nil {
			t.Errorf("cut at %d of %d bytes: no error", i, len(b))
		}
	}
	if _, _, err := wire.ParseTree(append(b, 0), 4); !errors.Is(err, wire.ErrBadFrame) {
		t.Errorf("a byte too many: %v", err)
	}
}

// What decodes must be what is coded again, and nothing may crash.
func FuzzParseTree(f *testing.F) {
	seeds, err := filepath.Glob("testdata/tree/*")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, name := range seeds {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, l, err := wire.ParseTree(b, 1000)
		if err != nil {
			return
		}
		v2, l2, err := wire.ParseTree(wire.AppendTree(nil, v, l), 1000)
		if err != nil || v2 != v || !cmp.Equal(l, l2) {
			t.Fatalf("version %d, then %d (%v): %s", v, v2, err, cmp.Diff(l, l2))
		}
	})
}

func TestSeedsDecode(t *testing.T) {
	b, err := os.ReadFile("testdata/tree/sample")
	if err != nil {
		t.Fatal(err)
	}
	v, l, err := wire.ParseTree(b, 4)
	if err != nil || v != 7 || !cmp.Equal(l, sampleTree()) {
		t.Errorf("version %d, error %v, %s", v, err, cmp.Diff(l, sampleTree()))
	}
}
