package push

import (
	"slices"
	"testing"
	"time"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// lanesFor are those of archives of the sizes, ascending, in megabytes.
func lanesFor(p *pusher, sizes ...int64) *lanes {
	l := &lanes{p: p}
	for i, size := range sizes {
		p.tree.Entries = append(p.tree.Entries, manifest.Entry{Size: size * mb})
		l.archives = append(l.archives, wire.Verdict{Index: i})
		p.backlog.add(i, size*mb)
	}
	return l
}

func indices(g group) (is []int) {
	for _, v := range g.files {
		is = append(is, v.Index)
	}
	return is
}

// Whoever takes archives apart begins with the largest, the others with the smallest,
// and what is declined goes by its bytes.
func TestLanesMeet(t *testing.T) {
	p := &pusher{tree: &walk.Tree{}}
	p.rate.learn(20*time.Millisecond, 2.5*mb)
	l := lanesFor(p, 1, 2, 3, 20)
	for _, c := range []struct {
		apart bool
		want  []int
		bytes bool
	}{
		{true, []int{3}, false},
		{false, []int{3}, true}, // which was declined
		{false, []int{0, 1}, true},
		{true, []int{2}, false},
	} {
		g, ok := l.next(c.apart)
		if !ok || g.bytes != c.bytes || !slices.Equal(indices(g), c.want) {
			t.Fatalf("apart %v: %v, by bytes %v, %v; want %v", c.apart, indices(g), g.bytes, ok, c.want)
		}
		if !g.bytes && g.files[0].Index == 3 {
			l.decline(g.files[0], archive.Gzip)
		}
	}
	if g, ok := l.next(true); ok {
		t.Errorf("%v is left", indices(g))
	}
}

// Where the link will have carried everything before, nothing is taken apart, and where
// nothing of it was measured yet no more than its bytes allow.
func TestLanesOnAFastLink(t *testing.T) {
	p := &pusher{tree: &walk.Tree{}, opts: Options{Now: time.Now}}
	p.purse.open(100*mb, time.Now())
	p.rate.learn(time.Millisecond/10, 1000*mb)
	l := lanesFor(p, 1, 2, 3, 20)
	if n, _ := l.width(); n != 2 {
		t.Errorf("%d senders", n)
	}
	var order []int
	for g, ok := l.next(true); ok; g, ok = l.next(true) {
		if !g.bytes {
			t.Errorf("%v is taken apart", indices(g))
		}
		order = append(order, indices(g)...)
	}
	if !slices.Equal(order, []int{0, 1, 2, 3}) {
		t.Errorf("sent in the order %v", order)
	}
}

// What is declined is not looked for in what the server has if it was compressed as one;
// a zip is, whose entries are compressed one by one.
func TestDeclinedArchives(t *testing.T) {
	for format, want := range map[archive.Format]int{archive.Gzip: 0, archive.Zip: 1, archive.Tar: 1} {
		l := &lanes{}
		l.decline(wire.Verdict{Bases: []wire.Basis{{Size: 1}}}, format)
		if got := len(l.groups[0].files[0].Bases); got != want {
			t.Errorf("format %v: %d bases, want %d", format, got, want)
		}
	}
}

// A round of matching is weighed against what the link carries in a round trip, where it
// has nothing else to carry and bytes are not all that counts.
func TestWeighRounds(t *testing.T) {
	const trip, link = 100 * time.Millisecond, 2.5e6
	for _, c := range []struct {
		name    string
		trip    time.Duration
		how     Through
		files   int
		windows int
		left    int // archives in the lanes
		want    int64
	}{
		{"one archive", trip, Auto, 1, 1, 0, 250_000},
		{"two at once", trip, Auto, 2, 1, 0, 125_000},
		{"many", trip, Auto, 10_000, 1, 0, minTrip},
		{"others follow", trip, Auto, 1, 1, 1, 0},
		{"other windows", trip, Auto, 1, 2, 0, 0},
		{"bytes count", trip, Always, 1, 1, 0, 0},
		{"next door, where there is slack", time.Millisecond / 10, Auto, 1, 1, 0, 0},
	} {
		p := &pusher{tree: &walk.Tree{}, opts: Options{Through: c.how, Now: time.Now}, inWork: c.windows}
		p.rate.learn(c.trip, link)
		ms := make([]*match, c.files)
		for i := range ms {
			ms[i] = &match{streams: []*stream{newStream(wire.Plain, delta.Source{}, nil)}}
		}
		(&sender{p: p}).weighRounds(ms, lanesFor(p, make([]int64, c.left)...))
		if got := ms[0].streams[0].trip; got != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, got, c.want)
		}
	}
}
