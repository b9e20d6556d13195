package disk_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/server/store/disk/faultfs"
	"github.com/pubsync/pubsync/sync/manifest"
)

// push is a small push that goes through everything: two batches with small
// blobs over several packs, a large blob, a partial in two pieces, derived
// data, the commit, and reading it all.
type push struct {
	s         *disk.Store
	batches   int // that were acknowledged
	finished  bool
	published bool
}

var (
	pushSmall   = []string{"a", strings.Repeat("b", 1500), strings.Repeat("c", 1500), ""}
	pushMore    = []string{"a", "more", strings.Repeat("d", 2500)}
	pushLarge   = strings.Repeat("large", store.SmallBlob/5+1)
	pushPartial = strings.Repeat("partial", 32<<10) // a file of its own, whatever its size
)

// faultOptions have packs so small that a push needs several.
func faultOptions(dir string, fsys disk.FS) disk.Options {
	return disk.Options{Dir: dir, FS: fsys, PackSize: 4000, Volatile: true}
}

func (p *push) run() error {
	if err := p.batch(append(pushSmall, pushLarge)); err != nil {
		return err
	}
	p.batches++
	if err := p.batch(pushMore); err != nil {
		return err
	}
	p.batches++
	if err := p.partial(); err != nil {
		return err
	}
	p.finished = true
	if err := p.s.PutDerived(context.Background(), manifest.DigestOf([]byte(pushLarge)), "sig", []byte("derived")); err != nil {
		return err
	}
	if _, err := p.s.Commit(context.Background(), pushCommit()); err != nil {
		return err
	}
	p.published = true
	return readAll(p.s)
}

func (p *push) batch(contents []string) error {
	b, err := p.s.NewBatch("s")
	if err != nil {
		return err
	}
	defer b.Discard()
	for _, c := range contents {
		if err := b.Add(manifest.DigestOf([]byte(c)), int64(len(c)), strings.NewReader(c)); err != nil {
			return err
		}
	}
	return b.Commit(context.Background())
}

func (p *push) partial() error {
	for {
		w, err := p.s.OpenPartial("s", manifest.DigestOf([]byte(pushPartial)))
		if err != nil {
			return err
		}
		at := int(w.Size())
		_, err = io.WriteString(w, pushPartial[at:min(at+200_000, len(pushPartial))])
		done := w.Size() == int64(len(pushPartial))
		switch {
		case err == nil && done:
			err = w.Finish(context.Background())
		case err == nil:
			err = w.Sync()
		}
		if err := errors.Join(err, w.Close()); err != nil || done {
			return err
		}
	}
}

func pushCommit() store.Commit {
	c := store.Commit{Session: "s", Target: "t", Time: time.Unix(1, 0), Overwrite: true}
	for i, content := range append(append([]string{pushLarge, pushPartial}, pushSmall...), pushMore...) {
		c.Entries = append(c.Entries, manifest.Entry{
			Path: manifest.Path(fmt.Sprintf("d/f%d", i)), Kind: manifest.File, Mode: 0o644,
			Size: int64(len(content)), Digest: manifest.DigestOf([]byte(content)),
		})
	}
	return c
}

// readAll reads everything that is published at the latest version.
func readAll(s *disk.Store) error {
	return s.Walk(context.Background(), "", store.Latest, func(e manifest.Entry) error {
		if e.Kind != manifest.File {
			return nil
		}
		b, err := s.Open(context.Background(), e.Digest)
		if err != nil {
			return err
		}
		defer b.Close()
		got := make([]byte, b.Size())
		_, err = b.ReadAt(got, 0)
		if err == io.EOF && len(got) == 0 {
			err = nil
		}
		if err == nil && manifest.DigestOf(got) != e.Digest {
			err = fmt.Errorf("%q holds other bytes", e.Path)
		}
		return err
	})
}

// sane fails unless the store is without fault and holds what was acknowledged.
func (p *push) sane(t *testing.T) {
	t.Helper()
	_, err := p.s.Check(context.Background(), store.CheckOptions{Content: true}, func(f store.Finding) error { return f.Err })
	if err != nil {
		t.Fatalf("fsck: %v", err)
	}
	if err := readAll(p.s); err != nil {
		t.Fatal(err)
	}
	v, err := p.s.Version(context.Background())
	if err != nil || p.published != (v > 0) {
		t.Fatalf("published %v, but version %d (%v)", p.published, v, err)
	}
	var acked []manifest.Digest
	add := func(contents ...string) {
		for _, c := range contents {
			acked = append(acked, manifest.DigestOf([]byte(c)))
		}
	}
	if p.batches > 0 {
		add(append(pushSmall, pushLarge)...)
	}
	if p.batches > 1 {
		add(pushMore...)
	}
	if p.finished {
		add(pushPartial)
	}
	have, err := p.s.Have(context.Background(), "s", acked, nil)
	if err != nil {
		t.Fatal(err)
	}
	for i, ok := range have {
		if !ok {
			t.Fatalf("acknowledged blob %d of %d is gone", i, len(have))
		}
	}
}

func openFault(t *testing.T, dir string, fsys *faultfs.FS) *disk.Store {
	t.Helper()
	s, err := disk.Open(context.Background(), faultOptions(dir, fsys))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// calls returns the calls a push makes, the opening of a new store included.
func calls(t *testing.T) (ops []faultfs.Op) {
	var mu sync.Mutex
	fsys := faultfs.New()
	fsys.Set(func(o faultfs.Op) error {
		mu.Lock()
		defer mu.Unlock()
		ops = append(ops, o)
		return nil
	})
	p := push{s: openFault(t, t.TempDir(), fsys)}
	if err := p.run(); err != nil {
		t.Fatal(err)
	}
	fsys.Set(nil)
	p.sane(t)
	if err := p.s.Close(); err != nil {
		t.Fatal(err)
	}
	return ops
}

// writing are the calls that fail on a full disk.
const writing = "write sync truncate syncdir mkdir"

// TestEveryFault fails each call of a push in turn. The push may fail, the
// store may not: the same store finishes the push, and is sound.
func TestEveryFault(t *testing.T) {
	ops := calls(t)
	for _, fault := range []error{syscall.EIO, syscall.ENOSPC} {
		for i := 1; i <= len(ops); i++ {
			if fault == syscall.ENOSPC && !strings.Contains(writing, ops[i-1].Call) {
				continue
			}
			t.Run(fmt.Sprintf("%v/%d", fault, i), func(t *testing.T) {
				t.Parallel()
				var failed faultfs.Op
				fsys, dir := faultfs.New(), t.TempDir()
				fsys.Set(func(o faultfs.Op) error {
					if o.N == i {
						failed = o
						return fault
					}
					return nil
				})
				s, err := disk.Open(context.Background(), faultOptions(dir, fsys))
				if err != nil {
					s = openFault(t, dir, fsys)
				}
				p := push{s: s}
				defer func() {
					if err := s.Close(); err != nil {
						t.Error(err)
					}
				}()
				err = p.run()
				fsys.Set(nil)
				if err != nil {
					if fault == syscall.ENOSPC && !errors.Is(err, store.ErrFull) && strings.Contains(writing, failed.Call) {
						t.Errorf("%v: %v is not ErrFull", failed, err)
					}
					p.sane(t)
					if err := p.run(); err != nil {
						t.Fatalf("after a fault at %v: %v", failed, err)
					}
				}
				p.sane(t)
			})
		}
	}
}

// TestPowerCut cuts the power at each call of a push in turn. What comes up
// again holds all that was acknowledged, is sound, and finishes the push.
func TestPowerCut(t *testing.T) {
	ops := calls(t)
	for _, lucky := range []bool{false, true} {
		for i := 1; i <= len(ops); i++ {
			t.Run(fmt.Sprintf("lucky=%v/%d", lucky, i), func(t *testing.T) {
				t.Parallel()
				fsys, dir := faultfs.New(), t.TempDir()
				fsys.Set(faultfs.Off(i))
				var p push
				if s, err := disk.Open(context.Background(), faultOptions(dir, fsys)); err == nil {
					p.s = s
					p.run()
					s.Close()
				}
				p.s = openFault(t, dir, fsys.Cut(lucky))
				defer p.s.Close()
				p.sane(t)
				if err := p.run(); err != nil {
					t.Fatal(err)
				}
				p.sane(t)
			})
		}
	}
}

// TestFullDisk fills a disk with batches until nothing goes: what was
// acknowledged stays, reading goes on, and what failed gives its space back.
func TestFullDisk(t *testing.T) {
	fsys := faultfs.New()
	s, err := disk.Open(context.Background(), disk.Options{Dir: t.TempDir(), FS: fsys, Volatile: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	fsys.Limit(600_000)
	p := push{s: s}
	var held []string
	for i := 0; err == nil; i++ {
		c := fmt.Sprintf("%d%s", i, strings.Repeat("x", 1000+i*40_000%300_000))
		if err = p.batch([]string{c}); err == nil {
			held = append(held, c)
		}
	}
	if !errors.Is(err, store.ErrFull) {
		t.Fatal(err)
	}
	used := fsys.Used()
	for i := range 3 {
		small := fmt.Sprint(i, strings.Repeat("y", 3000))
		if err := p.batch([]string{small, strings.Repeat("z", 599_000)}); !errors.Is(err, store.ErrFull) {
			t.Fatal(err)
		}
	}
	if fsys.Used() != used {
		t.Errorf("%d bytes used, %d after batches that failed", used, fsys.Used())
	}
	for _, c := range held {
		if b, err := s.Open(context.Background(), manifest.DigestOf([]byte(c))); err != nil {
			t.Fatal(err)
		} else {
			b.Close()
		}
	}
	for _, name := range fsys.Names() {
		if strings.HasPrefix(name, "tmp/") {
			t.Errorf("%s was left behind", name)
		}
	}
	fsys.Limit(0)
	b, err := s.NewBatch("s")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 10 { // more than a batch keeps in memory
		c := fmt.Sprint(i, strings.Repeat("w", 60_000))
		if err := b.Add(manifest.DigestOf([]byte(c)), int64(len(c)), strings.NewReader(c)); err != nil {
			t.Fatal(err)
		}
	}
	b.Discard()
	if fsys.Used() != used {
		t.Errorf("%d bytes used, %d after a discarded batch", used, fsys.Used())
	}
	if err := p.run(); err != nil {
		t.Fatal(err)
	}
}
