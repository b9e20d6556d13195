package archive

import (
	"bufio"
	"encoding/binary"
	"io"

	"github.com/pubsync/pubsync/delta"
)

// sizeBuffer is how much of the column of sizes is read ahead.
const sizeBuffer = 16 << 10

// GuessSizes says where the column of sizes is likely to be copied from, given the
// ops that v's plain stream is made of so far and the sizes of the bases' plain
// streams: a member that is copied whole has the size that it had. No block of
// hashes would show it, where one member in a hundred has changed. For
// [delta.PlanOptions].
func (v *View) GuessSizes(ops []delta.Op, bases []int64) []delta.Guess {
	at, ok := v.column(colSize)
	if !ok || len(ops) == 0 {
		return nil
	}
	g := sizeGuesser{at: at, ops: ops, r: bufio.NewReaderSize(io.NewSectionReader(v.Plain, at.Off, at.Len), sizeBuffer)}
	if !g.anchor(bases) {
		return nil
	}
	g.collect(v)
	return g.guesses()
}

// column returns where a column is in the plain stream.
func (v *View) column(id column) (Range, bool) {
	for i := len(v.Segments) - v.Columns; i < len(v.Segments); i++ {
		if v.Keys[i] == uint32(id)+1 {
			return v.Segments[i], true
		}
	}
	return Range{}, false
}

// A sizeGuesser looks for the column of sizes in a basis.
type sizeGuesser struct {
	at  Range // the column in the new plain stream
	ops []delta.Op
	r   *bufio.Reader

	basis    int
	old      Range // where it is thought to be in the basis
	loose    int   // 1: its start there may be elsewhere, as nothing next to it is copied
	looseEnd int   // the same of its end
	all      []stretch
	risks    int   // how many stretches follow what may have any length in the basis
	opAt     int64 // of ops[0] in the new plain stream
	entries  int   // that belong to no stretch since the last one
	skipped  int64 // bytes of the column that they take
	position int64 // in the column
}

// A stretch is a run of members that are copied from one place.
type stretch struct {
	from, to    int64 // in the column
	content     Range // in the basis
	before      int   // entries between the stretch before and this one
	beforeBytes int64
	risksBefore int // with its own
}

// anchor finds the column in the basis by the copies on either side of it, or by
// the ends of both streams.
func (g *sizeGuesser) anchor(bases []int64) bool {
	var before delta.Op
	at, distance, found := int64(0), int64(0), false
	for _, op := range g.ops {
		switch {
		case op.Basis < 0:
		case at < g.at.Off:
			before, distance, found = op, op.Off-at, true
			g.loose = risk(at+op.Len < g.at.Off)
		case at >= g.at.End() && found && op.Basis == before.Basis:
			g.locate(before.Basis, distance, op.Off-at)
			g.looseEnd = risk(at > g.at.End())
			return true
		}
		at += op.Len
	}
	if !found || before.Basis >= len(bases) {
		return false
	}
	g.locate(before.Basis, distance, bases[before.Basis]-at)
	g.looseEnd = risk(at > g.at.End())
	return true
}

// locate takes the column to be as far on in the basis as what lies beside it.
func (g *sizeGuesser) locate(basis int, before, after int64) {
	start := g.at.Off + before
	g.basis, g.old = basis, span(start, g.at.End()+after-start)
}

func risk(is bool) int {
	if is {
		return 1
	}
	return 0
}

// collect reads the column beside the segments whose sizes it holds.
func (g *sizeGuesser) collect(v *View) {
	segs := v.Segments[:len(v.Segments)-v.Columns]
	for k := 0; ; {
		size, err := binary.ReadUvarint(g.r)
		if err != nil {
			return
		}
		n := int64(len(binary.AppendUvarint(nil, size)))
		for size > 0 && k < len(segs) && v.Keys[k] == 0 {
			k++
		}
		switch {
		case size == 0:
			g.empty(n)
		case k < len(segs):
			g.member(segs[k], n)
			k++
		default:
			return
		}
	}
}

// empty takes an entry that has no content: it goes with the one before.
func (g *sizeGuesser) empty(n int64) {
	if k := len(g.all) - 1; k >= 0 && g.entries == 0 {
		g.all[k].to += n
	} else {
		g.unknown(n)
	}
	g.position += n
}

// unknown takes an entry that nothing is known of.
func (g *sizeGuesser) unknown(n int64) {
	g.entries++
	g.skipped += n
}

// member takes the entry of a member whose content is at s.
func (g *sizeGuesser) member(s Range, n int64) {
	defer func() { g.position += n }()
	for len(g.ops) > 0 && g.opAt+g.ops[0].Len <= s.Off {
		g.opAt += g.ops[0].Len
		g.ops = g.ops[1:]
	}
	if len(g.ops) == 0 || g.ops[0].Basis != g.basis || g.opAt+g.ops[0].Len < s.End() || g.opAt > s.Off {
		g.unknown(n)
		return
	}
	old := span(g.ops[0].Off+s.Off-g.opAt, s.Len)
	end := int64(0)
	if k := len(g.all) - 1; k >= 0 {
		t := &g.all[k]
		if end = t.content.End(); end == old.Off && g.entries == 0 {
			t.to += n
			t.content.Len += old.Len
			return
		}
	}
	if old.Off < end {
		g.unknown(n) // moved
		return
	}
	if g.gapBytes(old.Off-end, g.entries, g.skipped) < 0 {
		g.risks++
	}
	g.all = append(g.all, stretch{
		from: g.position, to: g.position + n, content: old,
		before: g.entries, beforeBytes: g.skipped, risksBefore: g.risks,
	})
	g.entries, g.skipped = 0, 0
}

// gapBytes returns how many bytes the basis's column has for content of which
// nothing is copied, if that is one member's; where the new one has several entries
// that is not known: then it is -1.
func (g *sizeGuesser) gapBytes(content int64, entries int, bytes int64) int64 {
	switch {
	case content == 0:
		return 0
	case entries > 1:
		return -1
	}
	return int64(len(binary.AppendUvarint(nil, uint64(content))))
}

// guesses places the stretches in the basis's column, from its start or from its
// end, whichever fewer unknown lengths lie between.
func (g *sizeGuesser) guesses() []delta.Guess {
	out := make([]delta.Guess, len(g.all))
	gap := func(i int) int64 {
		end := int64(0)
		if i > 0 {
			end = g.all[i-1].content.End()
		}
		s := &g.all[i]
		if n := g.gapBytes(s.content.Off-end, s.before, s.beforeBytes); n >= 0 {
			return n
		}
		return s.beforeBytes
	}
	at := g.old.Off
	for i, s := range g.all {
		at += gap(i)
		out[i] = delta.Guess{At: g.at.Off + s.from, Op: delta.Op{Basis: g.basis, Off: at, Len: s.to - s.from}}
		at += s.to - s.from
	}
	end := g.old.End() - g.skipped
	for i := len(g.all) - 1; i >= 0; i-- {
		s := g.all[i]
		if g.loose+s.risksBefore <= g.looseEnd+g.risks-s.risksBefore {
			break
		}
		out[i].Off = end - out[i].Len
		end = out[i].Off - gap(i)
	}
	return out
}
