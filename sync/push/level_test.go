package push

import (
	"testing"
	"time"

	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/sync/wire"
)

// Few deltas go by mixing contexts where the link is fast, more where it is slow, and
// those of archives always if all are to be seen through.
func TestMixing(t *testing.T) {
	for _, c := range []struct {
		name  string
		link  float64 // bytes per second
		view  wire.View
		how   Through
		bound int64
	}{
		{"fast link", 2e9, wire.Raw, Always, mixedOnFast},
		{"slow link", 2e6, wire.Raw, Always, mixedOnSlow},
		{"archives, as it pays, fast link", 2e9, wire.Plain, Auto, mixedOnFast},
		{"archives, always, fast link", 2e9, wire.Plain, Always, 1 << 30},
	} {
		p := &pusher{opts: Options{Through: c.how, Now: time.Now}}
		p.purse.open(100*mb, time.Now()) // too much for an allowance
		p.rate.learn(time.Millisecond, c.link)
		const each = 4 << 10
		for spent := int64(each); spent < 2*mixedOnSlow; spent += each {
			want := codec.Best
			if spent <= c.bound {
				want = codec.Dense
			}
			if got := p.deltaLevel(c.view, each, 1<<30); got != want {
				t.Fatalf("%s: level %d with %d bytes of literals, want %d", c.name, got, spent, want)
			}
		}
		if c.view != wire.Raw && c.how == Auto {
			if got := p.deltaLevel(c.view, lightLiterals, 1<<30); got != codec.Default {
				t.Errorf("%s: level %d for many literals of an archive, want %d", c.name, got, codec.Default)
			}
			continue
		}
		if got := p.deltaLevel(c.view, denseLiterals, 1<<30); got != codec.Best {
			t.Errorf("%s: level %d for many literals, want %d", c.name, got, codec.Best)
		}
		const many = 5 << 20
		if got := p.deltaLevel(c.view, many, 8*many); got == codec.Best {
			t.Errorf("%s: level %d for very many literals, a small part of the file", c.name, got)
		}
		if got := p.deltaLevel(c.view, many, 8*many-1); got != codec.Thorough {
			t.Errorf("%s: level %d for very many literals, a large part of the file, want %d", c.name, got, codec.Thorough)
		}
	}
}

// The levels of whole files and of what deltas leave, by link and by whether bytes count
// more than time, where nothing may be mixed any more.
func TestLevels(t *testing.T) {
	const kb, large = 1 << 10, 1 << 30
	for _, c := range []struct {
		name            string
		load            load
		want            [3]codec.Level // over a link that is what takes the time, one of a Gbit/s, loopback
		thrifty, paying bool
	}{
		{"a whole file", load{wholeFile, kb, kb}, [3]codec.Level{codec.Default, codec.Fast, codec.Stored}, true, true},
		{"a large one", load{wholeFile, large, large}, [3]codec.Level{codec.Default, codec.Fast, codec.Fast}, true, true},
		{"a little of bytes", load{byBytes, large, kb}, [3]codec.Level{codec.Best, codec.Best, codec.Best}, true, true},
		{"more", load{byBytes, large, fewLiterals - 1}, [3]codec.Level{codec.Best, codec.Best, codec.Best}, true, true},
		{"much", load{byBytes, large, fewLiterals}, [3]codec.Level{codec.Default, codec.Fast, codec.Stored}, true, true},
		{"mostly new bytes", load{byBytes, 8 * fewLiterals, fewLiterals + 1}, [3]codec.Level{codec.Thorough, codec.Thorough, codec.Thorough}, true, true},
		{"a little of an archive", load{inside, large, kb}, [3]codec.Level{codec.Best, codec.Best, codec.Best}, false, true},
		{"more, as it pays", load{inside, large, lightLiterals}, [3]codec.Level{codec.Default, codec.Fast, codec.Default}, false, true},
		{"mostly new, as it pays", load{inside, lightLiterals, lightLiterals}, [3]codec.Level{codec.Default, codec.Fast, codec.Default}, false, true},
		{"a little, of which the bytes count", load{inside, large, kb}, [3]codec.Level{codec.Dense, codec.Dense, codec.Dense}, true, false},
		{"more of that", load{inside, large, denseLiterals}, [3]codec.Level{codec.Best, codec.Best, codec.Best}, true, false},
		{"much of that", load{inside, large, fewLiterals}, [3]codec.Level{codec.Default, codec.Fast, codec.Default}, true, false},
		{"mostly new, of which the bytes count", load{inside, denseLiterals, denseLiterals}, [3]codec.Level{codec.Thorough, codec.Thorough, codec.Thorough}, true, false},
	} {
		for k, link := range []effort{thorough, light, none} {
			for thrifty, applies := range map[bool]bool{true: c.thrifty, false: c.paying} {
				m := means{link, thrifty}
				if got := m.level(c.load, func(int64) bool { return false }); applies && got != c.want[k] {
					t.Errorf("%s, %+v: level %d, want %d", c.name, m, got, c.want[k])
				}
			}
		}
	}
}

// Of many files next door what deltas of their bytes leave goes as it is if it is little,
// or over a link that outruns all compression; over another it is compressed in haste. Of
// few, over a longer or slow link and of archives it is coded thoroughly.
func TestHurriedDeltas(t *testing.T) {
	const gb = 1 << 30
	for _, c := range []struct {
		name  string
		files int64
		trip  time.Duration
		link  float64 // bytes per second
		view  wire.View
		want  [3]codec.Level // of little, of more, of much
	}{
		{"many", unhurried + 1, time.Millisecond, gb, wire.Raw, [3]codec.Level{codec.Stored, codec.Stored, codec.Fast}},
		{"a link of a Gbit/s", unhurried + 1, time.Millisecond, 120e6, wire.Raw, [3]codec.Level{codec.Stored, codec.Fast, codec.Fast}},
		{"few", unhurried, time.Millisecond, gb, wire.Raw, [3]codec.Level{codec.Best, codec.Best, codec.Fast}},
		{"far", unhurried + 1, longTrip, gb, wire.Raw, [3]codec.Level{codec.Best, codec.Best, codec.Fast}},
		{"a slow link", unhurried + 1, time.Millisecond, 1e6, wire.Raw, [3]codec.Level{codec.Best, codec.Best, codec.Default}},
		{"archives", unhurried + 1, time.Millisecond, gb, wire.Plain, [3]codec.Level{codec.Dense, codec.Dense, codec.Fast}},
	} {
		p := &pusher{opts: Options{Now: time.Now}}
		p.rate.learn(c.trip, c.link)
		p.haste.files.Store(c.files)
		p.mixing.spent.Store(mixedOnSlow)
		for k, literals := range []int64{hastyLiterals, hastyLiterals + 1, plainSize + 1} {
			if got := p.deltaLevel(c.view, literals, gb); got != c.want[k] {
				t.Errorf("%s, %d bytes: level %d, want %d", c.name, literals, got, c.want[k])
			}
		}
	}
}

// Of many files none is mixed, though each of few would be.
func TestManyAreNotMixed(t *testing.T) {
	for files, want := range map[int64]codec.Level{unhurried: codec.Dense, unhurried + 1: codec.Best} {
		p := &pusher{opts: Options{Now: time.Now}}
		p.rate.learn(longTrip, 1e6)
		p.haste.files.Store(files)
		if got := p.deltaLevel(wire.Raw, 100, 1<<20); got != want {
			t.Errorf("%d files: level %d, want %d", files, got, want)
		}
	}
}

// Where a round trip takes long more windows are under way, as many as the server
// allows.
func TestParallelWindows(t *testing.T) {
	for _, c := range []struct {
		trip        time.Duration
		option, max int
		want        int
	}{
		{0, 0, 8, fewWindows},
		{time.Millisecond, 0, 8, fewWindows},
		{time.Millisecond, 0, 2, 2},
		{100 * time.Millisecond, 0, 16, manyWindows},
		{100 * time.Millisecond, 0, 3, 3},
		{100 * time.Millisecond, 0, 0, 1},
		{100 * time.Millisecond, 5, 8, 5},
	} {
		p := &pusher{opts: Options{Parallel: c.option}}
		p.limits.Parallel = c.max
		p.rate.learn(c.trip, 0)
		if got := p.parallel(); got != c.want {
			t.Errorf("round trip %v, option %d, limit %d: %d windows, want %d", c.trip, c.option, c.max, got, c.want)
		}
	}
}
