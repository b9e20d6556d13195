package push

import (
	"bytes"
	"sync/atomic"
	"testing"

	"github.com/pubsync/pubsync/sync/wire"
)

// What another sender has not sent becomes part of the body, under its number.
func TestTakeOver(t *testing.T) {
	p := windowPusher(t, 1<<20, map[string][]byte{"a": []byte("a"), "b": []byte("b")})
	frame := func(i int) []byte { return wire.AppendFile(nil, wire.File{Index: i, Content: []byte("content")}) }
	one, other := newSender(t.Context(), p, newFailures()), newSender(t.Context(), p, newFailures())
	for i, s := range []*sender{one, other} {
		s.begin()
		s.body, s.on = append(s.body, frame(i)...), []cargo{{index: i}}
	}
	number := bytes.Clone(one.body[:one.head])
	if err := one.takeOver(other); err != nil {
		t.Fatal(err)
	}
	if want := bytes.Join([][]byte{number, frame(0), frame(1)}, nil); !bytes.Equal(one.body, want) || len(one.on) != 2 {
		t.Errorf("%d of %d bytes, %d on it", len(one.body), len(want), len(one.on))
	}
	other.broken[1] = true // a part of it did not arrive
	if err := one.takeOver(other); err != nil || len(one.on) != 2 || len(one.again) != 1 {
		t.Errorf("%v: %d on it, again %v", err, len(one.on), one.again)
	}
}

// The last sender under way keeps what it has not sent, for the commit to ride on.
func TestLastKeepsItsBody(t *testing.T) {
	p := windowPusher(t, 1<<20, map[string][]byte{"a": []byte("a")})
	s := newSender(t.Context(), p, newFailures())
	s.begin()
	s.body, s.on = wire.AppendFile(s.body, wire.File{Content: []byte("content")}), []cargo{{}}
	size := len(s.body)
	var air atomic.Int64
	air.Store(1)
	if err := s.sendGroups(&lanes{p: p}, false, nil, &air); err != nil {
		t.Fatal(err)
	}
	if len(s.body) != size || len(s.on) != 1 || air.Load() != 0 {
		t.Errorf("%d of %d bytes are kept, with %d on them; %d under way", len(s.body), size, len(s.on), air.Load())
	}
}
