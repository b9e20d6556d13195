package chart

import (
	"fmt"
	"html"
	"io"
	"math"
	"strings"
)

// Bar is one figure: its value and how far it spread.
type Bar struct {
	Label     string
	Value     float64
	Low, High float64 // drawn as a thin line; both 0 for none
	Mine      bool    // drawn in the stronger colour
}

// Group is bars that belong together, with a heading.
type Group struct {
	Label string
	Bars  []Bar
}

// Bars is a picture of groups of bars on one scale.
type Bars struct {
	Title  string
	Unit   string // after each value, such as "s"
	Log    bool   // a logarithmic scale, for values that differ by orders of magnitude
	Groups []Group
}

// Sizes in pixels.
const (
	width     = 760
	labelSide = 230
	valueSide = 90
	barHeight = 16
	barGap    = 4
	groupGap  = 22
	top       = 40
)

// WriteTo writes the picture as one SVG element.
func (c Bars) WriteTo(w io.Writer) (int64, error) {
	b := &strings.Builder{}
	scale := c.scale()
	fmt.Fprintf(b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" role="img" aria-label="%s" `+
		`font-family="sans-serif" font-size="12" fill="#808080">`+"\n", width, c.height(), width, html.EscapeString(c.Title))
	fmt.Fprintf(b, `<text x="0" y="18" font-size="15" font-weight="bold">%s</text>`+"\n", html.EscapeString(c.Title))
	y := float64(top)
	for _, g := range c.Groups {
		if g.Label != "" {
			fmt.Fprintf(b, `<text x="0" y="%.0f" font-weight="bold">%s</text>`+"\n", y, html.EscapeString(g.Label))
			y += 8
		}
		for _, bar := range g.Bars {
			c.bar(b, bar, y, scale)
			y += barHeight + barGap
		}
		y += groupGap
	}
	b.WriteString("</svg>\n")
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func (c Bars) height() int {
	h := top
	for _, g := range c.Groups {
		h += len(g.Bars)*(barHeight+barGap) + groupGap
		if g.Label != "" {
			h += 8
		}
	}
	return h
}

func (c Bars) bar(b *strings.Builder, bar Bar, y float64, scale func(float64) float64) {
	colour := "#9aa7b5"
	if bar.Mine {
		colour = "#2f7ed8"
	}
	long := scale(bar.Value)
	middle := y + barHeight/2
	fmt.Fprintf(b, `<text x="%d" y="%.0f" text-anchor="end">%s</text>`, labelSide-8, middle+4, html.EscapeString(bar.Label))
	fmt.Fprintf(b, `<rect x="%d" y="%.0f" width="%.1f" height="%d" fill="%s"/>`, labelSide, y, long, barHeight, colour)
	end := long
	if bar.High > bar.Low {
		end = max(end, scale(bar.High))
		fmt.Fprintf(b, `<path d="M%.1f %.1fH%.1f" stroke="#404040" stroke-width="2"/>`, labelSide+scale(bar.Low), middle, labelSide+scale(bar.High))
	}
	fmt.Fprintf(b, `<text x="%.0f" y="%.0f">%s</text>`+"\n", labelSide+end+6, middle+4, html.EscapeString(Number(bar.Value)+" "+c.Unit))
}

// scale maps values to lengths in pixels.
func (c Bars) scale() func(float64) float64 {
	most, least := 0.0, math.Inf(1)
	for _, g := range c.Groups {
		for _, bar := range g.Bars {
			most = max(most, bar.Value, bar.High)
			if bar.Value > 0 {
				least = min(least, bar.Value)
			}
		}
	}
	const room = width - labelSide - valueSide
	if most <= 0 {
		return func(float64) float64 { return 0 }
	}
	if !c.Log {
		return func(v float64) float64 { return max(v, 0) / most * room }
	}
	from := math.Log10(least) - 0.3
	span := math.Log10(most) - from
	return func(v float64) float64 {
		if v <= 0 {
			return 0
		}
		return max((math.Log10(v)-from)/span, 0) * room
	}
}

// Number shows three digits of a value, with a unit of powers of 1000 where it is
// large.
func Number(v float64) string {
	for _, unit := range []struct {
		value float64
		name  string
	}{{1e9, " G"}, {1e6, " M"}, {1e3, " k"}} {
		if math.Abs(v) >= unit.value {
			return digits(v/unit.value) + unit.name
		}
	}
	return digits(v)
}

func digits(v float64) string {
	switch a := math.Abs(v); {
	case a >= 100 || v == math.Trunc(v):
		return fmt.Sprintf("%.0f", v)
	case a >= 10:
		return fmt.Sprintf("%.1f", v)
	case a >= 0.1:
		return fmt.Sprintf("%.2f", v)
	}
	return fmt.Sprintf("%.2g", v)
}
