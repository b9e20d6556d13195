package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"

	"github.com/pubsync/pubsync/bench/link"
	"github.com/pubsync/pubsync/bench/measure"
	"github.com/pubsync/pubsync/bench/peer"
	"github.com/pubsync/pubsync/bench/scale"
)

// probe is one measured push of a tree made for it.
type probe struct {
	Kind           string // first, none, update, link
	Files          int
	FileSize       int
	Push           scale.Push
	Server, Client float64 // seconds of CPU
	Wall           float64
	ServerMem      int64
}

// prober pushes trees of chosen shapes to one server.
type prober struct {
	dir     string
	host    *link.Space
	pubsync *peer.Pubsync
	trees   int
	entries int // rows that the catalog must hold by now
}

func newProber(ctx context.Context, dir, bin string) (*prober, error) {
	p := &prober{dir: dir, host: link.Host(), pubsync: &peer.Pubsync{}}
	site := &peer.Site{Client: p.host, Server: p.host, Address: "127.0.0.1", Dir: filepath.Join(dir, "site"), Pubsync: bin}
	if err := os.MkdirAll(site.Dir, 0o755); err != nil {
		return nil, err
	}
	return p, p.pubsync.Start(ctx, site)
}

func (p *prober) close() {
	p.pubsync.Stop()
	p.host.Close()
}

// probe publishes a new tree, again as it is, again with one file in a hundred edited,
// and then to another target, where all content is held already.
func (p *prober) probe(ctx context.Context, s shape) ([]probe, error) {
	p.trees++
	tree := filepath.Join(p.dir, "tree")
	defer os.RemoveAll(tree)
	if err := writeProbe(tree, s, uint64(p.trees)); err != nil {
		return nil, err
	}
	var all []probe
	for _, kind := range []string{"first", "none", "update", "link"} {
		if kind == "update" {
			if err := editProbe(tree, s); err != nil {
				return nil, err
			}
		}
		target := fmt.Sprintf("tree%d", p.trees)
		if kind == "link" {
			target += "-linked"
		}
		got, err := p.push(ctx, tree, target, s)
		if err != nil {
			return nil, err
		}
		got.Kind = kind
		all = append(all, got)
	}
	return all, nil
}

// builds publishes a tree of small files n times, each to a target of its own: after the
// first nothing is sent, and only the catalog grows.
func (p *prober) builds(ctx context.Context, s shape, n int) ([]probe, error) {
	p.trees++
	tree := filepath.Join(p.dir, "tree")
	defer os.RemoveAll(tree)
	if err := writeProbe(tree, s, uint64(p.trees)); err != nil {
		return nil, err
	}
	var all []probe
	for i := range n {
		got, err := p.push(ctx, tree, fmt.Sprintf("builds%d/%d", p.trees, i), s)
		if err != nil {
			return nil, err
		}
		if got.Kind = "build"; i > 0 {
			all = append(all, got)
		}
	}
	return all, nil
}

// probeName gives names that differ in more than digits: files whose names do not are
// taken for versions of each other, and their contents compared.
func probeName(tree string, i int) string {
	letters := strings.Map(func(digit rune) rune { return 'a' + digit - '0' }, fmt.Sprint(i))
	return filepath.Join(tree, fmt.Sprintf("d%d", i/100), "file-"+letters)
}

// writeProbe writes the files, half of each compressible.
func writeProbe(tree string, s shape, seed uint64) error {
	rng := rand.New(rand.NewPCG(seed, 3))
	for i := range s.files {
		b := []byte(strings.Repeat("a line of text like many another\n", s.size/33+1))[:s.size]
		for j := 0; j < s.size/2; j++ {
			b[j] = byte(rng.Uint32())
		}
		name := probeName(tree, i)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// editProbe adds a line to one file in a hundred.
func editProbe(tree string, s shape) error {
	for i := 0; i < s.files; i += 100 {
		f, err := os.OpenFile(probeName(tree, i), os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(f, "edited: number %d of %d\n", i, s.files)
		if err := errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

func (p *prober) push(ctx context.Context, tree, target string, s shape) (probe, error) {
	cmd, err := p.pubsync.Push(ctx, peer.Job{Tree: tree, Target: target})
	if err != nil {
		return probe{}, err
	}
	pids := p.pubsync.Servers()
	if err := measure.Idle(ctx, pids...); err != nil {
		return probe{}, err
	}
	before, err := cpuOf(pids)
	if err != nil {
		return probe{}, err
	}
	cost, err := measure.Run(ctx, p.host, cmd, pids...)
	if err != nil {
		return probe{}, err
	}
	// What the server still does after its answer belongs to the push.
	if err := measure.Idle(ctx, pids...); err != nil {
		return probe{}, err
	}
	after, err := cpuOf(pids)
	if err != nil {
		return probe{}, err
	}
	said, err := peer.ParseSaid(cost.Output)
	if err != nil {
		return probe{}, err
	}
	got := probe{
		Files: s.files, FileSize: s.size, Server: (after - before).Seconds(), Client: cost.ClientCPU.Seconds(), Wall: cost.Wall.Seconds(),
		ServerMem: cost.ServerMem, Push: pushOf(said, s, p.entries),
	}
	p.entries += int(got.Push.Linked + got.Push.Sent + got.Push.Deltas)
	return got, nil
}

const (
	// basisSize is the size in bytes from which on the server looks for a basis.
	basisSize = 1 << 10
	// packed is the size in bytes up to which files go into packs.
	packed = 1 << 20
)

// pushOf is what a push had to do, by what it says of itself.
func pushOf(said peer.Said, s shape, catalog int) scale.Push {
	whole, diff := said.Methods["whole"], said.Methods["delta"]
	q := scale.Push{
		Walked: float64(s.files), Linked: float64(said.Methods["linked"].Files), Sent: float64(whole.Files), Bytes: float64(whole.Bytes),
		Deltas: float64(diff.Files), Rebuilt: float64(diff.Bytes),
	}
	if q.Linked+q.Sent+q.Deltas > 0 {
		q.Told = q.Walked
	}
	q.Hashed = q.Bytes + q.Rebuilt + q.Linked*float64(s.size)
	if s.size >= basisSize {
		q.Sought = q.Sent
	}
	if s.size > packed {
		q.Alone = q.Sent
	}
	q.Catalog = float64(catalog)
	return q
}

// catalog is the size of the catalog's files.
func (p *prober) catalog() int64 {
	var sum int64
	_ = filepath.WalkDir(filepath.Join(p.dir, "site", "store"), func(name string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasPrefix(d.Name(), "catalog") && d.Type().IsRegular() {
			if fi, err := d.Info(); err == nil {
				sum += fi.Size()
			}
		}
		return nil
	})
	return sum
}

// laws are what was fitted.
type laws struct {
	Server, Client scale.Law
}

// fitLaws fits to the typical probe of each kind and shape: what disturbed the machine
// in one round is no cost of the push.
func fitLaws(probes []probe) (l laws, err error) {
	if l.Server, err = fitLaw(probes, serverCPU); err != nil {
		return l, err
	}
	l.Client, err = fitLaw(probes, clientCPU)
	return l, err
}

func fitLaw(probes []probe, of func(probe) float64) (scale.Law, error) {
	var pushes []scale.Push
	var costs []float64
	for _, p := range typical(probes, of) {
		pushes, costs = append(pushes, p.Push), append(costs, of(p))
	}
	return scale.Fit(pushes, costs)
}

func serverCPU(p probe) float64 { return p.Server }
func clientCPU(p probe) float64 { return p.Client }
