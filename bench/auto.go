package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pubsync/pubsync/bench/link"
	"github.com/pubsync/pubsync/bench/measure"
	"github.com/pubsync/pubsync/bench/peer"
)

// ways are those of --through-compression; the last is to be no slower than the best
// of the others.
func ways() []string { return []string{"never", "always", "auto"} }

// A choice is how long a push of archives took over a link in each of the ways.
type choice struct {
	Archives string // the name of one, or how many
	Link     string
	Known    bool // whether an earlier push had measured the link
	Size     int64
	Seconds  map[string][]float64 // by way: of all rounds
	Up       map[string]int64     // by way: bytes at the socket, in the last round
}

// choices measures what the choice of auto costs: each release tarball alone and all of
// them together, their predecessors published, over each link, in each of the ways, by a
// builder that has never used the link and by one that has.
func choices(ctx context.Context, o *options) error {
	bin, dir, remove, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	defer remove()
	sets, err := archiveSets(ctx, o, filepath.Join(dir, "trees"))
	if err != nil {
		return err
	}
	names := o.linkNames()
	o.status.expect(len(names) * len(sets) * o.rounds)
	var all []*choice
	for _, name := range names {
		n, err := openNetwork(name)
		if errors.Is(err, link.ErrNotPermitted) {
			o.status.notef("link %s left out: %v", name, err)
			continue
		}
		if err != nil {
			return err
		}
		err = choicesOver(ctx, o, n, bin, dir, sets, func(both ...*choice) error {
			all = append(all, both...)
			return writeChoices(o, all)
		})
		n.close()
		if err != nil {
			return fmt.Errorf("link %s: %w", name, err)
		}
	}
	o.status.notef("wrote %s", filepath.Join(o.out, "auto.md"))
	return choicesReport(all).Markdown(os.Stdout)
}

// An archiveSet is archives that are pushed together.
type archiveSet struct {
	name       string
	old, fresh string // folders of the published ones and of their successors
	size       int64  // of these
}

// archiveSets makes the sets that --only matches: each release tarball, and all.
func archiveSets(ctx context.Context, o *options, dir string) ([]archiveSet, error) {
	steps, err := o.cache.Tarballs(ctx, o.quick)
	if err != nil {
		return nil, err
	}
	files, err := os.ReadDir(steps.Update)
	if err != nil {
		return nil, err
	}
	var sets []archiveSet
	all := archiveSet{name: fmt.Sprintf("all %d", len(files)), old: steps.First, fresh: steps.Update}
	for _, f := range files {
		set := archiveSet{name: f.Name(), old: filepath.Join(dir, f.Name(), "old"), fresh: filepath.Join(dir, f.Name(), "new")}
		fi, err := f.Info()
		if err != nil {
			return nil, err
		}
		set.size = fi.Size()
		all.size += set.size
		if !o.only.MatchString(set.name) {
			continue
		}
		if err := place(filepath.Join(steps.First, f.Name()), filepath.Join(set.old, f.Name()), oldDate()); err != nil {
			return nil, err
		}
		if err := place(filepath.Join(steps.Update, f.Name()), filepath.Join(set.fresh, f.Name()), newDate()); err != nil {
			return nil, err
		}
		sets = append(sets, set)
	}
	if o.only.MatchString(all.name) {
		sets = append(sets, all)
	}
	if len(sets) == 0 {
		return nil, errors.New("--only matches no archive")
	}
	return sets, nil
}

// A chooser measures over one link, with one server.
type chooser struct {
	net      *network
	pubsync  *peer.Pubsync
	dir      string
	builders int // so far
}

// choicesOver measures all sets over a link, and hands on what it found of each.
func choicesOver(ctx context.Context, o *options, n *network, bin, dir string, sets []archiveSet, found func(...*choice) error) error {
	c := &chooser{net: n, pubsync: &peer.Pubsync{}, dir: filepath.Join(dir, n.Name)}
	if err := os.MkdirAll(c.dir, 0o755); err != nil {
		return err
	}
	n.prime()
	if err := c.pubsync.Start(ctx, &peer.Site{Client: n.client, Server: n.server, Address: n.address, Dir: c.dir, Pubsync: bin}); err != nil {
		return err
	}
	defer c.pubsync.Stop()
	for k, set := range sets {
		target := fmt.Sprintf("set%d", k)
		if err := c.restore(ctx, set, target); err != nil {
			return err
		}
		both := []*choice{newChoice(set, n.Name, false), newChoice(set, n.Name, true)}
		for round := range o.rounds {
			o.status.step("%s over %s", set.name, n.Name)
			if err := c.round(ctx, both, set, target, round); err != nil {
				return fmt.Errorf("%s: %w", set.name, err)
			}
		}
		if err := found(both...); err != nil {
			return err
		}
	}
	return nil
}

func newChoice(set archiveSet, link string, known bool) *choice {
	return &choice{Archives: set.name, Link: link, Known: known, Size: set.size, Seconds: map[string][]float64{}, Up: map[string]int64{}}
}

// round pushes a set in each of the ways, each time by a new builder and then by the
// same again.
func (c *chooser) round(ctx context.Context, both []*choice, set archiveSet, target string, round int) error {
	for i := range ways() {
		way := ways()[(i+round)%len(ways())]
		c.builders++
		home := filepath.Join(c.dir, fmt.Sprintf("builder%d", c.builders))
		for _, row := range both {
			cost, traffic, err := c.successor(ctx, set, target, way, home)
			if err != nil {
				return fmt.Errorf("%s: %w", way, err)
			}
			row.Seconds[way], row.Up[way] = append(row.Seconds[way], seconds(cost.Wall)), traffic.Up
		}
	}
	return nil
}

// restore publishes the old archives of a set at full speed: what takes their place is
// unknown to the server then, as far as a builder is told.
func (c *chooser) restore(ctx context.Context, set archiveSet, target string) error {
	p := c.pubsync
	p.Home, p.Flags = "", []string{"--through-compression=never"}
	cmd, err := p.Push(ctx, peer.Job{Tree: set.old, Target: target})
	if err == nil {
		_, err = measure.Run(ctx, c.net.client, cmd, p.Servers()...)
	}
	return err
}

// successor measures the push of the new archives of a set by the builder with that
// home, and puts the old ones back.
func (c *chooser) successor(ctx context.Context, set archiveSet, target, way, home string) (measure.Cost, link.Traffic, error) {
	p := c.pubsync
	p.Home, p.Flags = home, []string{"--through-compression=" + way}
	cmd, err := p.Push(ctx, peer.Job{Tree: set.fresh, Target: target})
	if err != nil {
		return measure.Cost{}, link.Traffic{}, err
	}
	c.net.counter.Take(p.Port(), c.net.quiet())
	c.net.counter.Reset(p.Port())
	c.net.measured()
	cost, err := measure.Run(ctx, c.net.client, cmd, p.Servers()...)
	traffic := c.net.counter.Take(p.Port(), c.net.quiet())
	c.net.prime()
	if err != nil {
		return cost, traffic, err
	}
	got, err := p.Published(ctx, target)
	if err == nil {
		err = peer.Same(set.fresh, got)
	}
	return cost, traffic, errors.Join(err, c.restore(ctx, set, target))
}
