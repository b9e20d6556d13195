package main

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/pubsync/pubsync/bench/chart"
	"github.com/pubsync/pubsync/bench/report"
	"github.com/pubsync/pubsync/bench/stat"
)

// writeReport makes the report of all that was measured and saved so far.
func writeReport(o *options) error {
	m, parts, err := loadMeasured(o)
	if err != nil {
		return err
	}
	if len(parts) == 0 && m.readings == nil {
		return fmt.Errorf("%s holds no results yet", filepath.Join(o.out, partsFolder))
	}
	d := &report.Document{Title: "pubsync beside rsync and others, measured"}
	d.Paragraph("Medians, with quartiles, and ratios with 95 % confidence intervals (bootstrap over rounds). The programs ran in turn " +
		"within each round. pubsync writes durably and over TLS; rsync syncs nothing to disk, and its daemon does not encrypt. After " +
		"each run the trees were compared byte by byte, and were the same.")
	d.Heading("The marks")
	var rows [][]string
	for _, v := range m.judge() {
		rows = append(rows, v.row())
	}
	d.Table([]string{"where", "what", "against", "measured:", "95 %, or range", "mark", ""}, rows)
	for _, w := range workloads() {
		workloadPart(d, m.results, w)
	}
	if m.readings != nil {
		m.readings.describe(d)
	}
	conditions(d, parts)
	return d.WriteFiles(o.out, "report")
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
	if how := shares(res.by[c][ours]); how != "" {
		d.Paragraph("How pubsync sent the files: " + how + ".")
	}
}

// shares says by which methods the files of the last of the samples were sent.
func shares(samples []sample) string {
	if len(samples) == 0 {
		return ""
	}
	var all []string
	methods := samples[len(samples)-1].Methods
	for _, name := range slices.Sorted(maps.Keys(methods)) {
		if s := methods[name]; s.Files > 0 {
			all = append(all, fmt.Sprintf("%s %d (%s for %s)", name, s.Files, size(float64(s.Sent)), size(float64(s.Bytes))))
		}
	}
	return strings.Join(all, ", ")
}

// conditions says on what and how it was measured.
func conditions(d *report.Document, parts []*part) {
	d.Heading("Conditions")
	d.Paragraph("Bytes are the payload of TCP connections as the kernel counted it at the client's socket, TLS and SSH included, without headers and " +
		"retransmissions. CPU is user and system time of all processes of a side. Memory is the highest sum of the private pages of a " +
		"side's processes, sampled every 20 ms. Requests are pubsync's own count.")
	var runs, links, lines [][]string
	for _, p := range parts {
		data := "full"
		if p.Quick {
			data = "small"
		}
		runs = append(runs, []string{p.Workload, p.Link, p.Began.UTC().Format(time.DateTime), data, fmt.Sprint(p.Rounds), p.Destination, value(p.Machine, "load before")})
		if n := p.Net; n.Ping > 0 {
			links = append(links, []string{p.Workload, p.Link, number(n.Ping), number(n.Up), number(n.Down), fmt.Sprint(n.LostUp), fmt.Sprint(n.LostDown)})
		}
		for what, line := range p.Commands {
			lines = append(lines, []string{p.Workload + ", " + what + ":  " + line})
		}
	}
	d.Table([]string{"workload", "link", "began, UTC", "data", "rounds:", "destination", "load before"}, runs)
	if len(links) > 0 {
		d.Paragraph("Links as ping and iperf3 found them before the first run. The queue of each direction holds one bandwidth-delay product.")
		d.Table([]string{"workload", "link", "ping, ms:", "iperf3 up, Mbit/s:", "down:", "packets dropped up:", "down:"}, links)
	}
	if len(parts) > 0 {
		last := slices.MaxFunc(parts, func(a, b *part) int { return a.Began.Compare(b.Began) })
		d.Table([]string{"what", "is"}, last.Machine)
		d.Table([]string{"program", "version"}, last.Versions)
	}
	d.Heading("Commands")
	sortRows(lines)
	var all []string
	for _, l := range lines {
		if len(all) == 0 || all[len(all)-1] != l[0] { // the same over several links
			all = append(all, l[0])
		}
	}
	d.Commands(all...)
}

// value is the second cell of the row that begins with the key.
func value(rows [][]string, key string) string {
	for _, r := range rows {
		if len(r) > 1 && r[0] == key {
			return r[1]
		}
	}
	return ""
}
