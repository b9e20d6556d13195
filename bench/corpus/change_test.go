package corpus

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func plant(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := writeAt(filepath.Join(dir, name), []byte(text), firstBuild()); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Derivations are the same every time: two caches measure the same trees.
func TestEditsAreTheSame(t *testing.T) {
	files := map[string]string{"a": "1\n2\n3\n", "b": "4\n5\n", "c/d": "6\n"}
	one, two := plant(t, files), plant(t, files)
	for _, dir := range []string{one, two} {
		if err := editSome(dir, 2); err != nil {
			t.Fatal(err)
		}
	}
	changed := 0
	for name, was := range files {
		a, _ := os.ReadFile(filepath.Join(one, name))
		b, _ := os.ReadFile(filepath.Join(two, name))
		if string(a) != string(b) {
			t.Errorf("%s: %q and %q", name, a, b)
		}
		if string(a) != was {
			changed++
		}
	}
	if changed != 1 {
		t.Errorf("%d files were edited, want every second: 1 of 3", changed)
	}
}

func TestStamp(t *testing.T) {
	dir := plant(t, map[string]string{"a": "", "b": ""})
	if err := stamp(dir, secondBuild()); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"a", "b"} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if d := fi.ModTime().Sub(secondBuild()); d < 0 || d >= 3*time.Second {
			t.Errorf("%s is %v after the build", name, d)
		}
	}
}

// A made thing is made once, and a failure leaves nothing behind.
func TestMake(t *testing.T) {
	c := &Cache{Dir: t.TempDir()}
	made := 0
	build := func(_ context.Context, dir string) error {
		made++
		return os.WriteFile(filepath.Join(dir, "x"), nil, 0o644)
	}
	for range 2 {
		dir, err := c.Make(context.Background(), "thing", build)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(dir, "x")); err != nil {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("made %d times", made)
	}
	oops := errors.New("oops")
	if _, err := c.Make(context.Background(), "bad", func(context.Context, string) error { return oops }); !errors.Is(err, oops) {
		t.Errorf("got %v", err)
	}
	left, err := os.ReadDir(filepath.Join(c.Dir, "derived", recipes))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

// No member's name leads out of the folder it is unpacked in.
func TestUnpackStaysInside(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "x.zip")
	if err := create(name, func(w io.Writer) error {
		z := zip.NewWriter(w)
		if _, err := z.Create("m@v1/../../evil"); err != nil {
			return err
		}
		return z.Close()
	}); err != nil {
		t.Fatal(err)
	}
	if err := unpack(name, filepath.Join(dir, "out")); err == nil {
		t.Error("a name that leads out was taken")
	}
}

// What the table's digest does not match is not kept.
func TestFetchRefuses(t *testing.T) {
	c := &Cache{Dir: t.TempDir()}
	if _, err := c.Fetch(context.Background(), Release{Kind: 99, Name: "x", Version: "1"}); err == nil {
		t.Error("an unknown kind was fetched")
	}
}
