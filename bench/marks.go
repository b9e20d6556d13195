package main

import (
	"fmt"
	"math"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/pubsync/pubsync/bench/stat"
)

// mark is something that the product is held to.
type mark struct {
	where, what string
	limit       float64
	atLeast     bool // the limit is a lower one
	// of gives the figure and what it is compared with; false if it was not measured.
	of func(m *measured) (stat.Interval, string, bool)
}

// measured is all that marks are judged by.
type measured struct {
	*results
	readings *readPart // nil: none
}

// verdict is a mark with what was measured.
type verdict struct {
	mark
	got     stat.Interval
	against string
	there   bool
}

func (m *measured) judge() []verdict {
	var all []verdict
	for _, k := range marks() {
		v := verdict{mark: k}
		v.got, v.against, v.there = k.of(m)
		all = append(all, v)
	}
	return all
}

func (v verdict) met() bool {
	return v.there && (v.got.Value <= v.limit || v.atLeast) && (v.got.Value >= v.limit || !v.atLeast)
}

// said is the judgement in a word, with by how much it is missed.
func (v verdict) said() string {
	switch {
	case !v.there:
		return "not measured"
	case v.met():
		return "met"
	case v.atLeast:
		return fmt.Sprintf("MISSED, %.2f of it", v.got.Value/v.limit)
	}
	return fmt.Sprintf("MISSED, %.2f times it", v.got.Value/v.limit)
}

func (v verdict) row() []string {
	bound := "at most " + number(v.limit)
	if v.atLeast {
		bound = "at least " + number(v.limit)
	}
	if !v.there {
		return []string{v.where, v.what, "", "", "", bound, v.said()}
	}
	return []string{v.where, v.what, v.against, number(v.got.Value), interval(v.got), bound, v.said()}
}

// ratioMark compares a figure of a step with that of a peer's best mode.
func ratioMark(c cell, against, what string, of metric, most float64) mark {
	return mark{c.Workload + ", " + c.Step + ", " + c.Link, what, most, false, func(m *measured) (stat.Interval, string, bool) {
		return m.ratio(c, against, of)
	}}
}

const (
	slow, wan = "20M100ms", "100M40ms"
	daemon    = "rsync daemon"
	ssh       = "rsync over ssh"
)

// marks are those the project set itself. Ratios are to rsync in the same run, in its
// better mode.
func marks() []mark {
	at := func(workload, step, link string) cell { return cell{workload, step, link} }
	all := []mark{
		ratioMark(at("source", "none", "loopback"), ssh, "wall", wall, 0.3),
		ratioMark(at("source", "none", "loopback"), daemon, "wall", wall, 1),
		ratioMark(at("source", "none", "loopback"), daemon, "bytes", traffic, 0.01),
		ratioMark(at("source", "first", "loopback"), ssh, "wall", wall, 0.7),
		ratioMark(at("source", "first", "loopback"), daemon, "wall", wall, 1),
		ratioMark(at("objects", "none", "loopback"), ssh, "wall", wall, 0.3),
		ratioMark(at("objects", "none", "loopback"), daemon, "wall", wall, 1),
		ratioMark(at("objects", "none", "loopback"), daemon, "bytes", traffic, 0.01),
		ratioMark(at("objects", "first", "loopback"), ssh, "wall", wall, 0.7),
		ratioMark(at("objects", "first", "loopback"), daemon, "wall", wall, 1),
		ratioMark(at("images", "first", "loopback"), daemon+" -z", "wall", wall, 1),
		ratioMark(at("images", "first", "loopback"), daemon+" -z", "bytes", traffic, 1),
		ratioMark(at("tarballs", "update", slow), ssh, "wall", wall, 0.15),
		ratioMark(at("tarballs", "update", wan), ssh, "wall", wall, 0.6),
		ratioMark(at("tarballs", "update", slow), ssh, "bytes", traffic, 1.0/30),
		ratioMark(at("source", "all mtimes new", slow), ssh, "wall", wall, 0.3),
		{"small, one file, " + slow, "round trips: TCP, TLS, requests", 4, false, trips(func(s sample) float64 {
			return float64(2*s.Connections) + float64(s.Requests)
		})},
		{"small, one file, " + slow, "whole round trips in the wall time", 4, false, trips(wholeTrips)},
	}
	for _, c := range []cell{
		at("source", "first", "loopback"), at("source", "none", "loopback"), at("source", "update", "loopback"),
		at("source", "all mtimes new", "loopback"), at("objects", "first", "loopback"), at("images", "first", "loopback"),
		at("images", "update", "loopback"), at("tarballs", "update", "loopback"),
	} {
		all = append(all, ratioMark(c, ssh, "CPU of both sides", cpu, 1))
	}
	const room = 100
	return append(all,
		mark{"all", "memory of the client, MB", room, false, worst(func(s sample) float64 { return float64(s.ClientMem) / 1e6 })},
		mark{"all", "memory of the server, MB", room, false, worst(func(s sample) float64 { return float64(s.ServerMem) / 1e6 })},
		mark{"readers", headReading + " a second", 10_000, true, func(m *measured) (stat.Interval, string, bool) {
			v := m.readings.values(headReading, "pubsync", func(s readSample) float64 { return s.PerSecond })
			return stat.Interval{Value: stat.Median(v), Low: stat.Quantile(v, 0), High: stat.Quantile(v, 1)}, "", len(v) > 0
		}},
		mark{"readers", largeReading + ", bytes a second", 0.8, true, func(m *measured) (stat.Interval, string, bool) {
			rate := func(s readSample) float64 { return s.BytesPerSecond }
			ours, theirs := m.readings.values(largeReading, "pubsync", rate), m.readings.values(largeReading, "nginx", rate)
			return stat.Ratio(ours, theirs), "nginx", len(ours) > 0 && len(theirs) > 0
		}},
	)
}

// trips takes a figure of the update of one file over the slow link, with its range.
func trips(of metric) func(*measured) (stat.Interval, string, bool) {
	return func(m *measured) (stat.Interval, string, bool) {
		c := cell{"small", "one file", slow}
		v := m.values(c, m.mark(c, "pubsync"), of)
		return stat.Interval{Value: stat.Median(v), Low: stat.Quantile(v, 0), High: stat.Quantile(v, 1)}, "", len(v) > 0
	}
}

// wholeTrips is how many round trips fit into the wall time. That is more than there are:
// programs start, disks sync, and what is larger than TCP's first window waits for
// acknowledgements.
func wholeTrips(s sample) float64 {
	rate, err := parseRate(s.Link)
	if err != nil || rate.Delay == 0 {
		return math.NaN()
	}
	return math.Floor(s.Wall / (2 * rate.Delay.Seconds()))
}

// worst is the highest median of a figure of pubsync in any step, and names it.
func worst(of metric) func(*measured) (stat.Interval, string, bool) {
	return func(m *measured) (stat.Interval, string, bool) {
		var most float64
		var where string
		for _, c := range m.cells {
			if v := stat.Median(m.values(c, m.mark(c, "pubsync"), of)); v > most && m.clients[c] < 2 {
				most, where = v, c.Workload+", "+c.Step+", "+c.Link
			}
		}
		return stat.Interval{Value: most, Low: math.NaN(), High: math.NaN()}, where, where != ""
	}
}

// judgeMarks prints each mark with what the saved results say of it.
func judgeMarks(o *options) error {
	m, _, err := loadMeasured(o)
	if err != nil {
		return err
	}
	met, missed, open := 0, 0, 0
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, v := range m.judge() {
		fmt.Fprintln(table, strings.Join(v.row(), "\t"))
		switch {
		case !v.there:
			open++
		case v.met():
			met++
		default:
			missed++
		}
	}
	fmt.Fprintf(table, "%d met, %d missed, %d not measured\n", met, missed, open)
	return table.Flush()
}

// loadMeasured reads what a report's folder holds.
func loadMeasured(o *options) (*measured, []*part, error) {
	parts, err := loadParts(o)
	if err != nil {
		return nil, nil, err
	}
	readings, err := loadReadings(o)
	var samples []sample
	for _, p := range parts {
		samples = append(samples, p.Samples...)
	}
	return &measured{newResults(samples), readings}, parts, err
}
