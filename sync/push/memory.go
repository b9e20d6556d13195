package push

import (
	"context"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
)

// Bounds of the memory, in bytes, of what is taken apart, matched and coded at once; each
// window and group that is under way may do either. While one archive is taken apart
// another file is matched and a third is sent as it is.
const (
	workMemory  = takeMemory + matchMemory + plainMemory
	takeMemory  = 30 << 20 // what taking an archive apart takes
	matchMemory = 28 << 20 // most that matching a stream takes
	matchByte   = 16       // what it takes for each byte of a shorter one
	codeMemory  = 16 << 20 // what coding a part takes
	bestMemory  = 44 << 20 // and what it takes at level Best
	plainMemory = 4 << 20  // and at level Stored
)

// matching waits for the memory that matching a stream takes; the caller calls
// done when it is through.
func (p *pusher) matching(ctx context.Context, st *stream) (done func(), err error) {
	return p.reserve(ctx, min(matchMemory, matchByte*st.src.Size))
}

// takingApart waits for the memory that taking an archive apart takes, and for others to
// be through with theirs: of all that wait for memory, which goes to whoever came first,
// only one waits for so much. The caller calls done when it is through.
func (p *pusher) takingApart(ctx context.Context) (done func(), err error) {
	if err := p.taking.Acquire(ctx, 1); err != nil {
		return nil, err
	}
	free, err := p.reserve(ctx, takeMemory)
	if err != nil {
		p.taking.Release(1)
		return nil, err
	}
	return func() { free(); p.taking.Release(1) }, nil
}

func (p *pusher) reserve(ctx context.Context, n int64) (done func(), err error) {
	if err := p.memory.Acquire(ctx, n); err != nil {
		return nil, err
	}
	return func() { p.memory.Release(n) }, nil
}

// advanceStream takes a stream through a round.
func (p *pusher) advanceStream(ctx context.Context, st *stream) (more bool, err error) {
	done, err := p.matching(ctx, st)
	if err != nil {
		return false, err
	}
	defer done()
	return st.advance()
}

// opsOf returns what makes a stream, looking once more for what it has twice.
func (p *pusher) opsOf(ctx context.Context, st *stream) ([]delta.Op, error) {
	if st.plan == nil {
		return st.ops() // there is nothing to look for
	}
	done, err := p.matching(ctx, st)
	if err != nil {
		return nil, err
	}
	defer done()
	return st.ops()
}

// nextPart makes the next part of a stream that is coded at a level.
func (p *pusher) nextPart(ctx context.Context, enc *codec.Encoder, level codec.Level, dst []byte) (part []byte, covered int64, err error) {
	n := int64(codeMemory)
	switch level {
	case codec.Best, codec.Thorough:
		n = bestMemory
	case codec.Stored:
		n = plainMemory
	}
	done, err := p.reserve(ctx, n)
	if err != nil {
		return dst, 0, err
	}
	defer done()
	return enc.Next(dst)
}
