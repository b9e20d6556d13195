package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/pubsync/pubsync/bench/report"
	"github.com/pubsync/pubsync/bench/scale"
	"github.com/pubsync/pubsync/bench/stat"
)

// shape is a tree to measure with.
type shape struct{ files, size int }

// The model is fitted to the first shapes, in an order that leaves the catalog neither
// empty nor full for one kind only, and foretells the others.
func fittedShapes() []shape {
	return []shape{{20, 4 << 20}, {500, 200}, {2000, 20_000}, {4000, 200}, {10_000, 2000}, {100, 1_300_000}, {20_000, 200}, {100, 20_000}, {10, 20 << 20}, {1500, 100_000}, {2000, 200}, {4000, 5000}}
}

func heldShapes() []shape {
	return []shape{{1000, 50_000}, {6000, 1000}, {50, 1_500_000}, {15_000, 3000}}
}

// scaleReport measures the constants of the model, checks it on shapes it was not fitted
// to, and says what it foretells.
func scaleReport(ctx context.Context, o *options) error {
	bin, dir, remove, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	defer remove()
	p, err := newProber(ctx, dir, bin)
	if err != nil {
		return err
	}
	in, out, err := p.all(ctx, o)
	perEntry := float64(p.catalog()) / float64(max(p.entries, 1))
	p.close()
	if err != nil {
		return err
	}
	if err := o.writeOut("scale.json", func(w io.Writer) error { return json.NewEncoder(w).Encode([][]probe{in, out}) }); err != nil {
		return err
	}
	l, err := fitLaws(in)
	if err != nil {
		return err
	}
	d := &report.Document{Title: "How the cost of publishing grows"}
	constants(d, l, perEntry)
	heldOut(d, l, in, out)
	queues(d, l)
	far(d, l, perEntry)
	d.Table([]string{"what", "is"}, append(machine(), []string{"store", o.onFS}))
	o.status.notef("wrote %s", filepath.Join(o.out, "scale.md"))
	return d.WriteFiles(o.out, "scale")
}

// all measures what the laws are fitted to, and what they are checked on. Each shape is
// pushed in several rounds, with other content, so that the catalog grows meanwhile.
func (p *prober) all(ctx context.Context, o *options) (in, out []probe, err error) {
	fitted, held := fittedShapes(), heldShapes()
	o.status.expect(o.rounds*(len(fitted)+len(held)) + 2)
	grow := func(n int) ([]probe, error) {
		s := shape{pick(o, 50_000, 10_000), 100}
		o.status.step("%d builds of %d files", n, s.files)
		return p.builds(ctx, s, n)
	}
	for round := range o.rounds {
		for i, s := range append(fitted, held...) {
			o.status.step("%d files of %s", s.files, size(float64(s.size)))
			got, err := p.probe(ctx, s)
			if err != nil {
				return nil, nil, err
			}
			if i < len(fitted) {
				in = append(in, got...)
			} else {
				out = append(out, got...)
			}
		}
		if round > 0 {
			continue
		}
		got, err := grow(8)
		if err != nil {
			return nil, nil, err
		}
		in = append(in, got...)
	}
	got, err := grow(6)
	return in, append(out, got...), err
}

func constants(d *report.Document, l laws, perEntry float64) {
	d.Paragraph("CPU of a push is a sum of the terms below. The constants are fitted by least squares of the relative error to first pushes, pushes " +
		"without a change, updates of 1 %, and builds whose content is held already, of trees of several shapes, while the catalog grows.")
	var rows [][]string
	for i, name := range scale.Names() {
		rows = append(rows, []string{name, number(l.Server[i] * 1e6), number(l.Client[i] * 1e6)})
	}
	d.Table([]string{"for each", "server, us:", "client, us:"}, rows)
	d.Paragraph(fmt.Sprintf("The catalog takes %.0f bytes an entry; entries that later publications replaced stay until retention drops them.", perEntry))
}

// spread is how far a law is off, relative to what was measured, or to 10 ms where that
// is more: less than that depends on what else the server has just done.
type spread struct{ median, nine, bias float64 }

// spreadOf compares a law with measurements: each kind of push of each shape by its
// median over the rounds, which takes out what the machine did besides.
func spreadOf(probes []probe, foretold func(probe) float64, got func(probe) float64) (s spread) {
	var off, sign []float64
	for _, p := range typical(probes, got) {
		r := (foretold(p) - got(p)) / max(got(p), 10e-3)
		off, sign = append(off, math.Abs(r)), append(sign, r)
	}
	return spread{stat.Median(off), stat.Quantile(off, 0.9), stat.Median(sign)}
}

// typical gives, of the probes of each kind and shape, the one with the median cost;
// builds, each of which finds a larger catalog, are all kept.
func typical(probes []probe, got func(probe) float64) []probe {
	type key struct {
		kind string
		shape
		catalog float64 // of builds
	}
	by := map[key][]probe{}
	var order []key
	for _, p := range probes {
		k := key{p.Kind, shape{p.Files, p.FileSize}, 0}
		if p.Kind == "build" {
			k.catalog = p.Push.Catalog
		}
		if by[k] == nil {
			order = append(order, k)
		}
		by[k] = append(by[k], p)
	}
	var all []probe
	for _, k := range order {
		var costs []float64
		for _, p := range by[k] {
			costs = append(costs, got(p))
		}
		middle := stat.Median(costs)
		best := by[k][0]
		for _, p := range by[k] {
			if math.Abs(got(p)-middle) < math.Abs(got(best)-middle) {
				best = p
			}
		}
		all = append(all, best)
	}
	return all
}

func heldOut(d *report.Document, l laws, in, out []probe) {
	d.Heading("Checked on shapes it was not fitted to")
	ofServer, ofClient := func(p probe) float64 { return l.Server.Of(p.Push) }, func(p probe) float64 { return l.Client.Of(p.Push) }
	var rows [][]string
	for _, p := range typical(out, serverCPU) {
		rows = append(rows, []string{p.Kind, fmt.Sprint(p.Files), size(float64(p.FileSize)), number(p.Push.Catalog), number(p.Server), number(ofServer(p)),
			percent(ofServer(p)/p.Server - 1), number(p.Client), number(ofClient(p)), percent(ofClient(p)/p.Client - 1)})
	}
	d.Table([]string{"push", "files:", "of:", "catalog:", "server CPU s, measured:", "foretold:", "off:", "client, measured:", "foretold:", "off:"}, rows)
	rows = nil
	for _, r := range []struct {
		what string
		s    spread
	}{
		{"server, where it was fitted", spreadOf(in, ofServer, serverCPU)}, {"server, held out", spreadOf(out, ofServer, serverCPU)},
		{"client, where it was fitted", spreadOf(in, ofClient, clientCPU)}, {"client, held out", spreadOf(out, ofClient, clientCPU)},
	} {
		rows = append(rows, []string{r.what, percent(r.s.median), percent(r.s.nine), percent(r.s.bias)})
	}
	d.Paragraph("How far the law is off, by kind and shape (medians over the rounds), relative to what was measured, or to 10 ms where that is more.")
	d.Table([]string{"law", "median:", "nine in ten within:", "bias:"}, rows)
}

func percent(v float64) string { return fmt.Sprintf("%.0f %%", 100*v) }
