package push

import (
	"sync/atomic"

	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/wire"
)

// Bounds of what a delta leaves to send, in bytes, for the best compression, which
// takes some 0.2 us a byte, and for the densest, which mixes contexts and takes
// both sides some 1.3 us a byte, and some more for what lies about it. Where more is
// left than the size divided by mostlyNew, as of an executable, it is worth the most
// thorough, and however much it is.
const (
	fewLiterals   = 4 << 20
	denseLiterals = 512 << 10
	lightLiterals = 256 << 10 // of an archive that goes as it pays: beyond, the best takes 34 MB
	mostlyNew     = 8
)

// mixing is how many bytes of literals a push has had coded by mixing contexts, of
// its own choice. It is safe for concurrent use.
type mixing struct{ spent atomic.Int64 }

// Bounds of mixing in a push, in bytes of literals, unless all archives are to be seen
// through. Mixing saves less than a tenth of a byte for each, which any link but the
// slowest carries sooner than the two sides have mixed it: it is there because a few
// bytes less are worth a little time. So it gets a little: on a link that outruns thorough
// compression 32 ms of either side, on others, where there is waiting anyway,
// half a second.
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
	unhurried     = 32       // files of a push that are matched thoroughly wherever the server is
	hastyLiterals = 16 << 10 // bytes up to which what one round leaves goes as it is
)

// haste counts the files that a push has matched by their bytes. It is safe for
// concurrent use.
type haste struct{ files atomic.Int64 }

// hasty says whether a file of a size is matched in one round, and what that leaves
// sent as it is: next door, where a kilobyte takes less time than further rounds and
// thorough coding, about 2 ms of both sides for a small file. A few files are always
// matched thoroughly: there the time is nothing.
func (p *pusher) hasty(size int64) bool {
	return size <= smallFile && p.rate.fast() && p.rate.near() && p.haste.files.Add(1) > unhurried
}

// levelFor is the level for a stream: what was worth matching is worth the best,
// unless there is much of it, or it is compressed.
func (p *pusher) levelFor(st *stream) codec.Level {
	switch {
	case st.at != nil:
		return codec.Dense
	case st.packed == archive.Zip && p.wholeLevel(st.src.Size) != codec.Stored:
		return codec.Fast // some of it may not be compressed
	case st.packed != archive.Bytes, st.hasty && st.missing() <= hastyLiterals:
		return codec.Stored
	case st.plan != nil:
		return p.deltaLevel(st.view, st.missing(), st.src.Size)
	}
	return p.wholeLevel(st.src.Size)
}

// plainSize is the size in bytes up to which a file goes as it is where the link
// carries more than is compressed in the time. Images and the like, larger than that,
// are worth the cores that are left.
const plainSize = 16 << 20

// wholeLevel is the level for a file of a size, or for as many bytes of it, that goes
// whole.
func (p *pusher) wholeLevel(size int64) codec.Level {
	if size <= plainSize && p.rate.effort() == none {
		return codec.Stored
	}
	return p.rate.level()
}

// deltaLevel is the level for a delta of a view with so many bytes of literals, of
// which the best compression, if it is that, is for the first fewLiterals.
func (p *pusher) deltaLevel(view wire.View, literals, size int64) codec.Level {
	switch {
	case literals < denseLiterals && (view != wire.Raw && p.thorough() || p.mixing.allow(literals, p.rate.fast())):
		return codec.Dense
	case view != wire.Raw && !p.thorough() && literals >= lightLiterals:
		return p.lightLevel(view, literals)
	case literals > size/mostlyNew:
		return codec.Thorough
	case literals < fewLiterals:
		return codec.Best
	}
	return p.lightLevel(view, literals)
}

// lightLevel is the level for much that a delta leaves to send. What an archive
// compressed is not sent as it is.
func (p *pusher) lightLevel(view wire.View, literals int64) codec.Level {
	level := p.wholeLevel(literals)
	if view != wire.Raw && level == codec.Stored {
		return codec.Default
	}
	return level
}
