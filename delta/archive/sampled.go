package archive

import (
	"context"
	"hash/maphash"
	"io"
	"math"

	"github.com/pubsync/pubsync/delta/deflate"
)

// sampled is [streams] that checks deflate streams, or samples of them, against
// the model of their encoder. Its join does not deflate: it finds the stream among
// those it split and gives back the compressed bytes, so that rebuilding shows
// whether everything but those is right.
type sampled struct {
	lim      deflate.Limits
	size     int // plain bytes of a sample
	splitter *deflate.Splitter
	last     deflate.Model // of the stream before
	seen     int64         // plain bytes of all streams
	checked  int64         // of those that were sampled
	packed   int64         // their compressed bytes
	wrong    int64         // bytes of corrections of those
	looked   int64         // plain bytes that were compared with a model
	steps    int64         // of search that those took

	seed   maphash.Seed
	known  []knownStream
	next   int // of known, to be joined
	joined bool
	copied []byte
}

// A knownStream is a stream that was split: its place in the archive, and
// hashes of its plain bytes and its recipe.
type knownStream struct {
	at            Range
	src           io.ReaderAt
	plain, recipe uint64
}

// checkedShare is the share, one in so many, of the plain bytes of small
// streams that are sampled: a zip's entries come from one encoder.
const checkedShare = 32

// unknownShare is the share, one in so many, of compressed bytes above which their
// corrections tell that no model fits their encoder.
const unknownShare = 64

func newSampled(lim Limits, size int64, sample int) *sampled {
	return &sampled{lim: lim.deflate(lim.plainMax(size), streamWorkers), size: sample, seed: maphash.MakeSeed()}
}

func (s *sampled) split(ctx context.Context, r *io.SectionReader, plain io.Writer) ([]byte, int64, error) {
	if s.splitter == nil {
		s.splitter = deflate.NewSplitter(s.lim)
	}
	if s.joined {
		s.known, s.next, s.joined = s.known[:0], 0, false
	}
	var h maphash.Hash
	h.SetSeed(s.seed)
	size := s.size
	switch {
	case s.wrong > s.packed/unknownShare:
		size = math.MaxInt // no model fits, so all is to be corrected
	case size < math.MaxInt && s.last != 0 && s.checked > s.seen/checkedShare:
		size = 0
	}
	both := &tee{h: &h, w: plain}
	lookedBefore, stepsBefore := s.splitter.Searched()
	recipe, consumed, err := s.splitter.Split(ctx, r, both, deflate.WithModel(s.last), deflate.Sampled(size))
	if err != nil {
		return nil, 0, err
	}
	looked, steps := s.splitter.Searched()
	s.looked, s.steps = s.looked+looked-lookedBefore, s.steps+steps-stepsBefore
	info, err := deflate.Describe(recipe)
	if err != nil {
		return nil, 0, err
	}
	s.last = info.Model
	s.seen += both.n
	if size > 0 {
		s.checked += both.n
		s.packed += consumed
		s.wrong += int64(info.Corrections)
	}
	src, off, _ := r.Outer()
	s.known = append(s.known, knownStream{span(off, consumed), src, h.Sum64(), maphash.Bytes(s.seed, recipe)})
	return recipe, consumed, nil
}

// tee passes bytes on, hashing and counting them.
type tee struct {
	h *maphash.Hash
	n int64
	w io.Writer
}

func (t *tee) Write(p []byte) (int, error) {
	t.h.Write(p)
	t.n += int64(len(p))
	return t.w.Write(p)
}

func (s *sampled) join(ctx context.Context, w io.Writer, plain io.Reader, recipe []byte, _ *deflate.Guide) error {
	s.joined = true
	if s.copied == nil {
		s.splitter, s.copied = nil, make([]byte, 64<<10)
	}
	var h maphash.Hash
	h.SetSeed(s.seed)
	if _, err := io.CopyBuffer(writerOnly{&h}, plain, s.copied); err != nil {
		return err
	}
	sum, rec := h.Sum64(), maphash.Bytes(s.seed, recipe)
	for ; s.next < len(s.known); s.next++ {
		if k := s.known[s.next]; k.plain == sum && k.recipe == rec {
			s.next++
			_, err := io.CopyBuffer(writerOnly{w}, io.NewSectionReader(k.src, k.at.Off, k.at.Len), s.copied)
			return err
		}
	}
	return badRecipe("a stream that is not in the archive")
}

// writerOnly hides that a writer can do more than write.
type writerOnly struct{ io.Writer }
