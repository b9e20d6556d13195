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
	"slices"
	"strconv"
	"time"

	"github.com/pubsync/pubsync/bench/corpus"
	"github.com/pubsync/pubsync/bench/link"
	"github.com/pubsync/pubsync/bench/load"
	"github.com/pubsync/pubsync/bench/measure"
	"github.com/pubsync/pubsync/bench/peer"
	"github.com/pubsync/pubsync/bench/report"
)

// reading is one kind of load on both servers.
type reading struct {
	name        string
	method      string
	path        func(n int) string
	connections int
	requests    int
}

// asBitBake gives the header fields of what BitBake sends: HEAD from its own client, to
// find out what is there, and GET from wget.
func asBitBake(method string) string {
	if method == "HEAD" {
		return "User-Agent: bitbake/2.8.0\r\nAccept: */*\r\n"
	}
	return "User-Agent: Wget/1.21.3\r\nAccept: */*\r\nAccept-Encoding: identity\r\nConnection: Keep-Alive\r\n"
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
	p := &readPart{Machine: machine(), Versions: versions(bin), Samples: samples}
	if before, err := loadReadings(o); err == nil && before != nil && !o.all {
		p.Samples = append(p.Samples, before.without(samples)...)
	}
	if err := o.writeOut(filepath.Join(partsFolder, readersPart), func(w io.Writer) error { return json.NewEncoder(w).Encode(p) }); err != nil {
		return err
	}
	d := &report.Document{Title: "Readers"}
	p.describe(d)
	d.Table([]string{"what", "is"}, p.Machine)
	d.Table([]string{"program", "version"}, p.Versions)
	if err := d.WriteFiles(o.out, "readers"); err != nil {
		return err
	}
	o.status.notef("wrote %s", filepath.Join(o.out, "readers.md"))
	return writeReport(o)
}

// readServers are pubsync and nginx with the same tree and the same large file.
type readServers struct {
	pubsync *peer.Pubsync
	nginx   *peer.Nginx
	names   []string
}

func startReadServers(ctx context.Context, site *peer.Site, trees, large corpus.Steps) (*readServers, error) {
	s := &readServers{pubsync: &peer.Pubsync{Public: true}, nginx: &peer.Nginx{Steady: true}}
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
		{headReading, "HEAD", some, 16, pick(o, 50_000, 10_000)},
		{objectReading, "GET", some, 16, pick(o, 20_000, 5_000)},
		{largeReading, "GET", func(int) string { return "/files/large/disk.raw" }, 4, pick(o, 16, 8)},
	}
}

func (s *readServers) measure(ctx context.Context, o *options) ([]readSample, error) {
	servers := []struct {
		name string
		port int
		pids []int
	}{{"pubsync", s.pubsync.Port(), s.pubsync.Servers()}, {"nginx", s.nginx.Port(), s.nginx.Servers()}}
	readings := slices.DeleteFunc(s.readings(o), func(r reading) bool { return !o.only.MatchString(r.name) })
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
		Connections: r.connections, Requests: r.requests, For: time.Minute, Method: r.method, Header: asBitBake(r.method), Path: r.path,
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
