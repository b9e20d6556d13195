package manifest

import (
	"crypto/sha256"
	"hash/fnv"
)

// GroupSum is how many bytes of the SHA-256 of a group's coding stand for it. Two
// groups that differ and have the same sum would be taken for one another until the
// tree digest or the manifest digest shows it: 1 in 2^48 for each pair.
const GroupSum = 6

// A Group is a run of entries of a list.
type Group struct {
	First, Len int
	Sum        [GroupSum]byte // of the list coding of these entries alone
}

// maxGroup bounds the entries of a group whatever their paths.
const maxGroup = 1 << 16

// Groups cuts the list into groups of 2^cut entries in the mean. It cuts behind
// entries by the hash of their paths alone (FNV-1a, 32 bits, folded to 16), so that
// lists that differ in few places differ in few groups.
func (l List) Groups(cut uint) []Group {
	var (
		groups []Group
		coded  []byte
		enc    Encoder
		first  int
		mask   = uint32(1)<<min(cut, 16) - 1
	)
	for i := range l {
		coded = enc.Append(coded, &l[i])
		h := fnv.New32a()
		h.Write([]byte(l[i].Path))
		sum := h.Sum32()
		if (sum^sum>>16)&mask != 0 && i+1 < len(l) && i+1-first < maxGroup {
			continue
		}
		g := Group{First: first, Len: i + 1 - first}
		digest := sha256.Sum256(coded)
		copy(g.Sum[:], digest[:])
		groups = append(groups, g)
		coded, enc, first = coded[:0], Encoder{}, i+1
	}
	return groups
}
