package soak

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// million fills a store with entries, each with content of its own, and says how
// long what a server does then takes, and how much memory.
func million(ctx context.Context, r *run) error {
	const targets = 10
	s, err := r.site(ctx, "million", Faults{})
	if err != nil {
		return err
	}
	defer s.close()
	tree, err := r.folder("tree")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tree)
	token, err := s.token(ctx, "m")
	if err != nil {
		return err
	}
	for i := range targets {
		if err := manyFiles(tree, r.Entries/targets, i); err != nil {
			return err
		}
		if err := s.timed(ctx, fmt.Sprintf("push of %d new files", r.Entries/targets), s.pushArgs(tree, token, "--target", fmt.Sprint("m/", i))...); err != nil {
			return err
		}
	}
	s.kill()
	began := r.Now()
	if err := s.restart(ctx); err != nil {
		return err
	}
	took := r.Now().Sub(began)
	r.notef("  %-34s %8.2f s, server %4.0f MB", "start after a kill", took.Seconds(), s.memory("VmHWM"))
	if took > 20*time.Second { // 1 s on a quiet machine: this bound only tells it from a scan
		r.violation("starting with %d entries took %v", r.Entries, took)
	}
	one, err := r.folder("one")
	if err != nil {
		return err
	}
	if err := r.write(one, "new", 1000); err != nil {
		return err
	}
	for _, c := range []struct {
		what string
		args []string
	}{
		{"list of a root", []string{"ls", "m", "--store", s.store()}},
		{"list of a folder of 1,000", []string{"ls", "m/3/d7", "--store", s.store()}},
		{"push of one file", []string{"push", one, "--json", "--token", token, "--target", "m/3"}},
		{"push of what is there", s.pushArgs(tree, token, "--target", fmt.Sprint("m/", targets-1))},
		{"gc", []string{"gc", "--store", s.store()}},
		{"fsck", []string{"fsck", "--store", s.store()}},
		{"fsck --content", []string{"fsck", "--content", "--store", s.store()}},
	} {
		if err := s.timed(ctx, c.what, c.args...); err != nil {
			return err
		}
	}
	return nil
}

// timed runs a command and says how long it took and what the server has used
// of memory at most so far.
func (s *site) timed(ctx context.Context, what string, args ...string) error {
	began := s.r.Now()
	o, err := s.run(ctx, args...)
	if err != nil {
		return err
	}
	if o.code != 0 {
		s.r.violation("%s: %v %s", what, o, o.out)
	}
	s.r.notef("  %-34s %8.2f s, server %4.0f MB", what, s.r.Now().Sub(began).Seconds(), s.memory("VmHWM"))
	return nil
}

// manyFiles writes n small files in folders of 1,000, the content of a round.
func manyFiles(dir string, n, round int) error {
	for i := range n {
		folder := filepath.Join(dir, fmt.Sprint("d", i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(folder, 0o755); err != nil {
				return err
			}
		}
		text := strings.Repeat(fmt.Sprintf("file %d of round %d\n", i, round), 1+i%4)
		if err := os.WriteFile(filepath.Join(folder, fmt.Sprint("file-", i, ".txt")), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
