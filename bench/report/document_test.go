package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/bench/chart"
)

func TestDocument(t *testing.T) {
	d := &Document{Title: "A <title>"}
	d.Heading("Part")
	d.Paragraph("a < b")
	d.Table([]string{"what", "seconds:"}, [][]string{{"a|b", "1"}, {"<c>", "2"}})
	d.Commands("rsync -a x/ y")
	d.Picture("walls", chart.Bars{Title: "Walls", Groups: []chart.Group{{Bars: []chart.Bar{{Label: "x", Value: 1}}}}})
	dir := t.TempDir()
	if err := d.WriteFiles(dir, "report"); err != nil {
		t.Fatal(err)
	}
	for name, wants := range map[string][]string{
		"report.md":   {"# A <title>\n", "## Part\n", "| what | seconds |\n|---|---:|\n| a\\|b | 1 |\n", "```\nrsync -a x/ y\n```", "![Walls](walls.svg)"},
		"report.html": {"<h1>A &lt;title&gt;</h1>", "<td>&lt;c&gt;</td><td class=\"n\">2</td>", "a &lt; b", "<svg ", "</html>"},
		"walls.svg":   {"<svg ", "</svg>"},
	} {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(b), want) {
				t.Errorf("%s lacks %q:\n%s", name, want, b)
			}
		}
	}
}
