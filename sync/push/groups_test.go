package push

import (
	"slices"
	"testing"
	"time"

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
			l.decline(g.files[0])
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
