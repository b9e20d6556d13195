package soak

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
)

// collectDuring pushes again and again, while another process collects without
// a pause. The pushes share content with each other and with sessions that
// were given up, which is garbage at one moment and wanted the next.
func collectDuring(ctx context.Context, r *run) error {
	s, err := r.site(ctx, "gc", slow())
	if err != nil {
		return err
	}
	defer s.close()
	tree, err := r.folder("tree")
	if err != nil {
		return err
	}
	if err := r.fillSmall(tree, 200); err != nil {
		return err
	}
	token, err := s.token(ctx, "kept")
	if err != nil {
		return err
	}
	collecting, stop := context.WithCancel(ctx)
	defer stop()
	var rounds atomic.Int64
	ended := make(chan error, 1)
	go func() { ended <- s.collect(collecting, &rounds) }()
	for i := range r.Pushes {
		if err := s.pushDuring(ctx, tree, token, i); err != nil {
			return err
		}
	}
	stop()
	if err := <-ended; err != nil {
		return err
	}
	r.notef("  %d pushes during %d collections", r.Pushes, rounds.Load())
	return s.fsck(ctx, "after collections", "--content")
}

// collect collects until ctx ends.
func (s *site) collect(ctx context.Context, rounds *atomic.Int64) error {
	for ctx.Err() == nil {
		o, err := s.run(ctx, "gc", "--store", s.store())
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		if o.code != 0 {
			s.r.violation("gc: %v", o)
		}
		rounds.Add(1)
	}
	return nil
}

// pushDuring changes a part of the tree, pushes it as a build of its own,
// giving up one push in four half-way first, and compares.
func (s *site) pushDuring(ctx context.Context, tree, token string, build int) error {
	if err := s.r.rewriteSome(tree); err != nil {
		return err
	}
	want, err := portrait(tree)
	if err != nil {
		return err
	}
	at := fmt.Sprintf("kept/%d", build)
	args := s.pushArgs(tree, token, "--target", at)
	if s.r.rng.IntN(4) == 0 {
		v := victim{s: s, args: args}
		v.arm(s.r.rng.Int64N(300_000), 0, false)
		if _, err := v.run(ctx); err != nil {
			return err
		}
	}
	o, err := s.run(ctx, args...)
	if err != nil {
		return err
	}
	if o.code != 0 {
		s.r.violation("push during collection: %v", o)
		return nil
	}
	return s.wantAt(ctx, at, want)
}

// wantAt pulls a target to a new folder and compares it.
func (s *site) wantAt(ctx context.Context, target string, want picture) error {
	dir := filepath.Join(s.dir, "pulled-whole")
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	o, err := s.run(ctx, "pull", target, dir, "-q", "--store", s.store())
	if err != nil {
		return err
	}
	if o.code != 0 {
		s.r.violation("%s cannot be read: %v", target, o)
		return nil
	}
	got, err := portrait(dir)
	if err == nil {
		if said := got.differs(want); said != "" {
			s.r.violation("%s is not what was pushed: %s", target, said)
		}
	}
	return err
}

// fillSmall writes n files of up to 20 kB and one large one.
func (r *run) fillSmall(dir string, n int) error {
	for i := range n {
		if err := r.write(dir, fmt.Sprintf("d%d/f%d", i%7, i), 1+r.rng.IntN(20_000)); err != nil {
			return err
		}
	}
	return r.write(dir, "large", 2_000_000)
}

func (r *run) write(dir, name string, size int) error {
	full := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		return err
	}
	b := make([]byte, size)
	for i := range b {
		b[i] = byte(r.rng.Uint32())
	}
	return os.WriteFile(full, b, 0o644)
}

// rewriteSome gives a tenth of the files new content, or old that other builds
// have, and sometimes the large one.
func (r *run) rewriteSome(dir string) error {
	names, err := filesIn(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		if r.rng.IntN(10) > 0 {
			continue
		}
		// One of 50 contents a size: they come back.
		size := []int{100, 5000, 200_000}[r.rng.IntN(3)]
		b := make([]byte, size)
		k := byte(r.rng.IntN(50))
		for i := range b {
			b[i] = k + byte(i*i>>5)
		}
		if err := os.WriteFile(name, b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
