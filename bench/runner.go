package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/pubsync/pubsync/bench/corpus"
	"github.com/pubsync/pubsync/bench/link"
	"github.com/pubsync/pubsync/bench/measure"
	"github.com/pubsync/pubsync/bench/peer"
)

// sample is what one push of one peer took.
type sample struct {
	Workload, Step, Link, Peer string
	Round                      int
	Wall                       float64 // seconds
	ClientCPU, ServerCPU       float64 // seconds
	ClientMem, ServerMem       int64   // bytes
	Up, Down, Resent           int64   // bytes at the socket
	Connections                int
	Requests                   int64 // of pubsync only
	Clients                    int   // at once
	// Methods is how pubsync sent the files; of several clients, the last's.
	Methods map[string]peer.Share `json:",omitempty"`
}

// runner runs workloads and keeps the samples.
type runner struct {
	o        *options
	bin      string
	dir      string
	networks []*network
	part     *part // of the job that runs
}

// measureAll runs the workloads that --only matches over the links.
func measureAll(ctx context.Context, o *options) error {
	bin, dir, remove, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	defer remove()
	r := &runner{o: o, bin: bin, dir: dir}
	jobs, err := r.plan(ctx)
	defer r.close()
	if err != nil {
		return err
	}
	total := 0
	for _, j := range jobs {
		total += o.rounds * len(j.peers)
	}
	if total == 0 {
		return errors.New("--only and --links leave nothing to measure")
	}
	o.status.expect(total)
	for _, j := range jobs {
		if err := r.job(ctx, j); err != nil {
			return err
		}
		if err := writeReport(o); err != nil {
			return err
		}
	}
	o.status.notef("wrote %s", filepath.Join(o.out, "report.md"))
	return nil
}

// job is a workload over one link.
type job struct {
	workload
	net   *network
	trees corpus.Steps
	peers []peer.Peer
}

// plan makes the data and the networks.
func (r *runner) plan(ctx context.Context) ([]job, error) {
	for _, name := range r.o.linkNames() {
		n, err := openNetwork(name)
		if errors.Is(err, link.ErrNotPermitted) {
			r.o.status.notef("link %s left out: %v", name, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		r.networks = append(r.networks, n)
		if err := n.verify(ctx); err != nil {
			return nil, fmt.Errorf("link %s: %w", name, err)
		}
		if n.shaped != nil {
			r.o.status.notef("link %s: ping %.1f ms, iperf3 %.1f up and %.1f down Mbit/s", name, n.Ping, n.Up, n.Down)
		}
	}
	var jobs []job
	for _, w := range workloads() {
		if !r.o.only.MatchString(w.name) || r.o.all && (w.rare || r.o.quick && len(w.brief) == 0) {
			continue
		}
		trees, err := w.trees(ctx, r.o)
		if err != nil {
			return nil, err
		}
		for _, n := range r.networks {
			slow := n.shaped != nil
			if slow && !w.far || r.o.quick && r.o.all && !slices.Contains(w.brief, n.Name) {
				continue
			}
			jobs = append(jobs, job{w, n, trees, r.chosen(w.peers(slow))})
		}
	}
	return jobs, nil
}

// chosen are pubsync and the peers that --peers matches; in a quick run, each in its
// first mode over a link.
func (r *runner) chosen(all []peer.Peer) []peer.Peer {
	kept := slices.DeleteFunc(all, func(p peer.Peer) bool { return !product(p.Name()) && !r.o.peers.MatchString(p.Name()) })
	if !r.o.quick {
		return kept
	}
	return slices.DeleteFunc(kept, func(p peer.Peer) bool { return strings.HasSuffix(p.Name(), listsAll) })
}

func (r *runner) close() {
	for _, n := range r.networks {
		n.close()
	}
}

// job runs the peers in turn, in another order each round, and saves what it has after
// each.
func (r *runner) job(ctx context.Context, j job) error {
	r.part = &part{
		Workload: j.name, Link: j.net.Name, Began: time.Now(), Quick: r.o.quick, Machine: machine(), Versions: versions(r.bin),
		Destination: r.o.onFS, Commands: map[string]string{},
	}
	for round := range r.o.rounds {
		for i := range j.peers {
			p := j.peers[(i+round)%len(j.peers)]
			r.o.status.step("%s over %s: %s", j.name, j.net.Name, p.Name())
			if err := r.peer(ctx, j, p, round); err != nil {
				return fmt.Errorf("%s over %s, %s: %w", j.name, j.net.Name, p.Name(), err)
			}
		}
		r.part.Rounds, r.part.Net = round+1, j.net.facts()
		if err := r.part.save(r.o); err != nil {
			return err
		}
	}
	return nil
}

// peer runs the steps with one peer, from empty servers on.
func (r *runner) peer(ctx context.Context, j job, p peer.Peer, round int) error {
	dir, err := os.MkdirTemp(r.dir, "site-")
	if err != nil {
		return err
	}
	defer func() {
		os.RemoveAll(dir)
		r.o.trim()
	}()
	site := &peer.Site{Client: j.net.client, Server: j.net.server, Address: j.net.address, Dir: dir, Pubsync: r.bin}
	if err := p.Start(ctx, site); err != nil {
		return err
	}
	defer p.Stop()
	for i, s := range j.steps {
		if i > 0 && !r.o.steps.MatchString(s.name) || s.long && r.o.quick && r.o.all {
			continue
		}
		if err := r.step(ctx, j, p, s, round); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

func (r *runner) step(ctx context.Context, j job, p peer.Peer, s step, round int) error {
	measured := j.net.shaped == nil || !s.bulk
	cmd, targets, err := r.command(ctx, j, p, s)
	if err != nil {
		return err
	}
	// What earlier steps wrote is on disk before the next is timed.
	unix.Sync()
	if measured {
		j.net.measured()
	} else {
		j.net.prime()
	}
	j.net.counter.Take(p.Port(), j.net.quiet())
	j.net.counter.Reset(p.Port())
	ctx, stop := context.WithTimeoutCause(ctx, patience, errTooLong)
	defer stop()
	cost, err := measure.Run(ctx, j.net.client, cmd, p.Servers()...)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	if err != nil {
		return err
	}
	traffic := j.net.counter.Take(p.Port(), j.net.quiet())
	j.net.prime()
	if err := r.check(ctx, j, p, s, targets); err != nil {
		return fmt.Errorf("the report is void: %w", err)
	}
	if measured {
		r.keep(j, p, s, round, cost, traffic)
	}
	return nil
}

// patience is how long one push may take.
const patience = 30 * time.Minute

var errTooLong = errors.New("a push took more than half an hour")

func (r *runner) check(ctx context.Context, j job, p peer.Peer, s step, targets []string) error {
	for _, target := range targets {
		got, err := p.Published(ctx, target)
		if err != nil {
			return err
		}
		if err := peer.Same(s.tree(j.trees), got); err != nil {
			return err
		}
	}
	return nil
}

// command prepares the push of a step; of several clients, a script that runs them
// all and fails if one does.
func (r *runner) command(ctx context.Context, j job, p peer.Peer, s step) (measure.Command, []string, error) {
	if s.clients == 0 {
		cmd, err := p.Push(ctx, peer.Job{Tree: s.tree(j.trees), Target: "tree", Delete: s.delete})
		r.part.Commands[s.name+", "+p.Name()] = shown(cmd.Args, r.dir, r.o)
		return cmd, []string{"tree"}, err
	}
	var targets, lines []string
	var cmd measure.Command
	for i := range s.clients {
		target := fmt.Sprintf("tree%d", i)
		c, err := p.Push(ctx, peer.Job{Tree: s.tree(j.trees), Target: target, Delete: s.delete})
		if err != nil {
			return c, nil, err
		}
		cmd.Env = c.Env
		lines = append(lines, quote(c.Args)+" & p"+fmt.Sprint(i)+"=$!\n")
		targets = append(targets, target)
		r.part.Commands[s.name+", "+p.Name()] = shown(c.Args, r.dir, r.o) + fmt.Sprintf("   (%d at once)", s.clients)
	}
	for i := range s.clients {
		lines = append(lines, fmt.Sprintf("wait $p%d || exit 1\n", i))
	}
	cmd.Args = []string{"sh", "-c", strings.Join(lines, "")}
	return cmd, targets, nil
}

func quote(args []string) string {
	quoted := make([]string, len(args))
	for i, a := range args {
		quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	return strings.Join(quoted, " ")
}

func (r *runner) keep(j job, p peer.Peer, s step, round int, c measure.Cost, t link.Traffic) {
	var said peer.Said
	if product(p.Name()) {
		// Pulls say less of themselves, and what they do not say stays empty.
		said, _ = peer.ParseSaid(c.Output)
	}
	r.part.Samples = append(r.part.Samples, sample{
		Workload: j.name, Step: s.name, Link: j.net.Name, Peer: p.Name(), Round: round,
		Wall: seconds(c.Wall), ClientCPU: seconds(c.ClientCPU), ServerCPU: seconds(c.ServerCPU),
		ClientMem: c.ClientMem, ServerMem: c.ServerMem, Up: t.Up, Down: t.Down, Resent: t.Resent,
		Connections: t.Connections, Requests: said.Requests, Clients: max(s.clients, 1), Methods: said.Methods,
	})
}

func seconds(d time.Duration) float64 { return d.Seconds() }
