package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/pubsync/pubsync/bench/corpus"
	"github.com/pubsync/pubsync/bench/link"
	"github.com/pubsync/pubsync/bench/measure"
	"github.com/pubsync/pubsync/bench/peer"
)

// deltaPair is a file and its successor.
type deltaPair struct {
	Family, Label      string
	old                []named // one but for merged files
	new                named
	plainOld, plainNew string // files that F is of, if not of these
}

// A named file, and what it is pushed as.
type named struct{ file, name string }

func nameless(file string) named { return named{file, filepath.Base(file)} }

// deltaRow is what one pair took.
type deltaRow struct {
	Family, Label        string
	Size                 int64 // of the new file
	Up, Down             int64 // bytes at the socket for pubsync
	BasisUp, BasisDown   int64 // the same with the old file at hand; 0 if not measured
	RsyncUp, RsyncDown   int64
	Floor                int64 // see [floor]
	Seconds, RsyncSecond float64
	Methods              map[string]peer.Share
}

// deltas measures the bytes that the second of two releases takes, and writes the
// table.
func deltas(ctx context.Context, o *options) error {
	pairs, err := deltaPairs(ctx, o)
	if err != nil {
		return err
	}
	if len(pairs) == 0 {
		return fmt.Errorf("--only matches no pair")
	}
	bin, dir, remove, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	defer remove()
	m, err := newDeltaMeter(ctx, dir, bin)
	if err != nil {
		return err
	}
	defer m.close()
	o.status.expect(len(pairs))
	var rows []deltaRow
	for i, p := range pairs {
		o.status.step("%s", p.Label)
		row, err := m.measure(ctx, i, p)
		if err != nil {
			return fmt.Errorf("%s: %w", p.Label, err)
		}
		if p.plainOld == "" {
			p.plainOld, p.plainNew = p.old[0].file, p.new.file
		}
		if row.Floor, err = floor(ctx, o.cache, p.plainOld, p.plainNew); err != nil {
			return fmt.Errorf("%s: %w", p.Label, err)
		}
		rows = append(rows, row)
		if err := writeDeltas(o, bin, rows); err != nil {
			return err
		}
	}
	o.status.notef("wrote %s", filepath.Join(o.out, "deltas.md"))
	return nil
}

// deltaPairs fetches and makes the pairs that --only matches.
func deltaPairs(ctx context.Context, o *options) ([]deltaPair, error) {
	var pairs []deltaPair
	for _, p := range append(corpus.Pairs(), corpus.HeldOutPairs()...) {
		if !o.only.MatchString(p.Family() + " " + p.Label()) {
			continue
		}
		old, err := o.cache.Fetch(ctx, p.Old)
		new := ""
		if err == nil {
			new, err = o.cache.Fetch(ctx, p.New)
		}
		if err != nil {
			o.status.notef("left out: %v", err)
			continue
		}
		pairs = append(pairs, deltaPair{Family: p.Family(), Label: p.Label(), old: []named{{old, p.Old.File()}}, new: named{new, p.New.File()}})
	}
	rebuilds, err := o.cache.Rebuilds(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range rebuilds {
		family := "ci"
		if filepath.Ext(r.Old) == ".tar" {
			family = "plain tar"
		}
		if o.only.MatchString(family + " " + r.Label()) {
			pairs = append(pairs, deltaPair{Family: family, Label: r.Label(), old: []named{nameless(r.Old)}, new: nameless(r.New)})
		}
	}
	others, err := o.cache.Others(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range others {
		if !o.only.MatchString(f.Family + " " + f.Label) {
			continue
		}
		d := deltaPair{Family: f.Family, Label: f.Label, new: nameless(f.New), plainOld: f.PlainOld, plainNew: f.PlainNew}
		for _, old := range f.Old {
			d.old = append(d.old, nameless(old))
		}
		pairs = append(pairs, d)
	}
	return pairs, nil
}

// deltaMeter has the servers of both programs running on loopback.
type deltaMeter struct {
	dir       string
	host      *link.Space
	counter   *link.Counter
	pubsync   *peer.Pubsync
	withBasis *peer.Pubsync // with a store of its own, which has nothing of the first's
	rsync     *peer.RsyncDaemon
}

// always has archives go by what is inside them, whatever the link.
func always() []string { return []string{"--through-compression=always"} }

func newDeltaMeter(ctx context.Context, dir, bin string) (*deltaMeter, error) {
	m := &deltaMeter{dir: dir, host: link.Host(), pubsync: &peer.Pubsync{Flags: always()}, withBasis: &peer.Pubsync{}, rsync: &peer.RsyncDaemon{}}
	var err error
	if m.counter, err = link.Count(m.host); err != nil {
		return nil, err
	}
	site := &peer.Site{Client: m.host, Server: m.host, Address: "127.0.0.1", Dir: filepath.Join(dir, "site"), Pubsync: bin}
	if err := os.MkdirAll(site.Dir, 0o755); err != nil {
		return nil, err
	}
	if err := m.pubsync.Start(ctx, site); err != nil {
		return nil, err
	}
	if err := m.rsync.Start(ctx, site); err != nil {
		m.pubsync.Stop()
		return nil, err
	}
	apart := *site
	if apart.Dir += "-basis"; os.MkdirAll(apart.Dir, 0o755) == nil {
		err = m.withBasis.Start(ctx, &apart)
	}
	if err != nil {
		m.pubsync.Stop()
		m.rsync.Stop()
		return nil, err
	}
	return m, nil
}

func (m *deltaMeter) close() {
	m.pubsync.Stop()
	m.withBasis.Stop()
	m.rsync.Stop()
	m.counter.Close()
	m.host.Close()
}

// measure publishes what is old and then the new file with each program, each pair
// under a target of its own, private to its token. pubsync gets the names that the
// releases have and must find the basis itself, and a second time is given the old
// file; rsync is told it, by the same name.
func (m *deltaMeter) measure(ctx context.Context, n int, p deltaPair) (deltaRow, error) {
	row := deltaRow{Family: p.Family, Label: p.Label}
	target := fmt.Sprintf("pair%d", n)
	trees := filepath.Join(m.dir, "trees")
	defer os.RemoveAll(trees)
	for _, f := range append(p.old, named{p.new.file, ""}) {
		at, made := filepath.Join(trees, "old", f.name), oldDate()
		if f.name == "" {
			at, made = filepath.Join(trees, "new", p.new.name), newDate()
		}
		if err := place(f.file, at, made); err != nil {
			return row, err
		}
	}
	if err := place(p.old[0].file, filepath.Join(trees, "rsync-old", p.new.name), oldDate()); err != nil {
		return row, err
	}
	fi, err := os.Stat(p.new.file)
	if err != nil {
		return row, err
	}
	row.Size = fi.Size()
	cost, traffic, err := m.successor(ctx, m.pubsync, trees, "old", target, p.new.name)
	if err != nil {
		return row, err
	}
	said, err := peer.ParseSaid(cost.Output)
	if err != nil {
		return row, err
	}
	row.Up, row.Down, row.Seconds, row.Methods = traffic.Up, traffic.Down, cost.Wall.Seconds(), said.Methods
	if len(p.old) == 1 {
		m.withBasis.Flags = append(always(), "--basis", filepath.Join(trees, "old", p.old[0].name))
		if _, traffic, err = m.successor(ctx, m.withBasis, trees, "old", target, p.new.name); err != nil {
			return row, fmt.Errorf("with --basis: %w", err)
		}
		row.BasisUp, row.BasisDown = traffic.Up, traffic.Down
	}
	m.rsync.Flags = rsyncFlags(p.Family)
	cost, traffic, err = m.successor(ctx, m.rsync, trees, "rsync-old", target, p.new.name)
	row.RsyncUp, row.RsyncDown, row.RsyncSecond = traffic.Up, traffic.Down, cost.Wall.Seconds()
	return row, err
}

// rsyncFlags are what the bound for a family is measured against.
func rsyncFlags(family string) []string {
	switch family {
	case "plain tar":
		return []string{"--no-whole-file", "-z"}
	case corpus.Binary, corpus.Image:
		return []string{"--no-whole-file", "-z", "-B1024"}
	}
	return []string{"--no-whole-file"}
}

// successor publishes a tree and then the tree "new", and returns what the second
// took, once it is sure that the file is there.
func (m *deltaMeter) successor(ctx context.Context, p peer.Peer, trees, old, target, name string) (measure.Cost, link.Traffic, error) {
	if _, _, err := m.push(ctx, p, filepath.Join(trees, old), target); err != nil {
		return measure.Cost{}, link.Traffic{}, err
	}
	cost, traffic, err := m.push(ctx, p, filepath.Join(trees, "new"), target)
	if err != nil {
		return cost, traffic, err
	}
	return cost, traffic, m.check(ctx, p, target, filepath.Join(trees, "new"), name)
}

func (m *deltaMeter) push(ctx context.Context, p peer.Peer, tree, target string) (measure.Cost, link.Traffic, error) {
	cmd, err := p.Push(ctx, peer.Job{Tree: tree, Target: target})
	if err != nil {
		return measure.Cost{}, link.Traffic{}, err
	}
	m.counter.Take(p.Port(), 30*time.Millisecond)
	m.counter.Reset(p.Port())
	cost, err := measure.Run(ctx, m.host, cmd, p.Servers()...)
	return cost, m.counter.Take(p.Port(), 30*time.Millisecond), err
}

// check compares what is published under the name with the file.
func (m *deltaMeter) check(ctx context.Context, p peer.Peer, target, tree, name string) error {
	got, err := p.Published(ctx, target)
	if err != nil {
		return err
	}
	a, err := corpus.Digest(filepath.Join(tree, name))
	if err != nil {
		return err
	}
	b, err := corpus.Digest(filepath.Join(got, name))
	if err == nil && a != b {
		err = fmt.Errorf("%s published other bytes", p.Name())
	}
	return err
}

// Dates of releases: their own, so that no quick check takes one for the other.
func oldDate() time.Time { return time.Date(2026, 2, 1, 12, 0, 0, 0, time.UTC) }
func newDate() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// place copies a file to another name with that modification time.
func place(from, to string, made time.Time) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to, b, 0o644); err != nil {
		return err
	}
	return os.Chtimes(to, made, made)
}
