package soak

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"
)

// A busy tree has files all of whose words are the same number, which a writer
// replaces by the next, in place or by a rename. A file with two numbers in it
// is mixed.
const (
	busyFiles  = 60
	busyPushes = 20
)

// busy pushes a directory while it is written to. A push may fail and must then
// say why; what is published may be of any moment, but of one.
func busy(ctx context.Context, r *run) error {
	dir, err := r.folder("busy")
	if err != nil {
		return err
	}
	for i := range busyFiles {
		if err := writeWhole(filepath.Join(dir, fmt.Sprint("f", i)), busySize(i), 0); err != nil {
			return err
		}
	}
	s, err := r.site(ctx, "site", slow())
	if err != nil {
		return err
	}
	defer s.close()
	token, err := s.token(ctx, target)
	if err != nil {
		return err
	}
	writing, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	rng := rand.New(rand.NewPCG(r.rng.Uint64(), 0))
	go func() { ended <- keepWriting(writing, dir, rng) }()
	published, refused := 0, 0
	for range busyPushes {
		o, err := s.run(ctx, s.pushArgs(dir, token)...)
		if err != nil {
			return err
		}
		if o.code != 0 {
			refused++
			if o.err == "" {
				r.violation("a push of a busy directory failed without a word")
			}
			continue
		}
		published++
		if err := s.wantUnmixed(ctx); err != nil {
			return err
		}
	}
	stop()
	r.notef("  %d pushes published, %d told that files change", published, refused)
	return <-ended
}

func busySize(i int) int { return 8 << (i % 16) } // to 256 KiB

// writeWhole writes a file of one number, in place if it is there.
func writeWhole(name string, size int, k uint64) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	b := make([]byte, size)
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], k)
	}
	_, err = f.WriteAt(b, 0)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// keepWriting replaces files, in bursts without a pause and at a walk.
func keepWriting(ctx context.Context, dir string, rng *rand.Rand) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for k := uint64(1); ; k++ {
		i := rng.IntN(busyFiles)
		name := filepath.Join(dir, fmt.Sprint("f", i))
		var err error
		if rng.IntN(3) == 0 {
			if err = writeWhole(name+".new", busySize(i), k); err == nil {
				err = os.Rename(name+".new", name)
			}
		} else {
			err = writeWhole(name, busySize(i), k)
		}
		if err != nil {
			return err
		}
		if rng.IntN(10) == 0 {
			// A burst: the same file again, within one tick of the clock.
			for j := uint64(1); j <= 3; j++ {
				if err := writeWhole(name, busySize(i), k<<32+j); err != nil {
					return err
				}
			}
		}
		// A pause now and then, or no push would ever get through.
		n := 1
		if rng.IntN(40) == 0 {
			n = 200
		}
		for range n {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return nil
			}
		}
	}
}

// wantUnmixed reads what is published and looks for mixed files.
func (s *site) wantUnmixed(ctx context.Context) error {
	dir := filepath.Join(s.dir, "pulled-busy")
	if _, err := s.must(ctx, "pull", target, dir, "-q", "--delete", "--store", s.store()); err != nil {
		return err
	}
	names, err := filesIn(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		for i := 8; i+8 <= len(b); i += 8 {
			if binary.LittleEndian.Uint64(b[i:]) != binary.LittleEndian.Uint64(b) {
				s.r.violation("a mixed file was published: %s of %d bytes at %d", filepath.Base(name), len(b), i)
				break
			}
		}
	}
	return nil
}
