package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func draw(t interface{ Fatal(...any) }, c Bars) string {
	var b strings.Builder
	if _, err := c.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return b.String()
		} else if err != nil {
			t.Fatal(err, b.String())
		}
	}
}

func TestBars(t *testing.T) {
	svg := draw(t, Bars{Title: `a < b & "c"`, Unit: "s", Groups: []Group{{"update", []Bar{
		{Label: "pubsync", Value: 1, Mine: true}, {Label: "rsync", Value: 4, Low: 3, High: 5},
	}}}})
	for _, want := range []string{`a &lt; b &amp;`, `width="88.0"`, `width="352.0"`, ">4 s<", "#2f7ed8"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in %s", want, svg)
		}
	}
}

// Whatever the values, the picture is well-formed and no bar leaves it.
func TestBarsStayInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.Float64Range(0, 1e12)).Draw(t, "values")
		c := Bars{Title: rapid.String().Draw(t, "title"), Log: rapid.Bool().Draw(t, "log")}
		c.Title = strings.ToValidUTF8(strings.Map(printable, c.Title), "")
		for _, v := range values {
			c.Groups = append(c.Groups, Group{Bars: []Bar{{Value: v}}})
		}
		draw(t, c)
		scale := c.scale()
		for _, v := range values {
			if l := scale(v); l < 0 || l > width-labelSide-valueSide+0.001 || math.IsNaN(l) {
				t.Fatalf("%v is drawn %v long", v, l)
			}
		}
	})
}

func printable(r rune) rune {
	if r < ' ' || r == 0xfffe || r == 0xffff || r == 0xfffd {
		return -1
	}
	return r
}

func TestNumber(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 0.0123: "0.012", 0.5: "0.50", 12.34: "12.3", 1234: "1.23 k", 5e6: "5 M", 2.5e9: "2.50 G"} {
		if got := Number(v); got != want {
			t.Errorf("Number(%v) = %q, want %q", v, got, want)
		}
	}
}
