package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/pubsync/pubsync/bench/stat"
)

// family is what pairs of one kind have in common, as geometric means.
type family struct {
	Name                         string
	Pairs                        int
	UpF, BothF                   float64 // bytes of pubsync over F
	Share, RsyncShare            float64 // both directions over the new file
	Saved                        float64 // rsync's bytes over pubsync's
	WithinCI                     int     // pairs that keep the bounds for CI rebuilds
	Worst                        string  // the pair with the largest BothF
	worst                        float64
	upF, bothF, share, rs, saved []float64
}

// families sums the rows up, each kind in the order it first occurs, and releases
// of all registries together as the last.
func families(rows []deltaRow) []*family {
	var order []*family
	named := map[string]*family{}
	add := func(name string, r deltaRow) {
		f := named[name]
		if f == nil {
			f = &family{Name: name}
			named[name] = f
			order = append(order, f)
		}
		f.add(r)
	}
	for _, r := range rows {
		add(r.Family, r)
	}
	for _, r := range rows {
		switch r.Family {
		case "npm", "go", "debian":
			add("all releases", r)
		case "npm, held out", "go, held out", "debian, held out":
			add("all held out", r)
		}
	}
	for _, f := range order {
		f.UpF, f.BothF = stat.GeometricMean(f.upF), stat.GeometricMean(f.bothF)
		f.Share, f.RsyncShare, f.Saved = stat.GeometricMean(f.share), stat.GeometricMean(f.rs), stat.GeometricMean(f.saved)
	}
	return order
}

func (f *family) add(r deltaRow) {
	f.Pairs++
	both, rsync, size, floor := float64(r.Up+r.Down), float64(r.RsyncUp+r.RsyncDown), float64(r.Size), float64(r.Floor)
	f.upF = append(f.upF, float64(r.Up)/floor)
	f.bothF = append(f.bothF, both/floor)
	f.share = append(f.share, both/size)
	f.rs = append(f.rs, rsync/size)
	f.saved = append(f.saved, rsync/both)
	if withinCI(r) {
		f.WithinCI++
	}
	if both/floor > f.worst {
		f.worst, f.Worst = both/floor, r.Label
	}
}

// withinCI is the bound set for CI rebuilds: upload at most F/2 + 2 KiB, both
// directions at most F + 4 KiB.
func withinCI(r deltaRow) bool {
	return r.Up <= r.Floor/2+2<<10 && r.Up+r.Down <= r.Floor+4<<10
}

// writeDeltas writes deltas.md and deltas.json.
func writeDeltas(o *options, bin string, rows []deltaRow) error {
	if err := o.writeOut("deltas.json", func(w io.Writer) error {
		e := json.NewEncoder(w)
		e.SetIndent("", " ")
		return e.Encode(rows)
	}); err != nil {
		return err
	}
	return o.writeOut("deltas.md", func(w io.Writer) error { return deltasTable(w, bin, rows) })
}

func deltasTable(w io.Writer, bin string, rows []deltaRow) error {
	b := &strings.Builder{}
	fmt.Fprintf(b, `# Deltas between releases and CI rebuilds

Bytes at the socket, TLS included, of the push of a file whose predecessor is published. F is the size of
`+"`zstd -19 --long=27 --patch-from`"+` with both inflated files at hand. rsync is %s with --no-whole-file, told the basis by
name; pubsync is given the names that the releases have.

| family | pairs | upload/F | both/F | both/file | rsync/file | rsync/pubsync | CI bounds kept | worst |
|---|--:|--:|--:|--:|--:|--:|--:|---|
`, rsyncVersion())
	for _, f := range families(rows) {
		kept := ""
		if f.Name == "ci" {
			kept = fmt.Sprintf("%d of %d", f.WithinCI, f.Pairs)
		}
		fmt.Fprintf(b, "| %s | %d | %.2f | %.2f | %.2f %% | %.1f %% | %.1f | %s | %s (%.1f F) |\n",
			f.Name, f.Pairs, f.UpF, f.BothF, 100*f.Share, 100*f.RsyncShare, f.Saved, kept, f.Worst, f.worst)
	}
	b.WriteString("\nGeometric means.\n\n| | pair | file | up | down | both/F | F | both/file | rsync both | rsync/file | seconds | rsync | methods |\n" +
		"|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|\n")
	for _, r := range rows {
		both := r.Up + r.Down
		fmt.Fprintf(b, "| %s | %s | %d | %d | %d | %.2f | %d | %.2f %% | %d | %.1f %% | %.2f | %.2f | %s |\n",
			r.Family, r.Label, r.Size, r.Up, r.Down, float64(both)/float64(r.Floor), r.Floor, 100*float64(both)/float64(r.Size),
			r.RsyncUp+r.RsyncDown, 100*float64(r.RsyncUp+r.RsyncDown)/float64(r.Size), r.Seconds, r.RsyncSecond, methods(r))
	}
	fmt.Fprintf(b, "\nMade by `go run ./bench deltas`, %s.\n", bin)
	_, err := io.WriteString(w, b.String())
	return err
}

// methods names how the file went.
func methods(r deltaRow) string {
	var names []string
	for name, share := range r.Methods {
		if share.Files > 0 || share.Bytes > 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}
