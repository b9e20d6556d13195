package main

import (
	"strings"

	"github.com/pubsync/pubsync/bench/stat"
)

// cell is where a figure belongs: a step of a workload over a link.
type cell struct{ Workload, Step, Link string }

// results are the samples by cell and peer, in the order in which they came.
type results struct {
	cells   []cell
	peers   map[cell][]string
	by      map[cell]map[string][]sample
	clients map[cell]int // how many pushed at once
}

func newResults(samples []sample) *results {
	r := &results{peers: map[cell][]string{}, by: map[cell]map[string][]sample{}, clients: map[cell]int{}}
	for _, s := range samples {
		c := cell{s.Workload, s.Step, s.Link}
		if r.by[c] == nil {
			r.by[c] = map[string][]sample{}
			r.cells = append(r.cells, c)
		}
		if r.by[c][s.Peer] == nil {
			r.peers[c] = append(r.peers[c], s.Peer)
		}
		r.by[c][s.Peer] = append(r.by[c][s.Peer], s)
		r.clients[c] = s.Clients
	}
	return r
}

// metric takes one figure of a sample.
type metric func(sample) float64

func wall(s sample) float64    { return s.Wall }
func traffic(s sample) float64 { return float64(s.Up + s.Down) }
func cpu(s sample) float64     { return s.ClientCPU + s.ServerCPU }

// values are the figures of a peer, by round.
func (r *results) values(c cell, peer string, m metric) []float64 {
	var v []float64
	for _, s := range r.by[c][peer] {
		v = append(v, m(s))
	}
	return v
}

// mark is the peer to be measured against: of those whose name begins so, the one with
// the smallest median wall time; its best mode. "" if there is none.
func (r *results) mark(c cell, prefix string) string {
	best, name := 0.0, ""
	for _, p := range r.peers[c] {
		if !strings.HasPrefix(p, prefix) {
			continue
		}
		if m := stat.Median(r.values(c, p, wall)); name == "" || m < best {
			best, name = m, p
		}
	}
	return name
}

// ratio compares pubsync with a mark; false if one of them was not measured.
func (r *results) ratio(c cell, prefix string, m metric) (stat.Interval, string, bool) {
	ours, mark := r.mark(c, "pubsync"), r.mark(c, prefix)
	if ours == "" || mark == "" {
		return stat.Interval{}, "", false
	}
	return stat.Ratio(r.values(c, ours, m), r.values(c, mark, m)), mark, true
}
