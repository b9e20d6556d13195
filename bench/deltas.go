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
	Family, Label    string
	old, new         string // files
	oldName, newName string // what they are pushed as
}

// deltaRow is what one pair took.
type deltaRow struct {
	Family, Label        string
	Size                 int64 // of the new file
	Up, Down             int64 // bytes at the socket for pubsync
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
	bin, err := o.binary(ctx)
	if err != nil {
		return err
	}
	dir, remove, err := o.workDir(ctx)
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
		if row.Floor, err = floor(ctx, o.cache, p.old, p.new); err != nil {
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
		d := deltaPair{Family: p.Family(), Label: p.Label(), oldName: p.Old.File(), newName: p.New.File()}
		var err error
		if d.old, err = o.cache.Fetch(ctx, p.Old); err == nil {
			d.new, err = o.cache.Fetch(ctx, p.New)
		}
		if err != nil {
			o.status.notef("left out: %v", err)
			continue
		}
		pairs = append(pairs, d)
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
			pairs = append(pairs, deltaPair{family, r.Label(), r.Old, r.New, filepath.Base(r.Old), filepath.Base(r.New)})
		}
	}
	return pairs, nil
}

// deltaMeter has the servers of both programs running on loopback.
type deltaMeter struct {
	dir     string
	host    *link.Space
	counter *link.Counter
	pubsync *peer.Pubsync
	rsync   *peer.RsyncDaemon
}

func newDeltaMeter(ctx context.Context, dir, bin string) (*deltaMeter, error) {
	m := &deltaMeter{dir: dir, host: link.Host(), pubsync: &peer.Pubsync{Flags: []string{"--through-compression=always"}}, rsync: &peer.RsyncDaemon{Flags: []string{"--no-whole-file"}}}
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
	return m, nil
}

func (m *deltaMeter) close() {
	m.pubsync.Stop()
	m.rsync.Stop()
	m.counter.Close()
	m.host.Close()
}

// measure publishes the old file and then the new one with each program, each pair
// under a target of its own, private to its token. pubsync gets the names that the
// releases have and must find the basis itself; rsync is told it, by the same name.
func (m *deltaMeter) measure(ctx context.Context, n int, p deltaPair) (deltaRow, error) {
	row := deltaRow{Family: p.Family, Label: p.Label}
	target := fmt.Sprintf("pair%d", n)
	trees := filepath.Join(m.dir, "trees")
	defer os.RemoveAll(trees)
	for _, f := range []struct {
		name, file string
		made       time.Time
	}{
		{"old/" + p.oldName, p.old, oldDate()}, {"new/" + p.newName, p.new, newDate()},
		{"rsync-old/" + p.newName, p.old, oldDate()}, {"rsync-new/" + p.newName, p.new, newDate()},
	} {
		if err := place(f.file, filepath.Join(trees, f.name), f.made); err != nil {
			return row, err
		}
	}
	fi, err := os.Stat(p.new)
	if err != nil {
		return row, err
	}
	row.Size = fi.Size()
	if _, _, err := m.push(ctx, m.pubsync, filepath.Join(trees, "old"), target); err != nil {
		return row, err
	}
	cost, traffic, err := m.push(ctx, m.pubsync, filepath.Join(trees, "new"), target)
	if err != nil {
		return row, err
	}
	said, err := peer.ParseSaid(cost.Output)
	if err != nil {
		return row, err
	}
	row.Up, row.Down, row.Seconds, row.Methods = traffic.Up, traffic.Down, cost.Wall.Seconds(), said.Methods
	if err := m.check(ctx, m.pubsync, target, filepath.Join(trees, "new"), p.newName); err != nil {
		return row, err
	}
	if _, _, err := m.push(ctx, m.rsync, filepath.Join(trees, "rsync-old"), target); err != nil {
		return row, err
	}
	cost, traffic, err = m.push(ctx, m.rsync, filepath.Join(trees, "rsync-new"), target)
	row.RsyncUp, row.RsyncDown, row.RsyncSecond = traffic.Up, traffic.Down, cost.Wall.Seconds()
	if err != nil {
		return row, err
	}
	return row, m.check(ctx, m.rsync, target, filepath.Join(trees, "rsync-new"), p.newName)
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
