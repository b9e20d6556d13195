package main

import (
	"fmt"
	"math"

	"github.com/pubsync/pubsync/bench/report"
	"github.com/pubsync/pubsync/bench/scale"
)

// build is what a publisher pushes again and again.
type build struct {
	name string
	push scale.Push
	keep float64 // rows that each push adds to the catalog
}

// nightly is the build that queues are made of.
func nightly(catalog float64) build {
	return build{"nightly: 20,000 files, 1 % edited, 6 MB", scale.Push{
		Walked: 20_000, Told: 20_000, Catalog: catalog, Deltas: 200, Rebuilt: 6e6, Hashed: 6e6}, 200}
}

func builds(catalog float64) []build {
	return []build{
		nightly(catalog),
		{"own tree each time: 20,000 files, 1 % edited, the rest linked", scale.Push{
			Walked: 20_000, Told: 20_000, Catalog: catalog, Linked: 19_800, Deltas: 200, Rebuilt: 6e6, Hashed: 600e6}, 20_000},
		{"release: 100 archives, 500 MB new", scale.Push{Walked: 100, Told: 100, Catalog: catalog, Sent: 100, Sought: 100, Alone: 100, Bytes: 500e6, Hashed: 500e6}, 100},
		{"nothing new: 20,000 files", scale.Push{Walked: 20_000}, 0},
	}
}

const (
	// busy is the utilisation up to which waits stay short.
	busy = 0.7
	// pace is how often a publisher pushes in the tables, a second: once in 20 minutes.
	pace = 1.0 / 1200
	// line is what a machine's network carries in bytes a second: 10 Gbit/s.
	line = 10e9 / 8
	// cores of the one machine whose end is looked for.
	cores = 32
	most  = 1e8 // entries
)

func queues(d *report.Document, l laws) {
	d.Heading("Waiting for a core")
	d.Paragraph("Nightly builds pushed at random times. The wait by formula, beside a simulation of 200,000 pushes.")
	service := l.Server.Of(nightly(1e6).push)
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
	d.Heading("As the catalog grows")
	var rows [][]string
	for _, entries := range []float64{1e6, 1e7, most} {
		b := builds(entries)[1]
		rows = append(rows, []string{fmt.Sprintf("%.0f million", entries/1e6), size(entries * perEntry), number(l.Server.Of(b.push)),
			number(entries / b.keep * l.Server.Of(b.push) / 3600)})
	}
	d.Table([]string{"entries:", "catalog:", "server CPU s for a build of 20,000 linked files:", "CPU hours to get there by such builds:"}, rows)
	d.Heading("As publishers grow")
	d.Paragraph(fmt.Sprintf("Each pushes once in twenty minutes, into a catalog of 100 million entries; cores for a utilisation of %v. ", busy) +
		"Commits take turns: the share of time that the one writer is busy is at most that of one core.")
	rows = nil
	for _, b := range builds(most) {
		service := l.Server.Of(b.push)
		for _, publishers := range []float64{100, 1000, 10_000} {
			rate := publishers * pace
			days := "-"
			if b.keep > 0 {
				days = number(most / (rate * b.keep * 86400))
			}
			rows = append(rows, []string{b.name, fmt.Sprint(publishers), number(rate), number(rate * service), number(math.Ceil(rate * service / busy)),
				number(rate * b.push.Bytes * 8 / 1e6), days})
		}
	}
	d.Table([]string{"build", "publishers:", "pushes a second:", "cores busy:", "cores to have:", "Mbit/s in:", "days to 100 million entries:"}, rows)
	oneMachine(d, l)
}

// oneMachine says what bounds one machine first, and where, for each kind of build.
func oneMachine(d *report.Document, l laws) {
	d.Heading("Where one machine ends")
	var rows [][]string
	for _, b := range builds(most) {
		byCores := cores * busy / l.Server.Of(b.push) / pace
		byLine := math.Inf(1)
		if b.push.Bytes > 0 {
			byLine = busy * line / b.push.Bytes / pace
		}
		first := "cores"
		if byLine < byCores {
			first = "the line"
		}
		rows = append(rows, []string{b.name, number(byCores), number(byLine), first, number(min(byCores, byLine))})
	}
	d.Paragraph(fmt.Sprintf("Publishers at that pace that a machine of %d cores and 10 Gbit/s can take, at a utilisation of %v.", cores, busy))
	d.Table([]string{"build", "by cores:", "by the line:", "first:", "publishers:"}, rows)
	d.Paragraph("The model leaves out files whose names are alike but for digits and whose contents are not (the server offers each the others " +
		"as a basis, and the client looks through them in vain), and what was not measured here: a catalog larger than memory, where each lookup may wait for the disk, " +
		"and disks slower than this one. The catalog was measured as far as the largest figure in the table of checks says; beyond it " +
		"the logarithm is extrapolated.")
}
