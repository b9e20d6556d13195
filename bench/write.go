package main

import (
	"encoding/json"
	"fmt"
	"io"
	"sort"

	"github.com/pubsync/pubsync/bench/chart"
	"github.com/pubsync/pubsync/bench/report"
	"github.com/pubsync/pubsync/bench/stat"
)

// writeReport writes what was measured so far: the samples, and the report made of
// them.
func (r *runner) writeReport() error {
	if err := r.o.writeOut("samples.json", func(w io.Writer) error { return json.NewEncoder(w).Encode(r.samples) }); err != nil {
		return err
	}
	d := &report.Document{Title: "pubsync beside rsync and others, measured"}
	res := newResults(r.samples)
	d.Paragraph(fmt.Sprintf("Medians of up to %d rounds, the programs in turn within each. pubsync writes durably and over TLS; rsync "+
		"syncs nothing to disk, and its daemon does not encrypt. After each push the trees were compared byte by byte, and were the same.",
		r.o.rounds))
	d.Heading("The marks")
	boundsTable(d, res)
	for _, w := range workloads() {
		workloadPart(d, res, w)
	}
	r.conditions(d)
	return d.WriteFiles(r.o.out, "report")
}

// boundsTable holds what was measured against what it is held to.
func boundsTable(d *report.Document, res *results) {
	var rows [][]string
	for _, t := range bounds() {
		got, mark, ok := res.ratio(t.cell, t.Against, t.of)
		if !ok {
			continue
		}
		verdict := "kept"
		if got.Value > t.Most {
			verdict = fmt.Sprintf("missed by %.1f times", got.Value/t.Most)
		}
		rows = append(rows, []string{t.Workload, t.Step, t.Link, t.What, mark, number(got.Value), interval(got), number(t.Most), verdict})
	}
	d.Table([]string{"workload", "step", "link", "of", "against", "ratio:", "95 %", "at most:", ""}, rows)
}

func workloadPart(d *report.Document, res *results, w workload) {
	var groups []chart.Group
	began := false
	for _, c := range res.cells {
		if c.Workload != w.name {
			continue
		}
		if !began {
			d.Heading(w.name + ": " + w.about)
			began = true
		}
		d.Paragraph(c.Step + ", over " + c.Link)
		cellTable(d, res, c)
		groups = append(groups, chart.Group{Label: c.Step + ", " + c.Link, Bars: wallBars(res, c)})
	}
	if began {
		d.Picture("wall-"+w.name, chart.Bars{Title: w.name + ": seconds (median; line: quartiles)", Unit: "s", Log: true, Groups: groups})
	}
}

func wallBars(res *results, c cell) []chart.Bar {
	var bars []chart.Bar
	for _, p := range res.peers[c] {
		v := res.values(c, p, wall)
		bars = append(bars, chart.Bar{Label: p, Value: stat.Median(v), Low: stat.Quantile(v, 0.25), High: stat.Quantile(v, 0.75), Mine: product(p)})
	}
	return bars
}

// cellTable is a line for each peer.
func cellTable(d *report.Document, res *results, c cell) {
	ours := res.mark(c, "pubsync")
	var rows [][]string
	for _, p := range res.peers[c] {
		walls := res.values(c, p, wall)
		ratio, ci := "", ""
		if p != ours && ours != "" {
			i := stat.Ratio(res.values(c, ours, wall), walls)
			ratio, ci = number(i.Value), interval(i)
		}
		med := func(m metric) float64 { return stat.Median(res.values(c, p, m)) }
		rows = append(rows, []string{
			p, number(stat.Median(walls)), number(stat.Quantile(walls, 0.25)) + " to " + number(stat.Quantile(walls, 0.75)), ratio, ci,
			size(med(func(s sample) float64 { return float64(s.Up) })), size(med(func(s sample) float64 { return float64(s.Down) })),
			number(med(func(s sample) float64 { return s.ClientCPU })), number(med(func(s sample) float64 { return s.ServerCPU })),
			size(med(func(s sample) float64 { return float64(s.ClientMem) })), size(med(func(s sample) float64 { return float64(s.ServerMem) })),
			count(med(func(s sample) float64 { return float64(s.Requests) })), count(med(func(s sample) float64 { return float64(s.Connections) })),
		})
	}
	d.Table([]string{"", "seconds:", "quartiles", "pubsync takes:", "95 %", "up:", "down:", "CPU client:", "CPU server:",
		"memory client:", "memory server:", "requests:", "connections:"}, rows)
}

// conditions says on what and how it was measured.
func (r *runner) conditions(d *report.Document) {
	d.Heading("Conditions")
	d.Paragraph("Bytes are the payload of TCP connections as the kernel counted it at the client's socket, TLS and SSH included, without headers and " +
		"retransmissions. CPU is user and system time of all processes of a side. Memory is the highest sum of the private pages of a " +
		"side's processes, sampled every 20 ms.")
	d.Table([]string{"what", "is"}, append(machine(), []string{"destination", r.o.onFS}))
	d.Table([]string{"program", "version"}, versions(r.bin))
	var links [][]string
	for _, n := range r.networks {
		if n.shaped != nil {
			up, down := n.shaped.Dropped()
			links = append(links, []string{n.Name, number(n.Ping), number(n.Up), number(n.Down), fmt.Sprint(up), fmt.Sprint(down)})
		}
	}
	if len(links) > 0 {
		d.Paragraph("Links as ping and iperf3 found them before the first run. The queue of each direction holds one bandwidth-delay product.")
		d.Table([]string{"link", "ping, ms:", "iperf3 up, Mbit/s:", "down:", "packets dropped up:", "down:"}, links)
	}
	d.Heading("Commands")
	var lines []string
	for what, line := range r.commands {
		lines = append(lines, what+":  "+line)
	}
	sort.Strings(lines)
	d.Commands(lines...)
}
