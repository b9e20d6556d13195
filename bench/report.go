package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/pubsync/pubsync/bench/stat"
)

// writeReport writes samples.json and report.md of what was measured so far.
func (r *runner) writeReport() error {
	if err := r.o.writeOut("samples.json", func(w io.Writer) error { return json.NewEncoder(w).Encode(r.samples) }); err != nil {
		return err
	}
	return r.o.writeOut("report.md", r.markdown)
}

func (r *runner) markdown(w io.Writer) error {
	b := &strings.Builder{}
	res := newResults(r.samples)
	b.WriteString("# pubsync and its peers, measured\n\n")
	writeBounds(b, res)
	for _, c := range res.cells {
		fmt.Fprintf(b, "\n## %s, %s, over %s\n\n", c.Workload, c.Step, c.Link)
		writeCell(b, res, c)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeBounds(b *strings.Builder, res *results) {
	b.WriteString("| workload | step | link | what | against | ratio | 95 % | bound | |\n|---|---|---|---|---|--:|---|--:|---|\n")
	for _, t := range bounds() {
		got, mark, ok := res.ratio(t.cell, t.Against, t.of)
		if !ok {
			continue
		}
		verdict := "kept"
		if got.Value > t.Most {
			verdict = fmt.Sprintf("missed by %.1f times", got.Value/t.Most)
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s | %.3g | %s |\n", t.Workload, t.Step, t.Link, t.What, mark,
			number(got.Value), interval(got), t.Most, verdict)
	}
}

func interval(i stat.Interval) string {
	if math.IsNaN(i.Low) {
		return ""
	}
	return number(i.Low) + " to " + number(i.High)
}

// number shows three digits.
func number(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "-"
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	case v >= 0.1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.2g", v)
}

func writeCell(b *strings.Builder, res *results, c cell) {
	b.WriteString("| | seconds | quartiles | pubsync takes | up | down | CPU client | server | memory client | server | requests |\n" +
		"|---|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	ours := res.mark(c, "pubsync")
	for _, p := range res.peers[c] {
		walls := res.values(c, p, wall)
		ratio := ""
		if p != ours && ours != "" {
			i := stat.Ratio(res.values(c, ours, wall), walls)
			ratio = number(i.Value)
			if ci := interval(i); ci != "" {
				ratio += " (" + ci + ")"
			}
		}
		med := func(m metric) float64 { return stat.Median(res.values(c, p, m)) }
		fmt.Fprintf(b, "| %s | %s | %s to %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", p,
			number(stat.Median(walls)), number(stat.Quantile(walls, 0.25)), number(stat.Quantile(walls, 0.75)), ratio,
			size(med(func(s sample) float64 { return float64(s.Up) })), size(med(func(s sample) float64 { return float64(s.Down) })),
			number(med(func(s sample) float64 { return s.ClientCPU })), number(med(func(s sample) float64 { return s.ServerCPU })),
			size(med(func(s sample) float64 { return float64(s.ClientMem) })), size(med(func(s sample) float64 { return float64(s.ServerMem) })),
			requests(med(func(s sample) float64 { return float64(s.Requests) })))
	}
}

func requests(n float64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%.0f", n)
}

// size shows bytes with a unit, powers of 1000.
func size(n float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		if n < 1000 || unit == "GB" {
			if unit == "B" {
				return fmt.Sprintf("%.0f B", n)
			}
			return number(n) + " " + unit
		}
		n /= 1000
	}
	return ""
}

// shown is a command line as the report shows it: without the machine's folders, nor
// the token.
func shown(args []string, dir string, o *options) string {
	line := strings.Join(args, " ")
	line = strings.ReplaceAll(line, o.cache.Dir, "CACHE")
	for i, a := range args {
		if i > 0 && args[i-1] == "--token" {
			line = strings.ReplaceAll(line, a, "TOKEN")
		}
	}
	return strings.ReplaceAll(line, dir, "WORK")
}
