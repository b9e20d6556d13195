package push

import (
	"context"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// Bounds of a tree whose digests go with its list: hashing it takes less than a
// round trip to anywhere but next door, and the digests no more than a few headers.
const (
	earlyFiles = 16
	earlyBytes = 8 << 20
)

// early is the question that rides on the open, about all files of a small tree.
type early struct {
	indices []int
	answer  answer
}

// foretell hashes a small tree, so that its digests can go with the list.
func (p *pusher) foretell(ctx context.Context) error {
	p.early = nil
	w := window{}
	for i := range p.tree.Entries {
		e := &p.tree.Entries[i]
		if e.Kind != manifest.File {
			continue
		}
		w.indices = append(w.indices, i)
		if w.bytes += e.Size; w.bytes > earlyBytes || len(w.indices) > earlyFiles {
			return nil
		}
	}
	if len(w.indices) == 0 {
		return nil
	}
	// What changed since it was listed is listed as it is now.
	if err := p.hash(ctx, &w); err != nil {
		return err
	}
	p.early = &early{indices: w.indices, answer: answer{signatures: map[int][]wire.Signature{}}}
	return nil
}

// onOpen takes what comes with the answer to an open.
func (p *pusher) onOpen(f wire.Frame) error {
	if p.early == nil || f.Type != wire.FrameVerdicts && f.Type != wire.FrameSignature && f.Type != wire.FrameHashes {
		return p.onSettle(f)
	}
	return p.early.answer.collect(p)(f)
}

// told makes use of the answer to an early question, if there is one: all digests
// are given then.
func (p *pusher) told() bool {
	if p.early == nil || len(p.early.answer.verdicts) < len(p.early.indices) {
		return false
	}
	for _, i := range p.early.indices {
		p.needs[i] = true
	}
	p.spelled = true
	return true
}

// appendQuestion appends the digests of the files, and for those that are to go by
// what is inside them that signatures of that are wanted.
func (p *pusher) appendQuestion(body []byte, indices []int) []byte {
	p.tell(indices)
	body = p.appendDigests(body, indices)
	if len(indices) > maxWanted {
		return body
	}
	for _, i := range indices {
		if p.wantsPlain(i) {
			body = wire.AppendWant(body, i, wire.Plain)
		}
	}
	return body
}

// appendDigests appends the digests of the files, short where the server most likely
// has the rest.
func (p *pusher) appendDigests(body []byte, indices []int) []byte {
	var whole []wire.Digest
	var short []wire.Short
	for _, d := range p.digestsOf(indices) {
		if p.goesShort(d.Index) {
			short = append(short, wire.ShortOf(d))
		} else {
			whole = append(whole, d)
		}
	}
	if len(short) > 0 {
		body = wire.AppendShort(body, short)
	}
	if len(whole) > 0 {
		body = wire.AppendDigests(body, whole)
	}
	return body
}

// goesShort reports whether the digest of a file goes short. A dry run has no commit
// that would check it.
func (p *pusher) goesShort(i int) bool { return p.alike[i] && !p.wholly && !p.opts.DryRun }

// maxWanted is the number of files in a question up to which signatures are wanted
// with the verdicts. The verdicts wait until the server has them all, and nothing is
// sent meanwhile; of many files some are matched while others are asked about.
const maxWanted = 4

// maxWantedSize is the size in bytes of an archive up to which signatures of what is
// inside are wanted with the verdict. A larger one is taken apart while the server does
// the same with the basis, so that the verdict had better not wait for that.
const maxWantedSize = 4 << 20

// wantsPlain reports whether a file will be matched by what is inside it, should the
// server have a basis.
func (p *pusher) wantsPlain(i int) bool {
	if p.tree.Entries[i].Size > maxWantedSize || p.opts.Through == Never || p.opts.Attic != nil || len(p.opts.Bases) > 0 || !p.looksLikeArchive(i) {
		return false
	}
	if p.opts.Through == Auto && !p.rate.known() {
		return false // it may be next door, and the server would take the basis apart in vain
	}
	return p.pays(i, p.tree.Entries[i].Size)
}
