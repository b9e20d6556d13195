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
)

// shape is a tree to measure with.
type shape struct{ files, size int }

// scaleReport measures the constants of the model, checks it on shapes it was not fitted
// to, and says what it foretells.
func scaleReport(ctx context.Context, o *options) error {
	bin, err := o.binary(ctx)
	if err != nil {
		return err
	}
	dir, remove, err := o.workDir(ctx)
	if err != nil {
		return err
	}
	defer remove()
	p, err := newProber(ctx, dir, bin)
	if err != nil {
		return err
	}
	fitted := []shape{{20, 4 << 20}, {500, 200}, {2000, 20_000}, {4000, 200}, {10_000, 2000}, {pick(o, 20_000, 5000), 200}}
	held := []shape{{1000, 50_000}, {6000, 1000}}
	o.status.expect(len(fitted) + len(held))
	var in, out []probe
	for i, s := range append(fitted, held...) {
		o.status.step("%d files of %s", s.files, size(float64(s.size)))
		got, err := p.probe(ctx, s.files, s.size)
		if err != nil {
			p.close()
			return err
		}
		if i < len(fitted) {
			in = append(in, got...)
		} else {
			out = append(out, got...)
		}
	}
	p.close()
	perEntry := float64(p.catalog()) / float64(p.entries)
	l, err := fitLaws(in)
	if err != nil {
		return err
	}
	if err := o.writeOut("scale.json", func(w io.Writer) error { return json.NewEncoder(w).Encode(append(in, out...)) }); err != nil {
		return err
	}
	d := &report.Document{Title: "How the cost of publishing grows"}
	constants(d, l, perEntry)
	heldOut(d, l, out)
	queues(d, l)
	far(d, l, perEntry)
	d.Table([]string{"what", "is"}, append(machine(), []string{"store", o.onFS}))
	o.status.notef("wrote %s", filepath.Join(o.out, "scale.md"))
	return d.WriteFiles(o.out, "scale")
}

func constants(d *report.Document, l laws, perEntry float64) {
	d.Paragraph("CPU of a push is a fixed amount, an amount for each file in the tree, for each file sent and for each byte sent. " +
		"The constants are fitted to first pushes, pushes without a change, and updates of 1 %, of trees of several shapes.")
	row := func(name string, w scale.Law) []string {
		return []string{name, number(w.Fixed * 1e3), number(w.PerListed * 1e6), number(w.PerSent * 1e6), number(w.PerByte * 1e9)}
	}
	d.Table([]string{"CPU of", "ms a push:", "us a file listed:", "us a file sent:", "ns a byte sent:"},
		[][]string{row("server", l.Server), row("client", l.Client)})
	d.Paragraph(fmt.Sprintf("The catalog takes %.0f bytes an entry; entries that later publications replaced stay until retention drops them. "+
		"The server's law is off by %.0f %% (root mean square) where it was fitted.", perEntry, 100*l.Error))
}

func heldOut(d *report.Document, l laws, probes []probe) {
	d.Heading("Checked on shapes it was not fitted to")
	var rows [][]string
	for _, p := range probes {
		rows = append(rows, []string{p.Kind, fmt.Sprint(p.Files), size(float64(p.FileSize)), number(p.Server), number(l.Server.Of(p.Push)),
			number(p.Client), number(l.Client.Of(p.Push))})
	}
	d.Table([]string{"push", "files:", "of:", "server CPU s, measured:", "foretold:", "client, measured:", "foretold:"}, rows)
}

// builds are what publishers push in the tables.
func builds() map[string]scale.Push {
	return map[string]scale.Push{
		"nightly: 20,000 files, 1 % of 600 MB new": {Listed: 20_000, Sent: 200, Bytes: 6e6},
		"release: 100 archives, 500 MB new":        {Listed: 100, Sent: 100, Bytes: 500e6},
		"nothing new: 20,000 files":                {Listed: 20_000},
	}
}

// busy is the utilisation up to which waits stay short.
const busy = 0.7

func queues(d *report.Document, l laws) {
	d.Heading("Waiting for a core")
	d.Paragraph("Nightly builds pushed at random times. The wait by formula, beside a simulation of 200,000 pushes.")
	service := l.Server.Of(builds()["nightly: 20,000 files, 1 % of 600 MB new"])
	var rows [][]string
	for _, cores := range []int{2, 8, 32} {
		for _, rho := range []float64{0.5, busy, 0.9} {
			s := scale.Server{Cores: cores}
			load := scale.Load{PerSecond: s.Most(service, rho), Service: service, Spread: 1}
			rows = append(rows, []string{fmt.Sprint(cores), number(rho), number(load.PerSecond), number(s.Wait(load) * 1e3), number(s.Simulate(load, 200_000, 1) * 1e3)})
		}
	}
	d.Table([]string{"cores:", "busy:", "pushes a second:", "wait ms, formula:", "simulated:"}, rows)
}

// far is what the model says of 100 million entries and 10,000 publishers.
func far(d *report.Document, l laws, perEntry float64) {
	d.Heading("As it grows")
	var rows [][]string
	for _, entries := range []float64{1e6, 1e7, 1e8} {
		rows = append(rows, []string{fmt.Sprintf("%.0f million", entries/1e6), size(entries * perEntry), number(entries * l.Server.PerSent / 3600)})
	}
	d.Table([]string{"entries:", "catalog:", "CPU hours to take them in:"}, rows)
	rows = nil
	for name, b := range builds() {
		service := l.Server.Of(b)
		for _, publishers := range []float64{100, 1000, 10_000} {
			each := 8.0 * 3600 / 24 // eight hours of work, 24 pushes: one in twenty minutes
			rate := publishers / each
			cores := math.Ceil(rate * service / busy)
			rows = append(rows, []string{name, fmt.Sprint(publishers), number(rate), number(rate * service), fmt.Sprint(max(cores, 1)), number(rate * b.Bytes * 8 / 1e6)})
		}
	}
	sortRows(rows)
	d.Paragraph("Publishers that each push once in twenty minutes; cores for a utilisation of 0.7.")
	d.Table([]string{"build", "publishers:", "pushes a second:", "cores busy:", "cores to have:", "Mbit/s in:"}, rows)
	d.Paragraph("One machine ends at the first of its bounds: cores for pushes with many new files or bytes, the line where releases " +
		"alone fill it. The model leaves out what was not measured here: a catalog larger than memory, and disks slower than this one.")
}
