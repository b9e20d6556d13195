package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pubsync/pubsync/sync/manifest"
)

func TestStatsRoundTrip(t *testing.T) {
	const s, far = 1_000_000_000, manifest.MaxMTime
	file := func(mtime, size int64) manifest.Entry {
		return manifest.Entry{Kind: manifest.File, MTime: mtime, Size: size}
	}
	dir := func(mtime int64) manifest.Entry { return manifest.Entry{Kind: manifest.Dir, MTime: mtime} }
	for name, c := range map[string]struct {
		l       manifest.List
		want    Stats
		payload int // bytes
	}{
		"seconds": {manifest.List{file(5*s, 9), dir(3 * s)}, Stats{MTimes: []int64{5 * s, 3 * s}, Sizes: []int64{9}}, 3 + 2 + 1},
		"dirs":    {manifest.List{file(5, 9), dir(-3 * s)}, Stats{Dirs: true, MTimes: []int64{-3 * s}}, 3 + 1},
		"far": {
			manifest.List{file(-far, 0), file(far-1, 300)},
			Stats{MTimes: []int64{-far, far - 1}, Sizes: []int64{0, 300}}, 3 + 9 + 10 + 1 + 2,
		},
		"nothing": {nil, Stats{Dirs: true}, 3},
	} {
		b := payload(t, AppendStats(nil, 7, c.l, c.want.Dirs))
		got, err := ParseStats(b)
		c.want.First, c.want.Len = 7, len(c.l)
		if err != nil || !cmp.Equal(got, c.want) || len(b) != c.payload {
			t.Errorf("%s: %v, %d bytes %s", name, err, len(b), cmp.Diff(c.want, got))
		}
	}
	for name, b := range map[string][]byte{
		"too few":        {7, 2, 0, 1},
		"too many":       {7, 2, 1, 1, 1, 1},
		"too many sizes": {7, 1, 0, 1, 1, 1},
		"unknown how":    {7, 1, 4, 1},
		"out of range":   {0x80, 0x80, 0x80, 0x40, 1, 0, 1},
		"cut short":      {7, 1, 0, 0x80},
		"a far year":     {7, 1, 1 + 2, 0x82, 0xe8, 0x88, 0x87, 0x43},
	} {
		if got, err := ParseStats(b); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}
