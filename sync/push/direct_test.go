package push

import (
	"bytes"
	"testing"

	"github.com/pubsync/pubsync/sync/wire"
)

// Files of which a signature came go directly, unless they are settled, as long as what
// stands there, or not there at all.
func TestFindDirect(t *testing.T) {
	p := windowPusher(t, 1<<20, map[string][]byte{"a": []byte("a"), "b": []byte("b"), "c": []byte("c"), "d": []byte("d")})
	p.needs[1], p.alike[2] = false, true
	p.volunteers = map[int][]wire.Signature{0: {{}}, 1: {{}}, 2: {{}}, 99: {{}}}
	p.findDirect()
	if len(p.direct) != 1 || !p.direct[0] {
		t.Errorf("direct: %v", p.direct)
	}
	p.opts.DryRun = true
	if p.findDirect(); len(p.direct) > 0 {
		t.Errorf("in a dry run: %v", p.direct)
	}
}

// The digest of a file that nobody has asked about goes with its content, until it is told.
func TestUntold(t *testing.T) {
	p := windowPusher(t, 1<<20, map[string][]byte{"a": []byte("a"), "b": []byte("b")})
	p.untold = map[int]bool{}
	w := work{}
	p.volunteers = map[int][]wire.Signature{1: {{Index: 1}}}
	p.addDirect(&w, []int{1})
	if len(w.deltas) != 1 || len(w.deltas[0].Bases) != 1 || len(w.sigs[1]) != 1 {
		t.Errorf("work %+v", w)
	}
	if got := p.appendUntold(nil, 0); len(got) > 0 {
		t.Errorf("of a file that was asked about: %x", got)
	}
	if got := p.appendUntold(nil, 1); !bytes.Equal(got, wire.AppendAlong(nil, p.digestsOf([]int{1}))) {
		t.Errorf("along: %x", got)
	}
	p.appendQuestion(nil, []int{1})
	if got := p.appendUntold(nil, 1); len(got) > 0 {
		t.Errorf("once it was asked about: %x", got)
	}
}
