package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/pubsync/pubsync/bench/chart"
	"github.com/pubsync/pubsync/bench/corpus"
	"github.com/pubsync/pubsync/bench/link"
	"github.com/pubsync/pubsync/bench/load"
	"github.com/pubsync/pubsync/bench/measure"
	"github.com/pubsync/pubsync/bench/peer"
	"github.com/pubsync/pubsync/bench/report"
	"github.com/pubsync/pubsync/bench/stat"
)

// reading is one kind of load on both servers.
type reading struct {
	name        string
	method      string
	path        func(n int) string
	connections int
	requests    int
	perSecond   bool // what counts is requests, not bytes
}

// readSample is one run of a load.
type readSample struct {
	Reading, Server string
	Round           int
	PerSecond       float64
	BytesPerSecond  float64
	P50, P99        float64 // milliseconds
	ServerCPU       float64 // seconds, per 1000 requests
}

// readers measures HEAD and GET over TLS on connections that are kept, as BitBake makes
// them, against nginx with the same files.
func readers(ctx context.Context, o *options) error {
	bin, err := o.binary(ctx)
	if err != nil {
		return err
	}
	trees, err := o.cache.Objects(ctx, pick(o, 20_000, 2_000))
	if err != nil {
		return err
	}
	large, err := o.cache.Huge(ctx, int64(pick(o, 512, 64))<<20)
	if err != nil {
		return err
	}
	dir, remove, err := o.workDir(ctx)
	if err != nil {
		return err
	}
	defer remove()
	host := link.Host()
	defer host.Close()
	site := &peer.Site{Client: host, Server: host, Address: "127.0.0.1", Dir: dir, Pubsync: bin}
	s, err := startReadServers(ctx, site, trees, large)
	if err != nil {
		return err
	}
	defer s.stop()
	samples, err := s.measure(ctx, o)
	if err != nil {
		return err
	}
	return writeReaders(o, bin, samples)
}

// readServers are pubsync and nginx with the same tree and the same large file.
type readServers struct {
	pubsync *peer.Pubsync
	nginx   *peer.Nginx
	names   []string
}

func startReadServers(ctx context.Context, site *peer.Site, trees, large corpus.Steps) (*readServers, error) {
	s := &readServers{pubsync: &peer.Pubsync{Public: true}, nginx: &peer.Nginx{}}
	if err := s.pubsync.Start(ctx, site); err != nil {
		return nil, err
	}
	if err := s.nginx.Start(ctx, site); err != nil {
		s.pubsync.Stop()
		return nil, err
	}
	for target, tree := range map[string]string{"tree": trees.First, "large": large.First} {
		cmd, err := s.pubsync.Push(ctx, peer.Job{Tree: tree, Target: target})
		if err == nil {
			_, err = measure.Run(ctx, site.Client, cmd, s.pubsync.Servers()...)
		}
		if err == nil {
			err = os.Symlink(tree, filepath.Join(s.nginx.Files(), target))
		}
		if err != nil {
			s.stop()
			return nil, err
		}
	}
	var err error
	s.names, err = relativeFiles(trees.First)
	return s, err
}

func (s *readServers) stop() {
	s.pubsync.Stop()
	s.nginx.Stop()
}

func (s *readServers) readings(o *options) []reading {
	rng := rand.New(rand.NewPCG(9, 9))
	order := rng.Perm(len(s.names))
	some := func(n int) string { return "/files/tree/" + s.names[order[n%len(order)]] }
	return []reading{
		{"HEAD of objects", "HEAD", some, 16, pick(o, 50_000, 10_000), true},
		{"GET of objects", "GET", some, 16, pick(o, 20_000, 5_000), true},
		{"GET of a large file", "GET", func(int) string { return "/files/large/disk.raw" }, 4, pick(o, 16, 8), false},
	}
}

func (s *readServers) measure(ctx context.Context, o *options) ([]readSample, error) {
	servers := []struct {
		name string
		port int
		pids []int
	}{{"pubsync", s.pubsync.Port(), s.pubsync.Servers()}, {"nginx", s.nginx.Port(), s.nginx.Servers()}}
	readings := s.readings(o)
	o.status.expect(len(readings) * len(servers) * o.rounds)
	var samples []readSample
	for _, r := range readings {
		for round := range o.rounds {
			for i := range servers {
				srv := servers[(i+round)%len(servers)]
				o.status.step("%s from %s", r.name, srv.name)
				got, used, err := runReading(ctx, r, srv.port, srv.pids)
				if err != nil {
					return nil, fmt.Errorf("%s from %s: %w", r.name, srv.name, err)
				}
				samples = append(samples, readSample{
					Reading: r.name, Server: srv.name, Round: round, PerSecond: got.PerSecond(), BytesPerSecond: got.BytesPerSecond(),
					P50: milliseconds(got.P50), P99: milliseconds(got.P99), ServerCPU: used.Seconds() * 1000 / float64(got.Requests),
				})
			}
		}
	}
	return samples, nil
}

// runReading puts the load on a server and says what CPU the server used.
func runReading(ctx context.Context, r reading, port int, pids []int) (load.Result, time.Duration, error) {
	before, err := cpuOf(pids)
	if err != nil {
		return load.Result{}, 0, err
	}
	// The servers' certificates are their own: what counts is the cost of TLS.
	got, err := load.Run(ctx, load.Load{
		Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), TLS: &tls.Config{InsecureSkipVerify: true},
		Connections: r.connections, Requests: r.requests, For: time.Minute, Method: r.method, Path: r.path,
	})
	if err != nil {
		return got, 0, err
	}
	after, err := cpuOf(pids)
	return got, after - before, err
}

// cpuOf is the CPU of processes and all that run below them.
func cpuOf(pids []int) (time.Duration, error) {
	var sum time.Duration
	for _, pid := range pids {
		for _, p := range append(measure.Descendants(pid), pid) {
			t, err := measure.CPU(p)
			if err != nil {
				return 0, err
			}
			sum += t
		}
	}
	return sum, nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func writeReaders(o *options, bin string, samples []readSample) error {
	if err := o.writeOut("readers.json", func(w io.Writer) error { return json.NewEncoder(w).Encode(samples) }); err != nil {
		return err
	}
	d := &report.Document{Title: "Readers: HEAD and GET over TLS, on kept connections"}
	d.Paragraph("The load generator runs on the same cores. nginx serves the same files from disk, with sendfile, two workers, no access log.")
	var rows [][]string
	var groups []chart.Group
	for _, r := range new(readServers).readings(o) {
		pick := func(server string, m func(readSample) float64) (v []float64) {
			for _, s := range samples {
				if s.Reading == r.name && s.Server == server {
					v = append(v, m(s))
				}
			}
			return v
		}
		rate := func(s readSample) float64 { return s.PerSecond }
		if !r.perSecond {
			rate = func(s readSample) float64 { return s.BytesPerSecond / 1e6 }
		}
		ratio := stat.Ratio(pick("pubsync", rate), pick("nginx", rate))
		g := chart.Group{Label: r.name}
		for _, server := range []string{"pubsync", "nginx"} {
			v := pick(server, rate)
			row := []string{r.name, server, number(stat.Median(v)), number(stat.Quantile(v, 0.25)) + " to " + number(stat.Quantile(v, 0.75)),
				number(stat.Median(pick(server, func(s readSample) float64 { return s.P50 }))),
				number(stat.Median(pick(server, func(s readSample) float64 { return s.P99 }))),
				number(stat.Median(pick(server, func(s readSample) float64 { return s.ServerCPU }))), "", ""}
			if server == "pubsync" {
				row[7], row[8] = number(ratio.Value), interval(ratio)
			}
			rows = append(rows, row)
			g.Bars = append(g.Bars, chart.Bar{Label: server, Value: stat.Median(v), Low: stat.Quantile(v, 0.25), High: stat.Quantile(v, 0.75), Mine: product(server)})
		}
		groups = append(groups, g)
	}
	d.Table([]string{"", "server", "requests/s, or MB/s:", "quartiles", "p50, ms:", "p99, ms:", "server CPU s per 1000:", "of nginx:", "95 %"}, rows)
	d.Picture("readers", chart.Bars{Title: "Requests a second (large file: MB/s)", Log: true, Groups: groups})
	d.Table([]string{"what", "is"}, machine())
	d.Table([]string{"program", "version"}, versions(bin))
	o.status.notef("wrote %s", filepath.Join(o.out, "readers.md"))
	return d.WriteFiles(o.out, "readers")
}
