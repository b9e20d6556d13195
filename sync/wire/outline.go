package wire

import (
	"encoding/binary"

	"github.com/pubsync/pubsync/sync/manifest"
)

// MaxGroups bounds the groups of an outline.
const MaxGroups = 4096

// An Outline sums a list up: what its groups are, as [manifest.List.Groups] cuts it.
type Outline struct {
	Cut    uint
	Groups []manifest.Group
}

// An Outlined answers an [Outline].
type Outlined struct {
	Known []bool // by group: just this stands under the target, and need not be listed
	// Rest is what stands there beside the known groups, without digests; nil if the
	// server does not say.
	Rest    manifest.List
	HasRest bool
}

// AppendOutline appends an outline frame.
func AppendOutline(dst []byte, o Outline) []byte {
	p := binary.AppendUvarint(nil, uint64(o.Cut))
	for _, g := range o.Groups {
		p = binary.AppendUvarint(p, uint64(g.Len))
		p = append(p, g.Sum[:]...)
	}
	return AppendFrame(dst, FrameOutline, p)
}

// ParseOutline reads the payload of an outline frame.
func ParseOutline(b []byte) (o Outline, err error) {
	r := fields{b: b}
	o.Cut = uint(r.uvarint(16))
	next := 0
	for len(r.b) > 0 {
		g := manifest.Group{First: next, Len: r.index()}
		copy(g.Sum[:], r.take(manifest.GroupSum))
		if next += g.Len; g.Len == 0 || next > maxIndex || len(o.Groups) == MaxGroups {
			r.fail()
		}
		if r.err != nil {
			return o, r.err
		}
		o.Groups = append(o.Groups, g)
	}
	return o, r.err
}

// AppendOutlined appends an outlined frame.
func AppendOutlined(dst []byte, o Outlined) []byte {
	p := binary.AppendUvarint(nil, uint64(len(o.Known)))
	bits := make([]byte, (len(o.Known)+7)/8)
	for i, known := range o.Known {
		if known {
			bits[i/8] |= 1 << (i % 8)
		}
	}
	p = append(p, bits...)
	if o.HasRest {
		p = manifest.AppendList(append(p, 1), o.Rest)
	}
	return AppendFrame(dst, FrameOutlined, p)
}

// ParseOutlined reads the payload of an outlined frame with at most max entries.
func ParseOutlined(b []byte, max int) (o Outlined, err error) {
	r := fields{b: b}
	n := r.count(MaxGroups)
	bits := r.take((n + 7) / 8)
	if r.err != nil {
		return o, r.err
	}
	o.Known = make([]bool, n)
	for i := range o.Known {
		o.Known[i] = bits[i/8]>>(i%8)&1 != 0
	}
	if len(r.b) == 0 {
		return o, nil
	}
	o.HasRest = r.byte() == 1
	o.Rest, err = manifest.DecodeList(r.b, max)
	return o, err
}
