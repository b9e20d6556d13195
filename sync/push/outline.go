package push

import (
	"fmt"
	"math/bits"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// Bounds of what goes with the open in place of a list that is too long for it: some
// kilobyte of sums, whatever the size of the tree, and none of trees so large that
// the server had better not hold all that stands against them.
const (
	outlineGroups = 160
	maxOutlined   = 50_000
)

// run is a run of entries that have to be listed.
type run struct{ first, n int }

// outline returns the sums of the list, nil if it is to be listed whole.
func (p *pusher) outline() *wire.Outline {
	n := len(p.tree.Entries)
	if p.opts.Checksum || n > maxOutlined {
		return nil
	}
	o := &wire.Outline{Cut: uint(bits.Len(uint(n / outlineGroups)))}
	o.Groups = p.tree.Entries.Groups(o.Cut)
	if len(o.Groups) > wire.MaxGroups {
		return nil
	}
	return o
}

// onOutlined takes the answer to an outline: what is known need not be listed, and
// if the rest is told, it shows which files of the others need a digest.
func (p *pusher) onOutlined(payload []byte, o *wire.Outline) error {
	entries := p.tree.Entries
	answer, err := wire.ParseOutlined(payload, 2*len(entries)+maxOutlined)
	if err != nil {
		return err
	}
	if o == nil || len(answer.Known) != len(o.Groups) {
		return fmt.Errorf("%w: an outline answered that is another", ErrProtocol)
	}
	p.runs, p.foreseen = nil, answer.HasRest
	unknown := 0
	for k, g := range o.Groups {
		if answer.Known[k] {
			continue
		}
		unknown += g.Len
		if last := len(p.runs) - 1; last >= 0 && p.runs[last].first+p.runs[last].n == g.First {
			p.runs[last].n += g.Len
		} else {
			p.runs = append(p.runs, run{g.First, g.Len})
		}
		for i := g.First; i < g.First+g.Len; i++ {
			p.needs[i] = !settledBy(&entries[i], answer.Rest)
		}
	}
	p.fresh = unknown > len(entries)/2
	return nil
}

// settledBy reports whether the quick check would settle an entry if this stood
// under the target.
func settledBy(e *manifest.Entry, standing manifest.List) bool {
	if e.Kind != manifest.File {
		return true
	}
	i, ok := standing.Find(e.Path)
	if !ok {
		return false
	}
	was := &standing[i]
	return was.Kind == manifest.File && was.Size == e.Size && was.MTime == e.MTime
}
