package codec

import (
	"fmt"
	"sort"

	"github.com/pubsync/pubsync/delta"
)

// A piece is output that comes from one place: a basis, or the part's literals
// (Basis delta.Literal, Off in them). Copies of own output are as many pieces
// as what they copy came from, so that nobody has to read output back.
type piece struct {
	at int64 // in the part's output
	delta.Op
}

func (p *piece) end() int64 { return p.at + p.Len }

// appendPieces appends the pieces of a copy at output offset at to ps, which
// hold all output before it. Errors wrap [ErrTooLarge].
func appendPieces(ps []piece, at int64, op delta.Op) ([]piece, error) {
	if op.Basis != delta.Self {
		if op.Len > 0 {
			ps = append(ps, piece{at, op})
		}
		if len(ps) > MaxPieces {
			return ps, fmt.Errorf("%w: more than %d pieces", ErrTooLarge, MaxPieces)
		}
		return ps, nil
	}
	i := sort.Search(len(ps), func(i int) bool { return ps[i].end() > op.Off })
	for op.Len > 0 {
		if len(ps) >= MaxPieces {
			return ps, fmt.Errorf("%w: more than %d pieces", ErrTooLarge, MaxPieces)
		}
		p := ps[i]
		skip := op.Off - p.at
		n := min(p.Len-skip, op.Len)
		ps = append(ps, piece{at, delta.Op{Basis: p.Basis, Off: p.Off + skip, Len: n}})
		at, op.Off, op.Len = at+n, op.Off+n, op.Len-n
		i++
	}
	return ps, nil
}
