package wire

import (
	"encoding/binary"
	"fmt"

	"github.com/pubsync/pubsync/sync/manifest"
)

// AppendDigests appends a digests frame; indices must ascend.
func AppendDigests(dst []byte, ds []Digest) []byte { return appendDigests(dst, FrameDigests, ds) }

func appendDigests(dst []byte, t FrameType, ds []Digest) []byte {
	p := make([]byte, 0, len(ds)*(manifest.DigestSize+2))
	next := 0
	for _, d := range ds {
		p = binary.AppendUvarint(p, uint64(d.Index-next))
		p = append(p, d.Digest[:]...)
		next = d.Index + 1
	}
	return AppendFrame(dst, t, p)
}

// AppendAlong appends an along frame, which differs from a digests frame only in that
// it is no question; indices must ascend.
func AppendAlong(dst []byte, ds []Digest) []byte { return appendDigests(dst, FrameAlong, ds) }

// MaxAlong bounds the size in bytes of an along frame about n entries.
func MaxAlong(n int) int { return maxFrameHead + n*(maxIndexBytes+manifest.DigestSize) }

// Most bytes of a frame before its payload, and of an index.
const (
	maxFrameHead  = 1 + binary.MaxVarintLen32
	maxIndexBytes = 4
)

// ParseDigests reads the payload of a digests or an along frame.
func ParseDigests(b []byte) ([]Digest, error) {
	r := newFields(b)
	ds := make([]Digest, 0, len(b)/(manifest.DigestSize+1))
	next := 0
	for r.Len() > 0 {
		d := Digest{Index: r.indexFrom(next), Digest: r.digest()}
		if r.Err() != nil {
			return nil, r.Err()
		}
		next = d.Index + 1
		ds = append(ds, d)
	}
	return ds, nil
}

const (
	verdictHave  = 0
	verdictSend  = 1 // and the bases, none or more
	verdictViews = 2 // as send, with views staged
	verdictWhole = 3 // the whole digest is wanted
)

// AppendVerdicts appends a verdicts frame; indices must ascend.
func AppendVerdicts(dst []byte, vs []Verdict) []byte {
	var p []byte
	next := 0
	for i := range vs {
		v := &vs[i]
		p = binary.AppendUvarint(p, uint64(v.Index-next))
		next = v.Index + 1
		if v.Have {
			p = append(p, verdictHave)
			continue
		}
		if v.Whole {
			p = append(p, verdictWhole)
			continue
		}
		code := byte(verdictSend)
		if v.ViewsStaged() {
			code = verdictViews
		}
		p = append(p, code)
		p = binary.AppendUvarint(p, uint64(v.Staged))
		if code == verdictViews {
			p = appendStaged(appendStaged(p, v.Plain), v.Recipe)
		}
		p = binary.AppendUvarint(p, uint64(len(v.Bases)))
		for _, b := range v.Bases {
			p = appendBasis(p, b)
			p = binary.AppendUvarint(p, uint64(b.Size))
		}
	}
	return AppendFrame(dst, FrameVerdicts, p)
}

// ParseVerdicts reads the payload of a verdicts frame.
func ParseVerdicts(b []byte) ([]Verdict, error) {
	r := newFields(b)
	var vs []Verdict
	next := 0
	for r.Len() > 0 {
		v := Verdict{Index: r.indexFrom(next)}
		next = v.Index + 1
		switch code := r.Byte(); code {
		case verdictHave:
			v.Have = true
		case verdictWhole:
			v.Whole = true
		case verdictSend, verdictViews:
			v.Staged = r.size()
			if code == verdictViews {
				v.Plain, v.Recipe = r.staged(), r.staged()
			}
			for n := r.count(MaxBases); n > 0; n-- {
				b := r.basis()
				b.Size = r.size()
				v.Bases = append(v.Bases, b)
			}
		default:
			return nil, fmt.Errorf("%w: verdict %d", ErrBadFrame, code)
		}
		if r.Err() != nil {
			return nil, r.Err()
		}
		vs = append(vs, v)
	}
	return vs, nil
}

func appendStaged(dst []byte, s StagedView) []byte {
	dst = binary.AppendUvarint(dst, uint64(s.Size))
	if s.Size > 0 {
		dst = append(dst, s.Sum[:]...)
	}
	return dst
}
