package manifest

import (
	"fmt"
	"testing"
)

// Groups cover the list, are of the size asked for in the mean, and where an entry
// changes, comes or goes only those around it are others.
func TestGroups(t *testing.T) {
	var l List
	for i := range 20_000 {
		l = append(l, Entry{Path: Path(fmt.Sprintf("d%03d/file-%d", i/100, i)), Kind: File, Mode: 0o644, Size: int64(i), MTime: int64(i) * 1e9})
	}
	l.Sort()
	sums := func(l List) map[Group]bool {
		m, next := map[Group]bool{}, 0
		for _, g := range l.Groups(7) {
			if g.First != next || g.Len == 0 {
				t.Fatalf("a group of %d entries at %d, not at %d", g.Len, g.First, next)
			}
			next += g.Len
			g.First = 0
			m[g] = true
		}
		if next != len(l) {
			t.Fatalf("groups of %d entries of %d", next, len(l))
		}
		return m
	}
	before := sums(l)
	if n := len(before); n < 100 || n > 250 {
		t.Errorf("%d groups of 2^7 entries each in a list of %d", n, len(l))
	}
	edited := append(List(nil), l...)
	edited[9000].MTime++
	added := append(append(append(List(nil), l[:5000]...), Entry{Path: l[4999].Path + "x", Kind: File}), l[5000:]...)
	removed := append(append(List(nil), l[:7000]...), l[7001:]...)
	for name, l := range map[string]List{"edited": edited, "added": added, "removed": removed} {
		others := 0
		for sum := range sums(l) {
			if !before[sum] {
				others++
			}
		}
		if others == 0 || others > 2 {
			t.Errorf("%s: %d groups are others", name, others)
		}
	}
	// Times have sums of their own.
	timed := append(List(nil), l...)
	timed[3].Kind, timed[3].Size = Dir, 0
	was := timed.Groups(16)[0]
	for i, what := range map[int]string{3: "a directory", 4: "a file"} {
		timed[i].MTime++
		now := timed.Groups(16)[0]
		if now.Sum != was.Sum || (now.Dirs != was.Dirs) != (i == 3) || (now.Others != was.Others) != (i == 4) {
			t.Errorf("the mtime of %s: %x, was %x", what, now, was)
		}
		was = now
	}
	if g := (List{}).Groups(3); len(g) != 0 {
		t.Errorf("groups of nothing: %v", g)
	}
}
