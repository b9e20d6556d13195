package soak

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/pubsync/pubsync/sync/wire"
)

// allowance is how many bytes a push that was killed may send in all, by those
// of a clean one.
const allowance = 1.1

// slow are the faults of links that hold things up and lose nothing; rough ones
// lose connections too.
func slow() Faults { return Faults{Delay: 40 * time.Millisecond} }

func rough(reach int64) Faults {
	return Faults{Delay: 40 * time.Millisecond, Drop: 0.4, Reach: reach}
}

// A course is a tree, its next version, and what a clean push of each sends.
type course struct {
	name   string
	trees  [2]string
	want   [2]picture
	clean  [2]int64 // bytes up
	lasted [2]time.Duration
}

// course prepares a tree and measures clean pushes of its versions.
func (r *run) course(ctx context.Context, tree string) (*course, error) {
	dir, err := r.folder("tree")
	if err != nil {
		return nil, err
	}
	c := &course{name: filepath.Base(tree), trees: [2]string{filepath.Join(dir, "old"), filepath.Join(dir, "new")}}
	if err := copyTree(c.trees[0], tree); err != nil {
		return nil, err
	}
	if err := copyTree(c.trees[1], c.trees[0]); err != nil {
		return nil, err
	}
	if err := edit(c.trees[1], r.rng); err != nil {
		return nil, err
	}
	s, err := r.site(ctx, "clean", Faults{})
	if err != nil {
		return nil, err
	}
	defer s.close()
	token, err := s.token(ctx, target)
	if err != nil {
		return nil, err
	}
	for i := range c.trees {
		if c.want[i], err = portrait(c.trees[i]); err != nil {
			return nil, err
		}
		began, before := r.Now(), s.proxy.sent()
		if _, err := s.must(ctx, s.pushArgs(c.trees[i], token)...); err != nil {
			return nil, err
		}
		c.lasted[i], c.clean[i] = r.Now().Sub(began), s.proxy.sent()-before
		if err := s.wantState(ctx, c.want[i]); err != nil {
			return nil, err
		}
	}
	r.notef("  %s: %d files; clean pushes of two versions send %d and %d bytes", c.name, len(c.want[0]), c.clean[0], c.clean[1])
	return c, nil
}

// target is what all is pushed to.
const target = "soak/1"

// state returns what is published: nil if nothing is.
func (s *site) state(ctx context.Context) (picture, error) {
	dir := filepath.Join(s.dir, "pulled")
	// The server may be killed at any moment: then its answer is awaited.
	o, err := s.run(ctx, "pull", target, dir, "-q", "--delete", "--store", s.store())
	if err != nil {
		return nil, err
	}
	switch {
	case o.code == 0:
		return portrait(dir)
	case strings.Contains(o.err, "no such"), strings.Contains(o.err, "not_found"):
		return nil, nil
	}
	return nil, fmt.Errorf("pull: %v", o)
}

// wantState compares what is published with one of several pictures; nil
// stands for nothing.
func (s *site) wantState(ctx context.Context, any ...picture) error {
	got, err := s.state(ctx)
	if err != nil {
		return err
	}
	said := ""
	for _, want := range any {
		if (got == nil) == (want == nil) {
			if said = got.differs(want); said == "" {
				return nil
			}
		}
	}
	s.r.violation("published in %s is neither absent nor what was pushed: %s", s.dir, said)
	return nil
}

// campaign is a series of pushes with kills, until enough have hit.
type campaign struct {
	*run
	builder bool // kill builders only
	rough   bool
	course  *course
	left    int // kills to come

	kills, servers, pushes, gaveUp int
	sent, clean                    int64
	worst                          float64
	worstPush                      string // what was sent in it, and why
}

func killBuilders(ctx context.Context, r *run) error {
	return r.campaigns(ctx, campaign{run: r, builder: true})
}

func killAny(ctx context.Context, r *run) error {
	return r.campaigns(ctx, campaign{run: r, rough: true})
}

// campaigns shares the kills out among the trees.
func (r *run) campaigns(ctx context.Context, k campaign) error {
	for i, tree := range r.Trees {
		c, err := r.course(ctx, tree)
		if err != nil {
			return err
		}
		k.course, k.left = c, r.Kills/len(r.Trees)
		if i == 0 {
			k.left += r.Kills % len(r.Trees)
		}
		for k.left > 0 {
			if err := k.episode(ctx); err != nil {
				return err
			}
		}
	}
	ratio := float64(k.sent) / float64(k.clean)
	r.notef("  %d kills (%d of the server) in %d pushes, %d times exit 75; sent %.3f times the clean pushes' bytes, %.3f at worst: %s",
		k.kills, k.servers, k.pushes, k.gaveUp, ratio, k.worst, k.worstPush)
	if k.builder && ratio > allowance {
		r.violation("%.3f times the bytes of clean pushes were sent, %.1f allowed", ratio, allowance)
	}
	return nil
}

// episode pushes both versions of a tree to a new server, killing one to three
// times each.
func (k *campaign) episode(ctx context.Context) error {
	f := slow()
	if k.rough {
		f = rough(k.course.clean[0] / 2)
	}
	s, err := k.site(ctx, "kills", f)
	if err != nil {
		return err
	}
	defer s.close()
	token, err := s.token(ctx, target)
	if err != nil {
		return err
	}
	var before picture
	for i := range k.course.trees {
		if k.left <= 0 {
			break
		}
		if err := k.push(ctx, s, token, i, before); err != nil {
			return err
		}
		before = k.course.want[i]
	}
	return s.fsck(ctx, "after a series of kills", "--content")
}

// maxTries bounds the runs of one push.
const maxTries = 40

// push runs a push until it is through, killing on the way.
func (k *campaign) push(ctx context.Context, s *site, token string, version int, before picture) error {
	planned := min(1+k.rng.IntN(3), k.left)
	want, start := k.course.want[version], s.proxy.sent()
	var runs []string
	k.pushes++
	for try := 0; ; try++ {
		if try == maxTries {
			k.violation("a push did not get through in %d runs, %d of which were killed (%s)", try, planned, s.dir)
			return nil
		}
		v := victim{s: s, args: s.pushArgs(k.course.trees[version], token)}
		if planned > 0 {
			v.server = !k.builder && k.rng.IntN(2) == 0
			v.arm(k.moment(version, s.proxy.sent()-start), k.rng.Int64N(int64(k.course.lasted[version])), k.rng.IntN(5) == 0)
		}
		upTo, cuts := s.proxy.sent(), s.proxy.cuts()
		o, err := v.run(ctx)
		if err != nil {
			return err
		}
		runs = append(runs, v.told(s.proxy.sent()-upTo, s.proxy.cuts()-cuts))
		if v.hit {
			planned--
			k.left--
			k.kills++
		}
		if v.hit && v.server {
			k.servers++
		}
		if err := s.wantState(ctx, before, want); err != nil {
			return err
		}
		switch o.code {
		case 0:
			if err := s.wantState(ctx, want); err != nil {
				return err
			}
			k.tally(s.proxy.sent()-start, version, runs)
			return nil
		case wire.ExitTryAgain, wire.ExitUnreachable:
			k.gaveUp++
		default:
			if !v.hit || v.server {
				k.violation("a push in %s ended with %v", s.dir, o)
			}
		}
	}
}

// moment is when the next kill is due: so many bytes from now, somewhere in what
// a clean push has still to send.
func (k *campaign) moment(version int, sent int64) int64 {
	return k.rng.Int64N(max(k.course.clean[version]-sent, 4096))
}

func (k *campaign) tally(sent int64, version int, runs []string) {
	clean := k.course.clean[version]
	k.sent += sent
	k.clean += clean
	if ratio := float64(sent) / float64(clean); version == 0 && ratio > k.worst {
		k.worst = ratio
		k.worstPush = fmt.Sprintf("%s, clean %d bytes, sent %s", k.course.name, clean, strings.Join(runs, "; "))
	}
}

// A victim is one run of a push that is killed on the way, or has the server
// killed under it.
type victim struct {
	s      *site
	args   []string
	server bool
	hit    bool // the kill came before the end

	armed  bool
	bytes  int64         // more of them up, then kill
	after  time.Duration // if not 0, kill by the clock instead
	struck atomic.Bool
}

// told says how the run went in which so many bytes were sent and connections cut.
func (v *victim) told(sent int64, cuts uint64) string {
	how := ""
	switch {
	case v.hit && v.server:
		how = ", the server killed"
	case v.hit:
		how = ", killed"
	}
	return fmt.Sprintf("%d over %d cut connections%s", sent, cuts, how)
}

// arm sets the moment: after so many bytes of this push, or by the clock, which
// gets at stages in which nothing is sent.
func (v *victim) arm(bytes, nanoseconds int64, byClock bool) {
	v.armed, v.bytes = true, bytes
	if byClock {
		v.after = time.Duration(nanoseconds)
	}
}

func (v *victim) run(ctx context.Context) (outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	cmd := v.s.command(ctx, v.args...)
	restarted := make(chan error, 1)
	kill := func() {
		if !v.struck.CompareAndSwap(false, true) {
			return
		}
		if !v.server {
			_ = cmd.Process.Kill()
			restarted <- nil
			return
		}
		v.s.kill()
		go func() { restarted <- v.s.recover(ctx) }()
	}
	if !v.armed {
		return finish(ctx, cmd)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		return outcome{}, err
	}
	// Not before: what an earlier run left in the proxy may still count.
	if v.after > 0 {
		t := time.AfterFunc(v.after, kill)
		defer t.Stop()
	} else {
		defer v.s.proxy.when(v.s.proxy.sent()+v.bytes, kill)()
	}
	_ = cmd.Wait()
	v.hit = !v.struck.CompareAndSwap(false, true)
	if v.hit {
		if err := <-restarted; err != nil {
			return outcome{}, err
		}
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return outcome{}, fmt.Errorf("%v did not end: %s", cmd.Args, errs.String())
	}
	return outcome{cmd.ProcessState.ExitCode(), out.String(), errs.String()}, ctx.Err()
}

// recover starts a server that was killed and checks its store, while the
// builder goes on.
func (s *site) recover(ctx context.Context) error {
	if err := s.restart(ctx); err != nil {
		return err
	}
	return s.fsck(ctx, "after a kill of the server")
}

// cuts kills the builder at ten points of a push, spread evenly over its bytes.
// Each push is then run again once, and all are to send at most the allowance.
func cuts(ctx context.Context, r *run) error {
	const points = 10
	for _, tree := range r.Trees {
		c, err := r.course(ctx, tree)
		if err != nil {
			return err
		}
		var ratios []string
		for i := range points {
			ratio, err := r.cut(ctx, c, c.clean[0]*int64(2*i+1)/(2*points))
			if err != nil {
				return err
			}
			ratios = append(ratios, fmt.Sprintf("%.3f", ratio))
			if ratio > allowance {
				r.violation("cut at point %d of %d, the push sent %.3f times the bytes of a clean one", i+1, points, ratio)
			}
		}
		r.notef("  %s: bytes sent in all by those of a clean push: %s", c.name, strings.Join(ratios, " "))
	}
	return nil
}

// cut kills a push after so many bytes, runs it again, and returns what was
// sent in all by what a clean one sends.
func (r *run) cut(ctx context.Context, c *course, at int64) (float64, error) {
	s, err := r.site(ctx, "cut", Faults{})
	if err != nil {
		return 0, err
	}
	defer s.close()
	token, err := s.token(ctx, target)
	if err != nil {
		return 0, err
	}
	v := victim{s: s, args: s.pushArgs(c.trees[0], token)}
	v.arm(at, 0, false)
	if _, err := v.run(ctx); err != nil {
		return 0, err
	}
	if _, err := s.must(ctx, s.pushArgs(c.trees[0], token)...); err != nil {
		return 0, err
	}
	return float64(s.proxy.sent()) / float64(c.clean[0]), s.wantState(ctx, c.want[0])
}
