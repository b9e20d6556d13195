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

// appendList codes the entries of runs, or their stats, as compressed frames of about
// limit bytes in all, and returns the runs that are left. Unless strict, at least one entry
// is coded whatever the limit.
func (p *pusher) appendList(frames []byte, runs []run, limit int64, strict bool) ([]byte, []run) {
	entries := p.tree.Entries
	enc, err := wire.NewZstdEncoder(zstd.SpeedDefault)
	if err != nil {
		panic(err) // fixed options
	}
	defer enc.Close()
	chunk := listChunk
	for len(runs) > 0 {
		r := runs[0]
		n := min(chunk, r.n)
		f := wire.AppendZstd(nil, enc, r.frame(entries[r.first:r.first+n]))
		if int64(len(frames)+len(f)) > limit {
			switch {
			case strict || len(frames) > 0:
				return frames, runs
			case n > 1:
				chunk = n / 2
				continue
			}
		}
		frames = append(frames, f...)
		if runs = runs[1:]; n < r.n {
			runs = append([]run{{r.first + n, r.n - n, r.known}}, runs...)
		}
	}
	return frames, runs
}

// frame tells of the first entries of the run, which are l.
func (r run) frame(l manifest.List) []byte {
	if r.known == wire.Unknown {
		return wire.AppendList(nil, r.first, l)
	}
	return wire.AppendStats(nil, r.first, l, r.known == wire.OtherDirs)
}

// count is the number of entries in runs that the server will answer for.
func count(runs []run) (n int) {
	for _, r := range runs {
		if r.answered() {
			n += r.n
		}
	}
	return n
}

// settle sends what of the list has not been answered yet, and so learns which
// files need a digest. If most of them will, they are hashed meanwhile.
func (p *pusher) settle(ctx context.Context) error {
	if len(p.runs) > 0 {
		p.opts.Progress.State("listing")
	}
	for len(p.runs) > 0 {
		body, rest := p.appendList(nil, p.runs, p.body.Load(), false)
		want := count(p.runs) - count(rest)
		p.answered = 0
		stop := p.hashAhead(ctx)
		err := p.exchange(ctx, body, p.onSettle)
		stop()
		if p.shrink(err, len(body)) {
			continue
		}
		if err != nil {
			return err
		}
		if p.answered < want {
			return fmt.Errorf("%w: it answers for %d of %d entries", ErrProtocol, p.answered, want)
		}
		p.runs = rest
	}
	p.dealSettled()
	return nil
}

// dealSettled reports what needs no digest as dealt with.
func (p *pusher) dealSettled() {
	for i := range p.needs {
		if e := &p.tree.Entries[i]; !p.needs[i] && e.Kind != manifest.Dir {
			p.deal(i, "")
		}
	}
}

// hashAhead hashes files that are likely to be asked about while the server answers,
// until the function it returns is called. Their entries must have been coded: those
// of files that changed are others afterwards.
func (p *pusher) hashAhead(ctx context.Context) (stop func()) {
	if !p.fresh {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	w := window{indices: p.ahead()}
	go func() {
		defer close(done)
		_ = p.hash(ctx, &w) // what fails here fails again when it matters
	}()
	return func() {
		cancel()
		<-done
	}
}

// ahead returns the files to hash ahead: of those on the list. Small ones whose content
// windows keep are read, and hashed, when it is their turn.
func (p *pusher) ahead() (indices []int) {
	kept := p.keeps()
	for _, r := range p.runs {
		for i := r.first; i < r.end(); i++ {
			e := &p.tree.Entries[i]
			if r.answered() && e.Kind == manifest.File && !(kept && e.Size <= smallFile) {
				indices = append(indices, i)
			}
		}
	}
	return indices
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
		p.answered += n
		return nil
	case wire.FrameAlike:
		first, n, bits, err := wire.ParseAlike(f.Payload)
		if err != nil || first+n > len(p.alike) {
			return fmt.Errorf("%w: entries alike out of range", ErrProtocol)
		}
		for i := range n {
			p.alike[first+i] = bits[i/8]>>(i%8)&1 != 0
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

// shorten halves the size of bodies, down to leastLost: one of this size was lost
// and nothing of it arrived, as before a proxy that hands on whole bodies only.
func (p *pusher) shorten() {
	now := p.body.Load()
	p.body.CompareAndSwap(now, min(now, max(min(now, bodyTarget)/2, leastLost)))
}

// leastLost is the size in bytes below which bodies are not halved for being lost.
const leastLost = 128 << 10

// minBody is the size in bytes below which bodies do not shrink: a proxy that
// refuses this is not to be worked with.
const minBody = 16 << 10
