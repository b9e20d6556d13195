package push

import (
	"errors"
	"io"

	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// large sends a file in parts, from where the server has it, unless another of this push
// has most of it.
func (s *sender) large(v wire.Verdict) error {
	if done, err := s.bySibling(v); done || err != nil {
		return err
	}
	return s.inParts(v)
}

// inParts sends a file in parts, from where the server has it.
func (s *sender) inParts(v wire.Verdict) error {
	f, err := s.p.tree.Open(v.Index)
	if errors.Is(err, walk.ErrChanged) {
		return s.changed(v.Index)
	}
	if err != nil {
		return err
	}
	m := &match{verdict: v, file: f}
	defer m.close()
	m.verdict.Bases = nil
	if err := s.encode(v, m.raw(s.p.rate.fast()), v.Staged, &s.p.whole, true); err != nil {
		return err
	}
	return s.unchanged(m)
}

// encode sends a view of a file in parts, from the offset that the server has.
// The last part of the last view completes the file.
func (s *sender) encode(v wire.Verdict, st *stream, from int64, t *tally, last bool) error {
	if err := s.pack(); err != nil {
		return err
	}
	if st.view != wire.Raw && from == st.src.Size {
		return s.length(v, st, t, last)
	}
	ops, err := s.p.opsOf(s.ctx, st)
	if err != nil {
		return err
	}
	level := s.p.levelFor(st)
	opt := codec.EncodeOptions{
		Limit: max(codec.MinLimit, int(s.limit())), NumBases: len(st.bases), Bases: st.at, Start: from, Level: level,
	}
	if st.plan != nil {
		opt.BestBytes = fewLiterals
	}
	enc := s.p.coder.NewEncoder(st.src, ops, opt)
	size := s.p.tree.Entries[v.Index].Size
	for off := from; ; {
		if s.broken[v.Index] || s.racing.lost() {
			return nil
		}
		body, n, err := s.p.nextPart(s.ctx, enc, level, s.made[:0])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		s.made = body
		c := cargo{index: v.Index, tally: t, last: last && off+n == st.src.Size}
		if c.last && t == &s.p.archive {
			c.due = s.due[v.Index]
		}
		if st.view == wire.Raw {
			c.bytes = n
		} else if c.last {
			c.bytes = size
		}
		part := wire.Part{Index: v.Index, View: st.view, Offset: off, Total: st.src.Size, Bases: st.bases, Body: body}
		off += n
		if err := s.part(part, c); err != nil {
			return err
		}
	}
}

// length tells how long a view is that the server has all of: of views it keeps
// what arrived, not how much is to come.
func (s *sender) length(v wire.Verdict, st *stream, t *tally, last bool) error {
	c := cargo{index: v.Index, tally: t, last: last}
	if last {
		c.bytes, c.due = s.p.tree.Entries[v.Index].Size, s.due[v.Index]
	}
	s.made = s.p.coder.AppendWhole(s.made[:0], nil, codec.Fast)
	return s.part(wire.Part{Index: v.Index, View: st.view, Offset: st.src.Size, Total: st.src.Size, Body: s.made}, c)
}
