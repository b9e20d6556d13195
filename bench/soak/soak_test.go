package soak

import (
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPicturesTellTreesApart changes one thing of a tree at a time.
func TestPicturesTellTreesApart(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "f")
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(os.WriteFile(name, []byte("content"), 0o644))
	check(os.Symlink("f", filepath.Join(dir, "link")))
	before, err := portrait(dir)
	check(err)
	again, err := portrait(dir)
	check(err)
	if said := before.differs(again); said != "" {
		t.Errorf("the same tree: %s", said)
	}
	fi, err := os.Stat(name)
	check(err)
	for what, change := range map[string]func() error{
		"content":  func() error { return os.WriteFile(name, []byte("Content"), 0o644) },
		"mode":     func() error { return os.Chmod(name, 0o600) },
		"new file": func() error { return os.WriteFile(filepath.Join(dir, "g"), nil, 0o644) },
		"no link":  func() error { return os.Remove(filepath.Join(dir, "link")) },
	} {
		check(change())
		check(os.Chtimes(name, fi.ModTime(), fi.ModTime()))
		after, err := portrait(dir)
		check(err)
		if before.differs(after) == "" {
			t.Errorf("%s changed: not told", what)
		}
		before = after
	}
}

// TestProxyCountsAndCuts sends bytes through a proxy that cuts every connection
// on its way up.
func TestProxyCountsAndCuts(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	got := make(chan int64, 2)
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			n, _ := io.Copy(io.Discard, c)
			c.Close()
			got <- n
		}
	}()
	for _, c := range []struct {
		f     Faults
		whole bool
	}{{Faults{}, true}, {Faults{Drop: 1, Reach: 1000}, false}} {
		// A seed by which the cut is on the way up.
		seed := uint64(0)
		for c.f.Drop > 0 && c.f.fate(rand.New(rand.NewPCG(seed, 1))).up < 0 {
			seed++
		}
		p, err := newProxy(ln.Addr().String(), c.f, seed)
		if err != nil {
			t.Fatal(err)
		}
		hit := make(chan struct{})
		p.when(500, func() { close(hit) })
		conn, err := net.Dial("tcp", strings.TrimPrefix(p.url(), "https://"))
		if err != nil {
			t.Fatal(err)
		}
		const size = 100_000
		_, _ = conn.Write(make([]byte, size))
		conn.Close()
		if n := <-got; (n == size) != c.whole {
			t.Errorf("faults %+v: %d bytes arrived of %d", c.f, n, size)
		}
		<-hit
		if c.whole && p.sent() != size {
			t.Errorf("%d bytes counted, %d sent", p.sent(), size)
		}
		p.close()
	}
}
