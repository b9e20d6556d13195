package main

import (
	"slices"

	"github.com/pubsync/pubsync/bench/chart"
	"github.com/pubsync/pubsync/bench/report"
	"github.com/pubsync/pubsync/bench/stat"
)

// What readers do.
const (
	headReading   = "HEAD of objects"
	objectReading = "GET of objects"
	largeReading  = "GET of a large file"
)

// readersPart is the file of [readPart].
const readersPart = "readers.json"

// readPart is what [readers] measured, and on what.
type readPart struct {
	Machine, Versions [][]string
	Samples           []readSample
}

// values are the figures of a server for a reading, by round; of no part, none.
func (p *readPart) values(reading, server string, of func(readSample) float64) (v []float64) {
	if p == nil {
		return nil
	}
	for _, s := range p.Samples {
		if s.Reading == reading && s.Server == server {
			v = append(v, of(s))
		}
	}
	return v
}

// without are the samples of readings that the given ones are not of.
func (p *readPart) without(given []readSample) (rest []readSample) {
	for _, s := range p.Samples {
		if !slices.ContainsFunc(given, func(g readSample) bool { return g.Reading == s.Reading }) {
			rest = append(rest, s)
		}
	}
	return rest
}

// describe adds a table and a picture.
func (p *readPart) describe(d *report.Document) {
	d.Heading("Readers: HEAD and GET over TLS, on kept connections")
	d.Paragraph("The load generator runs on the same cores. nginx serves the same files from disk, with sendfile, two workers, no access log.")
	var rows [][]string
	var groups []chart.Group
	for _, reading := range []string{headReading, objectReading, largeReading} {
		if len(p.values(reading, "pubsync", func(s readSample) float64 { return s.P50 })) == 0 {
			continue
		}
		rate := func(s readSample) float64 { return s.PerSecond }
		if reading == largeReading {
			rate = func(s readSample) float64 { return s.BytesPerSecond / 1e6 }
		}
		ratio := stat.Ratio(p.values(reading, "pubsync", rate), p.values(reading, "nginx", rate))
		g := chart.Group{Label: reading}
		for _, server := range []string{"pubsync", "nginx"} {
			v := p.values(reading, server, rate)
			med := func(of func(readSample) float64) string { return number(stat.Median(p.values(reading, server, of))) }
			low, high := stat.Quantile(v, 0.25), stat.Quantile(v, 0.75)
			row := []string{
				reading, server, number(stat.Median(v)), number(low) + " to " + number(high), med(func(s readSample) float64 { return s.P50 }),
				med(func(s readSample) float64 { return s.P99 }), med(func(s readSample) float64 { return s.ServerCPU }), "", "",
			}
			if server == "pubsync" {
				row[7], row[8] = number(ratio.Value), interval(ratio)
			}
			rows = append(rows, row)
			g.Bars = append(g.Bars, chart.Bar{Label: server, Value: stat.Median(v), Low: low, High: high, Mine: product(server)})
		}
		groups = append(groups, g)
	}
	d.Table([]string{"", "server", "requests/s, or MB/s:", "quartiles", "p50, ms:", "p99, ms:", "server CPU s per 1000:", "of nginx:", "95 %"}, rows)
	d.Picture("readers", chart.Bars{Title: "Requests a second (large file: MB/s)", Log: true, Groups: groups})
}
