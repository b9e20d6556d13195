package main

import (
	"encoding/json"
	"io"

	"github.com/pubsync/pubsync/bench/report"
	"github.com/pubsync/pubsync/bench/stat"
)

// mostOver is how much longer than the better way auto may take.
const mostOver = 1.15

// over is how many times as long as the better of the other ways auto took, by medians.
func (c *choice) over() float64 {
	return c.median("auto") / min(c.median("never"), c.median("always"))
}

func (c *choice) median(way string) float64 { return stat.Median(c.Seconds[way]) }

// writeChoices writes auto.md and auto.json.
func writeChoices(o *options, all []*choice) error {
	if err := o.writeOut("auto.json", func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(all)
	}); err != nil {
		return err
	}
	return o.writeOut("auto.md", choicesReport(all).Markdown)
}

// choicesReport is a table, and the worst of each link.
func choicesReport(all []*choice) *report.Document {
	d := &report.Document{Title: "What the choice of auto costs"}
	d.Paragraph("Seconds of a push of release tarballs whose predecessors are published, in each way of --through-compression, medians. " +
		"A known link is one that the builder has used before. auto may take at most " + number(mostOver) + " times the better of the others.")
	header := []string{"archives", "link", "known", "MB:", "never:", "always:", "auto:", "auto / better:", "bound", "MB sent, always:", "auto:"}
	var rows [][]string
	worst := map[string]*choice{}
	var links []string
	for _, c := range all {
		known, bound := "", kept
		if c.Known {
			known = "yes"
		}
		if c.over() > mostOver {
			bound = missed
		}
		rows = append(rows, []string{c.Archives, c.Link, known, number(float64(c.Size) / 1e6), number(c.median("never")), number(c.median("always")),
			number(c.median("auto")), number(c.over()), bound, number(float64(c.Up["always"]) / 1e6), number(float64(c.Up["auto"]) / 1e6)})
		if worst[c.Link] == nil {
			links = append(links, c.Link)
		}
		if w := worst[c.Link]; w == nil || c.over() > w.over() {
			worst[c.Link] = c
		}
	}
	d.Table(header, rows)
	for _, link := range links {
		c := worst[link]
		d.Paragraph("Worst over " + link + ": " + number(c.over()) + ", " + c.Archives + ".")
	}
	return d
}
