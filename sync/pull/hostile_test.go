package pull_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/pull"
)

// A hostile server says whatever the test wants it to (threats, row 21).
type hostile struct {
	list manifest.List
	body func() io.Reader
}

func (h hostile) Tree(context.Context, manifest.Path, int64) (manifest.List, int64, error) {
	return h.list, 1, nil
}

func (h hostile) Fetch(_ context.Context, _ manifest.Path, _ int64, use func(io.Reader) error) error {
	return use(h.body())
}

func (h hostile) Hashes(context.Context, manifest.Path, int64, []byte, int64) ([]byte, error) {
	return nil, errors.New("no hashes")
}

func (h hostile) FetchRanges(context.Context, manifest.Path, int64, [][2]int64, func(int, io.Reader) error) error {
	return errors.New("no ranges")
}

const good = "good"

func file(path string) manifest.Entry {
	return manifest.Entry{Path: manifest.Path(path), Kind: manifest.File, Mode: 0o644, MTime: 1, Size: int64(len(good)), Digest: manifest.DigestOf([]byte(good))}
}

func dir(path string) manifest.Entry {
	return manifest.Entry{Path: manifest.Path(path), Kind: manifest.Dir, Mode: 0o755, MTime: 1}
}

func link(path, to string) manifest.Entry {
	return manifest.Entry{Path: manifest.Path(path), Kind: manifest.Symlink, Mode: 0o777, MTime: 1, Link: to}
}

// victims makes a folder to pull into, and one beside it with a file that must
// stay as it is.
func victims(t *testing.T) (root *os.Root, outside string) {
	t.Helper()
	top := t.TempDir()
	outside = filepath.Join(top, "outside")
	for _, d := range []string{"in", "outside"} {
		if err := os.Mkdir(filepath.Join(top, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(outside, "f"), []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(filepath.Join(top, "in"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root, outside
}

func unchanged(t *testing.T, outside string) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(outside, "f"))
	list, lerr := os.ReadDir(outside)
	if err != nil || lerr != nil || string(b) != "mine" || len(list) != 1 {
		t.Errorf("the folder outside was changed: %q, %d files, %v", b, len(list), errors.Join(err, lerr))
	}
}

// TestNamesThatLeadOut has a server name paths that lead out of the folder, or
// through a link of its own making.
func TestNamesThatLeadOut(t *testing.T) {
	for name, l := range map[string]manifest.List{
		"dots":            {file("../outside/f")},
		"dots inside":     {file("a/../../outside/f")},
		"absolute":        {file("/outside/f")},
		"NUL":             {file("a\x00b")},
		"empty":           {file("")},
		"through a link":  {link("a", "../outside"), file("a/f")},
		"folder and link": {link("a", "../outside"), dir("a")},
	} {
		root, outside := victims(t)
		_, err := pull.Pull(t.Context(), hostile{l, func() io.Reader { return bytes.NewReader([]byte(good)) }}, root, pull.Options{Delete: true})
		if err == nil {
			t.Errorf("%s: pulled", name)
		}
		unchanged(t, outside)
		if made, err := fs.ReadDir(root.FS(), "."); err != nil || len(made) > 0 {
			t.Errorf("%s: %d entries made of a list that is to be refused (error %v)", name, len(made), err)
		}
	}
}

// TestLinkOfAnEarlierPull has a server publish a link first and a file below it
// in the next version: the link is replaced, not followed.
func TestLinkOfAnEarlierPull(t *testing.T) {
	root, outside := victims(t)
	body := func() io.Reader { return bytes.NewReader([]byte(good)) }
	for _, l := range []manifest.List{
		{link("a", "../outside"), link("f", "../outside/f")},
		{dir("a"), file("a/f"), file("f")},
	} {
		if _, err := pull.Pull(t.Context(), hostile{l, body}, root, pull.Options{Delete: true, Checksum: true}); err != nil {
			t.Fatal(err)
		}
		unchanged(t, outside)
	}
	for _, name := range []string{"a/f", "f"} {
		fi, err := root.Lstat(name)
		if err != nil || !fi.Mode().IsRegular() {
			t.Errorf("%s: %v, %v", name, fi, err)
		}
	}
}

// endless counts what is read of it.
type endless struct{ n int64 }

func (e *endless) Read(p []byte) (int, error) {
	e.n += int64(len(p))
	return len(p), nil
}

// TestOtherBytes has a server send other bytes than it promised, and no end of
// them: nothing is put in place, and no more is read than the file's size.
func TestOtherBytes(t *testing.T) {
	root, _ := victims(t)
	e := &endless{}
	for name, body := range map[string]io.Reader{"other": bytes.NewReader([]byte("evil")), "fewer": bytes.NewReader([]byte("goo")), "endless": e} {
		_, err := pull.Pull(t.Context(), hostile{manifest.List{file("f")}, func() io.Reader { return body }}, root, pull.Options{})
		if !errors.Is(err, pull.ErrDigest) {
			t.Errorf("%s: %v", name, err)
		}
		if left, _ := os.ReadDir(root.Name()); len(left) > 0 {
			t.Errorf("%s: %v was left", name, left)
		}
	}
	if e.n > 64<<10 {
		t.Errorf("%d bytes were read for a file of %d", e.n, len(good))
	}
}
