package main

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pubsync/pubsync/bench/link"
	"github.com/pubsync/pubsync/bench/measure"
	"github.com/pubsync/pubsync/bench/peer"
	"github.com/pubsync/pubsync/bench/scale"
)

// probe is one measured push of a tree made for it.
type probe struct {
	Kind           string // first, none, update
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

// probe publishes a new tree of n files, again as it is, and again with one file in a
// hundred edited.
func (p *prober) probe(ctx context.Context, n, size int) ([]probe, error) {
	p.trees++
	tree := filepath.Join(p.dir, "tree")
	defer os.RemoveAll(tree)
	rng := rand.New(rand.NewPCG(uint64(p.trees), 3))
	if err := writeProbe(tree, n, size, 1, rng); err != nil {
		return nil, err
	}
	var all []probe
	for _, kind := range []string{"first", "none", "update"} {
		sent := map[string]int{"first": n, "none": 0, "update": 0}[kind]
		if kind == "update" {
			if err := writeProbe(tree, n, size, 100, rng); err != nil {
				return nil, err
			}
			sent = (n + 99) / 100
		}
		got, err := p.push(ctx, tree, fmt.Sprintf("tree%d", p.trees))
		if err != nil {
			return nil, err
		}
		p.entries += sent
		got.Kind, got.Files, got.FileSize = kind, n, size
		got.Push = scale.Push{Listed: float64(n), Sent: float64(sent), Bytes: float64(sent) * float64(size)}
		all = append(all, got)
	}
	return all, nil
}

// writeProbe writes every every-th of the files, half of each compressible.
func writeProbe(tree string, n, size, every int, rng *rand.Rand) error {
	for i := 0; i < n; i += every {
		b := []byte(strings.Repeat("a line of text like many another\n", size/33+1))[:size]
		for j := 0; j < size/2; j++ {
			b[j] = byte(rng.Uint32())
		}
		name := filepath.Join(tree, fmt.Sprintf("d%d", i/100), fmt.Sprintf("file-%d", i))
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(name, b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (p *prober) push(ctx context.Context, tree, target string) (probe, error) {
	cmd, err := p.pubsync.Push(ctx, peer.Job{Tree: tree, Target: target})
	if err != nil {
		return probe{}, err
	}
	cost, err := measure.Run(ctx, p.host, cmd, p.pubsync.Servers()...)
	if err != nil {
		return probe{}, err
	}
	// What the server still does after its answer belongs to the push.
	time.Sleep(100 * time.Millisecond)
	return probe{
		Server: cost.ServerCPU.Seconds(), Client: cost.ClientCPU.Seconds(), Wall: cost.Wall.Seconds(), ServerMem: cost.ServerMem,
	}, nil
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
	// Error is the root of the mean squared relative error of the server's law.
	Error float64
}

func fitLaws(probes []probe) (laws, error) {
	var (
		pushes         []scale.Push
		server, client []float64
		l              laws
		err            error
	)
	for _, p := range probes {
		pushes, server, client = append(pushes, p.Push), append(server, p.Server), append(client, p.Client)
	}
	if l.Server, err = scale.Fit(pushes, server); err != nil {
		return l, err
	}
	if l.Client, err = scale.Fit(pushes, client); err != nil {
		return l, err
	}
	n := 0
	for i, p := range pushes {
		if server[i] > 0 {
			l.Error += math.Pow(l.Server.Of(p)/server[i]-1, 2)
			n++
		}
	}
	l.Error = math.Sqrt(l.Error / float64(max(n, 1)))
	return l, nil
}
