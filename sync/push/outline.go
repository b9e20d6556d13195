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

// run is a run of entries that the server has to be told of, or of groups that stand
// but for their stats.
type run struct {
	first, n int
	known    wire.Standing
}

// end is the index of the entry behind the run.
func (r run) end() int { return r.first + r.n }

// answered reports whether the server answers to a run which entries need a digest.
func (r run) answered() bool { return r.known != wire.OtherDirs }

// outline returns the sums of the list, nil if it is to be listed whole.
func (p *pusher) outline() *wire.Outline {
	n := len(p.tree.Entries)
	if p.opts.Checksum || p.wholly || n > maxOutlined {
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
	if o == nil || len(answer.Groups) != len(o.Groups) {
		return fmt.Errorf("%w: an outline answered that is another", ErrProtocol)
	}
	p.runs, p.foreseen = nil, answer.HasRest
	unknown := 0
	for k, g := range o.Groups {
		r := run{g.First, g.Len, answer.Groups[k]}
		switch r.known {
		case wire.Unknown:
			unknown += g.Len
			for i := r.first; i < r.end(); i++ {
				p.needs[i] = !settledBy(&entries[i], answer.Rest)
			}
		case wire.OtherStats:
			unknown += g.Len
			p.foreseen = false
		}
		if r.known != wire.Stands {
			p.runs = appendRun(p.runs, r)
		}
	}
	p.fresh = unknown > len(entries)/2
	return nil
}

// appendRun appends a run, to the last one if it goes on with that.
func appendRun(runs []run, r run) []run {
	if last := len(runs) - 1; last >= 0 && runs[last].end() == r.first && runs[last].known == r.known {
		runs[last].n += r.n
		return runs
	}
	return append(runs, r)
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
