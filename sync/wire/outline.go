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

// Standing is what a server knows of a group.
type Standing byte

// What is known of groups. Where only that is other that a stats frame tells, such a
// frame goes instead of the list.
const (
	Unknown    Standing = iota // it is to be listed
	Stands                     // just this stands under the target
	OtherDirs                  // it stands, but for the mtimes of directories
	OtherStats                 // it stands, but for mtimes and the sizes of files
)

// An Outlined answers an [Outline].
type Outlined struct {
	Groups []Standing // by group
	// Rest is what stands there beside the groups that are known, without digests; nil if the
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
		p = append(p, g.Dirs[:]...)
		p = append(p, g.Others[:]...)
	}
	return AppendFrame(dst, FrameOutline, p)
}

// ParseOutline reads the payload of an outline frame.
func ParseOutline(b []byte) (o Outline, err error) {
	r := newFields(b)
	o.Cut = uint(r.Uvarint(16))
	next := 0
	for r.Len() > 0 {
		g := manifest.Group{First: next, Len: r.index()}
		copy(g.Sum[:], r.Bytes(manifest.GroupSum))
		copy(g.Dirs[:], r.Bytes(manifest.StatsSum))
		copy(g.Others[:], r.Bytes(manifest.StatsSum))
		if next += g.Len; g.Len == 0 || next > maxIndex || len(o.Groups) == MaxGroups {
			r.Fail(outOfBounds)
		}
		if r.Err() != nil {
			return o, r.Err()
		}
		o.Groups = append(o.Groups, g)
	}
	return o, r.Err()
}

// AppendOutlined appends an outlined frame.
func AppendOutlined(dst []byte, o Outlined) []byte {
	p := binary.AppendUvarint(nil, uint64(len(o.Groups)))
	codes := make([]byte, (len(o.Groups)+3)/4)
	for i, g := range o.Groups {
		codes[i/4] |= byte(g) << (i % 4 * 2)
	}
	p = append(p, codes...)
	if o.HasRest {
		p = manifest.AppendList(append(p, 1), o.Rest)
	}
	return AppendFrame(dst, FrameOutlined, p)
}

// ParseOutlined reads the payload of an outlined frame with at most max entries.
func ParseOutlined(b []byte, max int) (o Outlined, err error) {
	r := newFields(b)
	n := r.count(MaxGroups)
	codes := r.Bytes(uint64(n+3) / 4)
	if r.Err() != nil {
		return o, r.Err()
	}
	o.Groups = make([]Standing, n)
	for i := range o.Groups {
		o.Groups[i] = Standing(codes[i/4] >> (i % 4 * 2) & 3)
	}
	if r.Len() == 0 {
		return o, nil
	}
	o.HasRest = r.Byte() == 1
	o.Rest, err = manifest.DecodeList(r.Rest(), max)
	return o, err
}
