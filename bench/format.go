package main

import (
	"fmt"
	"math"
	"strings"

	"github.com/pubsync/pubsync/bench/stat"
)

// number shows two or three digits.
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

// size shows bytes with a unit, powers of 1000.
func size(n float64) string {
	for _, unit := range []string{"B", "kB", "MB", "GB"} {
		switch {
		case unit == "B" && n < 1000:
			return fmt.Sprintf("%.0f B", n)
		case n < 1000 || unit == "GB":
			return number(n) + " " + unit
		}
		n /= 1000
	}
	return ""
}

// interval shows a confidence interval, and nothing where there is none.
func interval(i stat.Interval) string {
	if math.IsNaN(i.Low) || math.IsNaN(i.High) {
		return ""
	}
	return number(i.Low) + " to " + number(i.High)
}

// count shows a number of things, and nothing for none.
func count(n float64) string {
	if n == 0 || math.IsNaN(n) {
		return ""
	}
	return fmt.Sprintf("%.0f", n)
}

// shown is a command line as the report shows it: without the machine's folders, nor
// the token.
func shown(args []string, dir string, o *options) string {
	kept := make([]string, len(args))
	for i, a := range args {
		if i > 0 && args[i-1] == "--token" {
			a = "TOKEN"
		}
		if a == o.pubsync {
			a = "pubsync"
		}
		a = strings.ReplaceAll(strings.ReplaceAll(a, dir, "WORK"), o.cache.Dir, "CACHE")
		if strings.ContainsAny(a, " ") {
			a = "'" + a + "'"
		}
		kept[i] = a
	}
	return strings.Join(kept, " ")
}
