package push

import (
	"sync/atomic"

	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/wire"
)

// A load is what is to be coded of a file.
type load struct {
	kind     loadKind
	size     int64 // of the file, in bytes
	literals int64 // bytes of it that go
}

type loadKind int

const (
	wholeFile loadKind = iota // all of a file
	byBytes                   // what a delta of its bytes leaves
	inside                    // what a delta of what is inside an archive leaves
)

// means are what a push codes with: what takes the time over its link, and whether
// archives are to go in the fewest bytes, whatever the time.
type means struct {
	link    effort
	thrifty bool
}

// Bounds of levels, in bytes of literals.
const (
	denseLiterals = 512 << 10
	fewLiterals   = 4 << 20
	lightLiterals = 256 << 10 // of an archive that goes as it pays: beyond, the best takes 34 MB
	plainSize     = 16 << 20  // larger files, as images, are worth the cores that are left
	mostlyNew     = 8         // part of a file, one in so many, beyond which a delta of it is mostly new, as of an executable
)

// level is the level for a load. mixes says whether so many bytes may be mixed.
//
//	level      ns a byte   taken for
//	Stored             0   up to plainSize where the link outruns Fast
//	Fast               4   whole files, and much that a delta leaves, where it outruns Default
//	Default           10   the same elsewhere, and where an archive had it compressed
//	Best       50 to 200   fewLiterals of a delta, lightLiterals of an archive's
//	Thorough         200   a delta that is mostly new, however much it is
//	Dense    1300 + 1300   denseLiterals of a delta, as far as bytes may be mixed
//
// The times are of one core of a server of 2024, those of Dense of both sides. What
// Best and the two below save is carried sooner than they take by any link but the
// slowest: a little time is given for a few bytes less, and the bounds are how much.
func (m means) level(l load, mixes func(literals int64) bool) codec.Level {
	paying := l.kind == inside && !m.thrifty
	switch {
	case l.kind == wholeFile:
		return m.quick(l.literals)
	case l.literals < denseLiterals && (l.kind == inside && m.thrifty || mixes(l.literals)):
		return codec.Dense
	case l.literals > l.size/mostlyNew && !(paying && l.literals >= lightLiterals):
		return codec.Thorough
	case l.literals < fewLiterals && !(paying && l.literals >= lightLiterals):
		return codec.Best
	}
	if level := m.quick(l.literals); l.kind == byBytes || level != codec.Stored {
		return level
	}
	return codec.Default
}

// quick is the level that gets so many bytes to the server soonest.
func (m means) quick(literals int64) codec.Level {
	switch {
	case m.link == thorough:
		return codec.Default
	case m.link == none && literals <= plainSize:
		return codec.Stored
	}
	return codec.Fast
}

// means returns what the push codes with by now.
func (p *pusher) means() means { return means{p.rate.effort(), p.thorough()} }

// levelFor is the level for a stream. What is compressed is sent as it is, but for a zip,
// some of which may not be.
func (p *pusher) levelFor(st *stream) codec.Level {
	m := p.means()
	switch {
	case st.at != nil:
		return codec.Dense
	case st.packed == archive.Zip && m.quick(st.src.Size) != codec.Stored:
		return codec.Fast
	case st.packed != archive.Bytes:
		return codec.Stored
	case st.plan == nil:
		return m.level(load{wholeFile, st.src.Size, st.src.Size}, nil)
	}
	return p.deltaLevel(st.view, st.missing(), st.src.Size)
}

// deltaLevel is the level for a delta of a view of so many bytes with so many literals. In
// a hurry they go as they are where they are few or the link outruns all compression, and
// are never coded thoroughly. Of many files none is mixed: what a model takes in beside the
// literals, and its tables, take 2 ms of either side for each.
func (p *pusher) deltaLevel(view wire.View, literals, size int64) codec.Level {
	m, kind := p.means(), inside
	if view == wire.Raw {
		kind = byBytes
	}
	switch hurried := kind == byBytes && p.hurried(); {
	case hurried && literals <= hastyLiterals:
		return codec.Stored
	case hurried:
		return m.quick(literals)
	}
	many := p.haste.files.Load() > unhurried
	return m.level(load{kind, size, literals}, func(n int64) bool { return !many && p.mixing.allow(n, m.link != thorough) })
}

// mixing is how many bytes of literals a push has had coded by mixing contexts, of
// its own choice. It is safe for concurrent use.
type mixing struct{ spent atomic.Int64 }

// Bounds of mixing in a push, in bytes of literals, unless all archives are to be seen
// through: on a link that outruns thorough compression 32 ms of either side, on others,
// where there is waiting anyway, half a second.
const (
	mixedOnFast = 16 << 10
	mixedOnSlow = 256 << 10
)

// allow says whether so many bytes may be mixed, and counts them if so.
func (m *mixing) allow(literals int64, fast bool) bool {
	bound := int64(mixedOnSlow)
	if fast {
		bound = mixedOnFast
	}
	if m.spent.Add(literals) <= bound {
		return true
	}
	m.spent.Add(-literals)
	return false
}

// Bounds of matching in haste.
const (
	unhurried     = 32       // files that a push may match and have all matched thoroughly, wherever the server is
	hastyLiterals = 32 << 10 // bytes up to which what a delta leaves goes as it is
)

// haste counts the files that a push matches by their bytes, from when it knows that it
// will. It is safe for concurrent use.
type haste struct{ files atomic.Int64 }

// hurried says whether files are matched with an eye on the time: next door, where a
// kilobyte takes less of it than further rounds and thorough coding, about 2 ms of both
// sides for a small file. Where they are few they are always matched thoroughly: there the
// time is nothing.
func (p *pusher) hurried() bool {
	return p.rate.fast() && p.rate.near() && p.haste.files.Load() > unhurried
}

// hasty says whether a file of a size is matched in one round.
func (p *pusher) hasty(size int64) bool { return size <= smallFile && p.hurried() }
