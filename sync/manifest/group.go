package manifest

import (
	"crypto/sha256"
	"encoding/binary"
	"hash/fnv"
)

// GroupSum and StatsSum are how many bytes of a SHA-256 stand for what is in a group,
// and for its mtimes and sizes. Two groups that differ and have the same sums would be
// taken for one another until the manifest digest shows it: 1 in 2^48 for each pair, and
// 1 in 2^24 for each that differs in these alone.
const (
	GroupSum = 6
	StatsSum = 3
)

// A Group is a run of entries of a list.
type Group struct {
	First, Len int
	Sum        [GroupSum]byte // of the list coding of these entries alone, mtimes and sizes zero
	Dirs       [StatsSum]byte // of the mtimes of the directories, in nanoseconds, 8 bytes each, big-endian
	Others     [StatsSum]byte // of the mtimes and sizes of the others, so too
}

// maxGroup bounds the entries of a group whatever their paths.
const maxGroup = 1 << 16

// Groups cuts the list into groups of 2^cut entries in the mean. It cuts behind
// entries by the hash of their paths alone (FNV-1a, 32 bits, folded to 16), so that
// lists that differ in few places differ in few groups.
func (l List) Groups(cut uint) []Group {
	var (
		groups              []Group
		coded, dirs, others []byte
		enc                 Encoder
		first               int
		mask                = uint32(1)<<min(cut, 16) - 1
	)
	for i := range l {
		e := l[i]
		if e.Kind == Dir {
			dirs = binary.BigEndian.AppendUint64(dirs, uint64(e.MTime))
		} else {
			others = binary.BigEndian.AppendUint64(others, uint64(e.MTime))
			others = binary.BigEndian.AppendUint64(others, uint64(e.Size))
		}
		e.MTime, e.Size = 0, 0
		coded = enc.Append(coded, &e)
		h := fnv.New32a()
		h.Write([]byte(l[i].Path))
		sum := h.Sum32()
		if (sum^sum>>16)&mask != 0 && i+1 < len(l) && i+1-first < maxGroup {
			continue
		}
		g := Group{First: first, Len: i + 1 - first}
		sumUp(g.Sum[:], coded)
		sumUp(g.Dirs[:], dirs)
		sumUp(g.Others[:], others)
		groups = append(groups, g)
		coded, dirs, others, enc, first = coded[:0], dirs[:0], others[:0], Encoder{}, i+1
	}
	return groups
}

// sumUp sets sum to the beginning of the SHA-256 of b.
func sumUp(sum, b []byte) {
	digest := sha256.Sum256(b)
	copy(sum, digest[:])
}
