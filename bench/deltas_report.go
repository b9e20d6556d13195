package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/pubsync/pubsync/bench/corpus"
	"github.com/pubsync/pubsync/bench/stat"
)

// family is what pairs of one kind have in common, as geometric means.
type family struct {
	Name                         string
	Pairs                        int
	UpF, BothF                   float64 // bytes of pubsync over F
	Share, RsyncShare            float64 // both directions over the new file
	Saved                        float64 // rsync's bytes over pubsync's
	BasisF                       float64 // with the old file at hand, over F; 0 if not measured
	Bounded, Kept                int     // pairs that have a bound, and that keep it
	Worst                        string  // the pair with the largest BothF
	worst                        float64
	upF, bothF, share, rs, saved []float64
	basisF                       []float64
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
		if len(f.basisF) > 0 {
			f.BasisF = stat.GeometricMean(f.basisF)
		}
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
	if r.BasisUp > 0 {
		f.basisF = append(f.basisF, float64(r.BasisUp+r.BasisDown)/floor)
	}
	if b := bound(r); b != "" {
		f.Bounded++
		if b == kept {
			f.Kept++
		}
	}
	if both/floor > f.worst {
		f.worst, f.Worst = both/floor, r.Label
	}
}

// What bound says.
const kept, missed = "kept", "missed"

// bound says whether a row keeps the bound set for its family, "" if there is none:
//
//	ci               upload at most F/2 + 2 KiB, both directions at most F + 4 KiB
//	plain tar        both at most a quarter of rsync -z
//	binary, image    both at most rsync -z -B1024
//	unknown encoder  both at most a tenth of the file
//	new content      both at most a thousandth more than the file, and 8 KiB for TLS
//	                 and the session
func bound(r deltaRow) string {
	both, rsync := r.Up+r.Down, r.RsyncUp+r.RsyncDown
	var ok bool
	switch r.Family {
	case "ci":
		ok = r.Up <= r.Floor/2+2<<10 && both <= r.Floor+4<<10
	case "plain tar":
		ok = 4*both <= rsync
	case corpus.Binary, corpus.Image:
		ok = both <= rsync
	case corpus.Unknown:
		ok = 10*both <= r.Size
	case corpus.Noise:
		ok = both <= r.Size+r.Size/1000+8<<10
	default:
		return ""
	}
	if ok {
		return kept
	}
	return missed
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
`+"`zstd -19 --long=27 --patch-from`"+` with both inflated files at hand. rsync is %s with --no-whole-file, for plain tars
with -z and for binaries and images with -z -B1024 too, told the basis by name; pubsync is given the names that the
releases have, and for the column --basis the old file.

| family | pairs | upload/F | both/F | --basis/F | both/file | rsync/file | rsync/pubsync | bounds kept | worst |
|---|--:|--:|--:|--:|--:|--:|--:|--:|---|
`, rsyncVersion())
	for _, f := range families(rows) {
		bounds := ""
		if f.Bounded > 0 {
			bounds = fmt.Sprintf("%d of %d", f.Kept, f.Bounded)
		}
		fmt.Fprintf(b, "| %s | %d | %.2f | %.2f | %.2f | %.2f %% | %.1f %% | %.1f | %s | %s (%.1f F) |\n",
			f.Name, f.Pairs, f.UpF, f.BothF, f.BasisF, 100*f.Share, 100*f.RsyncShare, f.Saved, bounds, f.Worst, f.worst)
	}
	b.WriteString("\nGeometric means.\n\n| | pair | file | up | down | both/F | F | --basis up | down | both/F | both/file | bound | rsync both | rsync/file | seconds | rsync | methods |\n" +
		"|---|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|--:|--:|--:|--:|---|\n")
	for _, r := range rows {
		both := r.Up + r.Down
		fmt.Fprintf(b, "| %s | %s | %d | %d | %d | %.2f | %d | %d | %d | %.2f | %.2f %% | %s | %d | %.1f %% | %.2f | %.2f | %s |\n",
			r.Family, r.Label, r.Size, r.Up, r.Down, float64(both)/float64(r.Floor), r.Floor, r.BasisUp, r.BasisDown,
			float64(r.BasisUp+r.BasisDown)/float64(r.Floor), 100*float64(both)/float64(r.Size), bound(r),
			r.RsyncUp+r.RsyncDown, 100*float64(r.RsyncUp+r.RsyncDown)/float64(r.Size), r.Seconds, r.RsyncSecond, methods(r))
	}
	for _, r := range rows {
		if r.Family == corpus.Noise {
			b.WriteString("\n" + overheadOf(r) + "\n")
		}
	}
	fmt.Fprintf(b, "\nMade by `go run ./bench deltas`, %s.\n", bin)
	_, err := io.WriteString(w, b.String())
	return err
}

// What TLS 1.3 takes for each record, and how much one holds, in bytes: the head, the
// type of the content and the tag that proves it (RFC 8446, section 5.2).
const (
	recordCost = 5 + 1 + 16
	recordRoom = 16 << 10
)

// overheadOf says what more than the file was carried for one that cannot be made
// smaller, and how much of that is TLS's: what the fewest records take that hold the
// file, which is computed, not counted.
func overheadOf(r deltaRow) string {
	more := r.Up + r.Down - r.Size
	tls := (r.Size + recordRoom - 1) / recordRoom * recordCost
	share := func(n int64) float64 { return 100 * float64(n) / float64(r.Size) }
	return fmt.Sprintf("%s, %s: %d bytes more than the file's, %.3f %%, both ways. The records of TLS that hold the file take %d of them (%d in each %d, %.3f %%; "+
		"computed), whatever the program; handshake, HTTP/2, session and answers %d, %.3f %%.",
		r.Family, r.Label, more, share(more), tls, recordCost, recordRoom, share(tls), more-tls, share(more-tls))
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
