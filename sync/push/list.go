package push

import (
	"context"
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// listChunk is the number of entries in one list frame.
const listChunk = 20_000

// listFrom codes entries from index first on as compressed list frames of about
// limit bytes in all, and returns the index of the first entry not coded. Unless
// strict, at least one entry is coded whatever the limit.
func (p *pusher) listFrom(first int, limit int64, strict bool) (frames []byte, next int) {
	entries := p.tree.Entries
	enc, err := wire.NewZstdEncoder(zstd.SpeedDefault)
	if err != nil {
		panic(err) // fixed options
	}
	defer enc.Close()
	chunk := listChunk
	for next = first; next < len(entries); {
		n := min(chunk, len(entries)-next)
		f := wire.AppendZstd(nil, enc, wire.AppendList(nil, next, entries[next:next+n]))
		if int64(len(frames)+len(f)) > limit {
			switch {
			case strict || len(frames) > 0:
				return frames, next
			case n > 1:
				chunk = n / 2
				continue
			}
		}
		frames = append(frames, f...)
		next += n
	}
	return frames, next
}

// settle sends what of the list has not been answered yet, and so learns which
// files need a digest.
func (p *pusher) settle(ctx context.Context) error {
	if p.listed < len(p.tree.Entries) {
		p.opts.Progress.State("listing")
	}
	for p.listed < len(p.tree.Entries) {
		body, next := p.listFrom(p.listed, p.body.Load(), false)
		err := p.exchange(ctx, body, p.onSettle)
		if p.shrink(err, len(body)) {
			continue
		}
		if err != nil {
			return err
		}
		if p.listed < next {
			return fmt.Errorf("%w: it answers for %d of %d entries", ErrProtocol, p.listed, next)
		}
	}
	for i := range p.needs {
		if e := &p.tree.Entries[i]; !p.needs[i] && e.Kind != manifest.Dir {
			p.deal(i, "")
		}
	}
	return nil
}

// onSettle takes an answer to list frames.
func (p *pusher) onSettle(f wire.Frame) error {
	switch f.Type {
	case wire.FrameUnsettled:
		first, n, bits, err := wire.ParseUnsettled(f.Payload)
		if err != nil || first+n > len(p.needs) {
			return fmt.Errorf("%w: unsettled entries out of range", ErrProtocol)
		}
		for i := range n {
			p.needs[first+i] = bits[i/8]>>(i%8)&1 != 0 && p.tree.Entries[first+i].Kind == manifest.File
		}
		if first <= p.listed {
			p.listed = max(p.listed, first+n)
		}
		return nil
	case wire.FrameSignature:
		sig, err := wire.ParseSignature(f.Payload)
		if err != nil {
			return err
		}
		p.volunteer(sig)
		return nil
	}
	return fmt.Errorf("%w: frame %#02x in answer to a list", ErrProtocol, byte(f.Type))
}

// shrink halves the size of bodies if err says that one of this size is too
// large for the server or a proxy before it, and reports whether it did.
func (p *pusher) shrink(err error, size int) bool {
	var e *wire.Error
	if !errors.As(err, &e) || e.Code != wire.CodeTooLarge {
		return false
	}
	smaller := int64(size) / 2
	if e.Limit > 0 && e.Limit < int64(size) {
		smaller = e.Limit
	}
	if smaller < minBody {
		return false
	}
	for {
		now := p.body.Load()
		if smaller >= now || p.body.CompareAndSwap(now, smaller) {
			return true
		}
	}
}

// minBody is the size in bytes below which bodies do not shrink: a proxy that
// refuses this is not to be worked with.
const minBody = 16 << 10
