package catalog

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/pubsync/pubsync/server/store"
)

// together has the changes wait for the writer until all have come, so that
// they are one group, and returns what became of each; a panic as "panic: ...".
func together(t *testing.T, c *Catalog, fs []func(*conn) error) []error {
	t.Helper()
	return togetherBy(t, c, c.write, fs)
}

func togetherBy(t *testing.T, c *Catalog, write func(context.Context, func(*conn) error) error, fs []func(*conn) error) []error {
	t.Helper()
	w := <-c.writer
	errs := make([]error, len(fs))
	var wg sync.WaitGroup
	for i, f := range fs {
		wg.Go(func() {
			defer func() {
				if v := recover(); v != nil {
					errs[i] = fmt.Errorf("panic: %v", v)
				}
			}()
			errs[i] = write(t.Context(), f)
		})
		c.awaitQueue(i + 1)
	}
	c.writer <- w
	wg.Wait()
	return errs
}

// awaitQueue waits until so many changes do.
func (c *Catalog) awaitQueue(n int) {
	for waiting := 0; waiting < n; runtime.Gosched() {
		c.queue.mu.Lock()
		waiting = len(c.queue.waiting)
		c.queue.mu.Unlock()
	}
}

func openTest(t *testing.T) *Catalog {
	t.Helper()
	c, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "catalog.db"), Volatile: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func put(key string) func(*conn) error {
	return func(w *conn) error { return tx{w}.Put("b", key, nil) }
}

// keys returns the keys on record, joined.
func keys(t *testing.T, c *Catalog) string {
	t.Helper()
	var all []string
	err := c.View(t.Context(), func(tx store.Tx) error {
		return tx.Scan("b", "", func(key string, _ []byte) bool {
			all = append(all, key)
			return true
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// TestGroup writes what waits in one transaction; what fails in it fails alone.
func TestGroup(t *testing.T) {
	c := openTest(t)
	errNo := errors.New("no")
	errs := together(t, c, []func(*conn) error{
		put("a"),
		func(w *conn) error { _ = put("b")(w); return errNo },
		put("c"),
		func(w *conn) error { _ = put("d")(w); panic("dear me") },
		put("e"),
	})
	if got := fmt.Sprint(errs); got != "[<nil> no <nil> panic: dear me <nil>]" {
		t.Errorf("errors %v", got)
	}
	if got := keys(t, c); got != "a c e" {
		t.Errorf("on record: %q, want a c e", got)
	}
	w := <-c.writer
	if w.stmts["SAVEPOINT change"] == nil {
		t.Error("they were not written together")
	}
	c.writer <- w
}

// TestGroupAgain writes changes that may be run again: together without savepoints, and
// if one fails each by itself.
func TestGroupAgain(t *testing.T) {
	c := openTest(t)
	runs := 0
	count := func(key string) func(*conn) error {
		return func(w *conn) error { runs++; return put(key)(w) }
	}
	errs := togetherBy(t, c, c.writeAgain, []func(*conn) error{count("a"), count("b")})
	if got := fmt.Sprintf("%v %d %s", errs, runs, keys(t, c)); got != "[<nil> <nil>] 2 a b" {
		t.Errorf("errors, runs and keys %v", got)
	}
	errs = togetherBy(t, c, c.writeAgain, []func(*conn) error{
		count("c"),
		func(w *conn) error { _ = put("d")(w); return errors.New("no") },
		count("e"),
		func(w *conn) error { _ = put("f")(w); panic("dear me") },
	})
	if got := fmt.Sprintf("%v %d %s", errs, runs, keys(t, c)); got != "[<nil> no <nil> panic: dear me] 5 a b c e" {
		t.Errorf("errors, runs and keys %v", got)
	}
	w := <-c.writer
	if w.stmts["SAVEPOINT change"] != nil {
		t.Error("they were written within savepoints")
	}
	c.writer <- w
}

// Blobs that are registered together need no savepoints: of 4096 small blobs each they
// took a server tens of megabytes.
func TestRegisterTogether(t *testing.T) {
	c := openTest(t)
	register := func(_ context.Context, _ func(*conn) error) error {
		return c.Register(t.Context(), "s", []Blob{{Size: 1, Pack: 1}}, nil, nil, nil)
	}
	if errs := togetherBy(t, c, register, make([]func(*conn) error, 3)); fmt.Sprint(errs) != "[<nil> <nil> <nil>]" {
		t.Error(errs)
	}
	w := <-c.writer
	if w.stmts["SAVEPOINT change"] != nil {
		t.Error("they were registered within savepoints")
	}
	c.writer <- w
}

// TestGroupLost loses the whole transaction in one change: nobody is told that
// anything was written.
func TestGroupLost(t *testing.T) {
	c := openTest(t)
	errs := together(t, c, []func(*conn) error{
		put("a"),
		func(w *conn) error { _, _ = w.exec("ROLLBACK"); return store.ErrFull },
		put("c"),
	})
	for i, err := range errs {
		if !errors.Is(err, store.ErrFull) {
			t.Errorf("change %d: %v", i, err)
		}
	}
	if got := keys(t, c); got != "" {
		t.Errorf("on record: %q", got)
	}
	if err := c.write(t.Context(), put("d")); err != nil || keys(t, c) != "d" {
		t.Errorf("afterwards: %v", err)
	}
}

// TestWithdrawn cancels a change that waits: it is not written, and those
// around it are.
func TestWithdrawn(t *testing.T) {
	c := openTest(t)
	ctx, cancel := context.WithCancel(t.Context())
	w := <-c.writer
	done := make(chan error)
	go func() { done <- c.write(ctx, put("a")) }()
	c.awaitQueue(1)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	c.writer <- w
	if err := c.write(t.Context(), put("b")); err != nil || keys(t, c) != "b" {
		t.Errorf("%v, on record %q", err, keys(t, c))
	}
}

// TestManyWriters has more writers than a group takes.
func TestManyWriters(t *testing.T) {
	c := openTest(t)
	var fs []func(*conn) error
	for i := range 3*groupSize + 1 {
		fs = append(fs, put(fmt.Sprintf("%03d", i)))
	}
	for i, err := range together(t, c, fs) {
		if err != nil {
			t.Errorf("change %d: %v", i, err)
		}
	}
	if got := len(strings.Fields(keys(t, c))); got != len(fs) {
		t.Errorf("%d on record, want %d", got, len(fs))
	}
}
