package wire

import (
	"encoding/binary"

	"github.com/pubsync/pubsync/sync/manifest"
)

// Stats are what the entries of groups have that stand but for them: mtimes, and the
// sizes of files.
type Stats struct {
	First, Len int     // the entries
	Dirs       bool    // only the mtimes of the directories among them are told
	MTimes     []int64 // nanoseconds since the Unix epoch
	Sizes      []int64 // of the files among them
}

// What the byte behind the numbers of a stats frame says.
const (
	statsOfDirs = 1 << iota
	wholeSeconds
)

const second = 1e9 // nanoseconds

// Tells reports whether the mtime of e, an entry of the run, is told.
func (t *Stats) Tells(e *manifest.Entry) bool { return !t.Dirs || e.Kind == manifest.Dir }

// AppendStats appends a stats frame on l, which is the whole run.
func AppendStats(dst []byte, first int, l manifest.List, dirs bool) []byte {
	t := Stats{First: first, Len: len(l), Dirs: dirs}
	how, unit := byte(wholeSeconds), int64(second)
	for i := range l {
		if t.Tells(&l[i]) && l[i].MTime%second != 0 {
			how, unit = 0, 1
			break
		}
	}
	if dirs {
		how |= statsOfDirs
	}
	p := binary.AppendUvarint(nil, uint64(first))
	p = binary.AppendUvarint(p, uint64(len(l)))
	p = append(p, how)
	was := int64(0)
	for i := range l {
		if t.Tells(&l[i]) {
			now := l[i].MTime / unit
			p = binary.AppendVarint(p, now-was)
			was = now
		}
	}
	for i := range l {
		if !dirs && l[i].Kind == manifest.File {
			p = binary.AppendUvarint(p, uint64(l[i].Size))
		}
	}
	return AppendFrame(dst, FrameStats, p)
}

// ParseStats reads the payload of a stats frame.
func ParseStats(b []byte) (t Stats, err error) {
	r := newFields(b)
	t.First, t.Len = r.index(), r.index()
	how, unit := r.Byte(), int64(1)
	if how&^(statsOfDirs|wholeSeconds) != 0 || t.First+t.Len > maxIndex {
		r.Fail(outOfBounds)
	}
	if how&wholeSeconds != 0 {
		unit = second
	}
	t.Dirs = how&statsOfDirs != 0
	for now := int64(0); r.Len() > 0 && len(t.MTimes) < t.Len; {
		if now += r.varint(); now > manifest.MaxMTime/unit || now < -manifest.MaxMTime/unit {
			r.Fail(outOfBounds)
		}
		t.MTimes = append(t.MTimes, now*unit)
	}
	for r.Len() > 0 && len(t.Sizes) < t.Len && !t.Dirs {
		t.Sizes = append(t.Sizes, r.size())
	}
	if !t.Dirs && len(t.MTimes) < t.Len {
		r.Fail(outOfBounds)
	}
	return t, r.End()
}
