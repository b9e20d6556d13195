package soak

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Options say what a run does.
type Options struct {
	Pubsync string   // the binary
	Dir     string   // a folder for everything the run writes; made, and emptied at the end
	Trees   []string // real trees to push; they are copied, never changed
	Seed    uint64
	Kills   int // of each stage that kills
	Pushes  int // while collecting
	Entries int // of the stage that measures a large store
	Only    []string
	Out     io.Writer
	Now     func() time.Time
}

// A stage is one way to lose bytes.
type stage struct {
	name  string
	about string
	run   func(context.Context, *run) error
}

func stages() []stage {
	return []stage{
		{"cuts", "a builder killed at ten points of a push, each push resumed once", cuts},
		{"builder", "random kills of the builder, answers and connections delayed", killBuilders},
		{"any", "random kills of builder or server, answers and connections delayed and dropped", killAny},
		{"gc", "collection in a loop during pushes", collectDuring},
		{"rot", "one bit flipped in 20 blobs", rot},
		{"busy", "a directory written to while it is pushed", busy},
		{"million", "a store with a million entries: times and memory", million},
	}
}

// Stages returns the names of the stages and what they do.
func Stages() (lines []string) {
	for _, s := range stages() {
		lines = append(lines, fmt.Sprintf("%-8s %s", s.name, s.about))
	}
	return lines
}

// run is a soak under way.
type run struct {
	Options
	rng        *rand.Rand
	violations int
	sites      int
}

// Run runs the stages and writes what they find, at last a line with the
// verdict. It fails if there was any violation, or if something kept it from
// judging.
func Run(ctx context.Context, o Options) error {
	if len(o.Trees) == 0 {
		return fmt.Errorf("no tree to push")
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return err
	}
	r := &run{Options: o}
	r.notef("seed %d, trees %v", o.Seed, o.Trees)
	for i, s := range stages() {
		if len(o.Only) > 0 && !slices.Contains(o.Only, s.name) {
			continue
		}
		// Each stage draws by itself, so that it is the same run alone.
		r.rng = rand.New(rand.NewPCG(o.Seed, uint64(i)))
		began, before := o.Now(), r.violations
		r.notef("%s: %s", s.name, s.about)
		if err := s.run(ctx, r); err != nil {
			return fmt.Errorf("stage %s, seed %d: %w", s.name, o.Seed, err)
		}
		r.notef("%s: %d violations, %.0f s", s.name, r.violations-before, o.Now().Sub(began).Seconds())
	}
	if r.violations > 0 {
		r.notef("verdict: FAILED, %d violations, seed %d", r.violations, o.Seed)
		return fmt.Errorf("%d violations", r.violations)
	}
	r.notef("verdict: passed, seed %d", o.Seed)
	return nil
}

func (r *run) notef(format string, args ...any) { fmt.Fprintf(r.Out, format+"\n", args...) }

// violation records that something was lost, mixed or not told.
func (r *run) violation(format string, args ...any) {
	r.violations++
	r.notef("  VIOLATION: "+format, args...)
}

// folder makes a folder that nothing else uses.
func (r *run) folder(name string) (string, error) {
	r.sites++
	dir := filepath.Join(r.Dir, fmt.Sprintf("%02d-%s", r.sites, name))
	if err := os.RemoveAll(dir); err != nil {
		return "", err
	}
	return dir, os.MkdirAll(dir, 0o755)
}
