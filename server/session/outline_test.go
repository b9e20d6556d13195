package session_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// shortSighted may not read one path.
type shortSighted struct{ bearer }

func (shortSighted) Sight() store.Sight { return func(p manifest.Path) bool { return p != "t/f17" } }

// outlined is what an answer says of an outline.
func outlined(t *testing.T, frames []byte) wire.Outlined {
	t.Helper()
	f, err := wire.NewReader(bytes.NewReader(frames)).Next()
	if err != nil || f.Type != wire.FrameOutlined {
		t.Fatal(f.Type, err)
	}
	o, err := wire.ParseOutlined(f.Payload, 1000)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// What stands beside the known groups of an outline is told only if the token may
// read it (threats, row 34), and nothing is where the outline is not that of what was
// announced.
func TestOutlineTells(t *testing.T) {
	s := newServer(t)
	var l manifest.List
	var files []byte
	for i := range 40 {
		content := fmt.Appendf(nil, "content %d", i)
		l = append(l, file(manifest.Path(fmt.Sprintf("f%02d", i)), content))
		files = wire.AppendFile(files, wire.File{Index: i, Content: content})
	}
	s.open(l)
	s.receipt(s.mustExchange(wire.AppendList(nil, 0, l), digests(l), files, commit(l)))
	l[17].MTime++
	s.open(l)
	o := wire.Outline{Cut: 3, Groups: l.Groups(3)}
	ask := wire.AppendOutline(nil, o)
	for _, c := range []struct {
		name string
		may  bool
	}{{"all", true}, {"all but one", false}} {
		var reply []byte
		var err error
		if c.may {
			reply, err = s.engine.Exchange(t.Context(), bearer{}, s.session, s.secret, bytes.NewReader(ask))
		} else {
			reply, err = s.engine.Exchange(t.Context(), shortSighted{}, s.session, s.secret, bytes.NewReader(ask))
		}
		if err != nil {
			t.Fatal(err)
		}
		got := outlined(t, reply)
		if got.HasRest != c.may {
			t.Errorf("who may read %s is told the rest: %v", c.name, got.HasRest)
		}
		for k, g := range o.Groups {
			changed := g.First <= 17 && 17 < g.First+g.Len
			if want := map[bool]wire.Standing{false: wire.Stands, true: wire.Unknown}[changed]; got.Groups[k] != want {
				t.Errorf("group %d: %d", k, got.Groups[k])
			}
			if changed && c.may && len(got.Rest) != g.Len {
				t.Errorf("%d entries told of a group of %d", len(got.Rest), g.Len)
			}
		}
	}
	o.Groups[0].Len++
	if _, err := s.exchange(wire.AppendOutline(nil, o)); !errors.Is(err, &wire.Error{Code: wire.CodeBadRequest}) {
		t.Errorf("an outline of more than was announced: %v", err)
	}
}
