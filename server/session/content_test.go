package session_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// noise is n bytes that differ with seed and do not repeat early.
func noise(seed byte, n int) []byte {
	b := make([]byte, 0, n+32)
	d := manifest.DigestOf([]byte{seed})
	for len(b) < n {
		b = append(b, d[:]...)
		d = manifest.DigestOf(d[:])
	}
	return b[:n]
}

// The files of a request that come whole, in a frame or in one part, are made
// durable together, be they too large for a pack.
func TestWholeFilesShareABatch(t *testing.T) {
	s := newServer(t)
	contents := [][]byte{noise(1, 10), noise(2, store.SmallBlob+1), noise(3, 2<<20), noise(4, 900<<10)}
	l := manifest.List{file("a", contents[0]), file("b", contents[1]), file("c", contents[2]), file("d", contents[3])}
	s.open(l)
	body := [][]byte{wire.AppendList(nil, 0, l), digests(l)}
	for i, c := range contents[:3] {
		body = append(body, wire.AppendFile(nil, wire.File{Index: i, Content: c}))
	}
	part := codec.NewCoder().AppendWhole(nil, contents[3], codec.Fast)
	body = append(body, wire.AppendPart(nil, wire.Part{Index: 3, Total: int64(len(contents[3])), Body: part}), commit(l))
	s.receipt(s.mustExchange(body...))
	if s.store.batches != 1 || s.store.partials != 0 {
		t.Errorf("%d batches and %d partials, want 1 and none", s.store.batches, s.store.partials)
	}
	for i, c := range contents {
		if got := s.published("t/" + l[i].Path); !bytes.Equal(got, c) {
			t.Errorf("%s is not what was sent", l[i].Path)
		}
	}
}

// Content that is not what its digest names is asked for again, and harms
// nothing else in the request.
func TestWrongContentIsSentAgain(t *testing.T) {
	s := newServer(t)
	for n, size := range []int{100, store.SmallBlob + 100} {
		right, wrong := noise(byte(2*n), size), noise(byte(2*n+1), size)
		l := manifest.List{file("a", right), file("b", noise(9, size)), file("c", noise(8, size))}
		s.open(l)
		answer := s.mustExchange(wire.AppendList(nil, 0, l), digests(l),
			wire.AppendFile(nil, wire.File{Index: 0, Content: wrong}),
			wire.AppendFile(nil, wire.File{Index: 1, Content: noise(9, size)}),
			wire.AppendFile(nil, wire.File{Index: 2, Content: noise(8, size-1)}))
		got := s.outcomes(answer)
		if got[0] != wire.Resend || got[1] != wire.Stored || got[2] != wire.Resend {
			t.Errorf("%d bytes: outcomes %v, want resend, stored, resend", size, got)
		}
		if _, err := s.exchange(commit(l)); err == nil {
			t.Errorf("%d bytes: committed without the content", size)
		}
		s.receipt(s.mustExchange(wire.AppendFile(nil, wire.File{Index: 0, Content: right}),
			wire.AppendFile(nil, wire.File{Index: 2, Content: noise(8, size)}), commit(l)))
	}
}

// A file that arrives in parts goes on after a restart where it was.
func TestPartsGoOnAfterARestart(t *testing.T) {
	s := newServer(t)
	content := noise(1, 3<<20)
	l := manifest.List{file("a", content)}
	s.open(l)
	c := codec.NewCoder()
	part := func(from, to int) []byte {
		return wire.AppendPart(nil, wire.Part{Total: int64(len(content)), Offset: int64(from), Body: c.AppendWhole(nil, content[from:to], codec.Fast)})
	}
	got := s.outcomes(s.mustExchange(wire.AppendList(nil, 0, l), digests(l), part(0, 1<<20)))
	if got[0] != wire.Staged {
		t.Fatalf("outcome %v of a first part", got)
	}
	s.restart()
	_, err := s.exchange(part(1<<20, 2<<20))
	if code(err) != wire.CodeListNeeded {
		t.Fatalf("after a restart: %v, want list_needed", err)
	}
	staged := s.verdict(s.mustExchange(wire.AppendList(nil, 0, l), digests(l))).Staged
	if staged != 1<<20 {
		t.Fatalf("%d bytes staged after a restart, want 1 MiB", staged)
	}
	// The part before is repeated, as after a lost answer: it is passed over.
	s.receipt(s.mustExchange(part(0, 2<<20), part(2<<20, 3<<20), commit(l)))
	if !bytes.Equal(s.published("t/a"), content) {
		t.Error("the file is not what was sent")
	}
}

// verdict is what an answer says of the only file it is about.
func (s *server) verdict(answer []wire.Frame) wire.Verdict {
	s.Helper()
	for _, f := range answer {
		if f.Type == wire.FrameVerdicts {
			vs, err := wire.ParseVerdicts(f.Payload)
			if err != nil || len(vs) != 1 {
				s.Fatal(vs, err)
			}
			return vs[0]
		}
	}
	s.Fatal("no verdict in the answer")
	return wire.Verdict{}
}

// A question about a large file leaves nothing behind.
func TestAQuestionStagesNothing(t *testing.T) {
	s := newServer(t)
	l := manifest.List{file("a", noise(1, 3<<20))}
	s.open(l)
	if v := s.verdict(s.mustExchange(wire.AppendList(nil, 0, l), digests(l))); v.Have || v.Staged != 0 {
		t.Errorf("verdict %+v", v)
	}
	staged, err := s.store.Staged(t.Context(), s.session)
	if err != nil || len(staged) > 0 || s.store.partials > 0 {
		t.Errorf("%d partials opened, staged: %v (error %v)", s.store.partials, staged, err)
	}
}

// The beginning of a file whose frame was cut is kept, also over a restart, and
// the file goes on behind it.
func TestTheBeginningOfAFileIsKept(t *testing.T) {
	s := newServer(t)
	content := noise(1, 200_000)
	l := manifest.List{file("a", content)}
	s.open(l)
	whole := wire.AppendFile(nil, wire.File{Content: content})
	if _, err := s.exchange(wire.AppendList(nil, 0, l), digests(l), whole[:150_000]); err == nil {
		t.Fatal("a body that was cut is no error")
	}
	for range 2 {
		if v := s.verdict(s.mustExchange(wire.AppendList(nil, 0, l), digests(l))); v.Staged < 149_990 || v.Staged > 150_000 {
			t.Fatalf("%d bytes staged of 150,000", v.Staged)
		}
		s.restart()
	}
	from := s.verdict(s.mustExchange(wire.AppendList(nil, 0, l), digests(l))).Staged
	rest := codec.NewCoder().AppendWhole(nil, content[from:], codec.Fast)
	s.receipt(s.mustExchange(wire.AppendPart(nil, wire.Part{Total: int64(len(content)), Offset: from, Body: rest}), commit(l)))
	if !bytes.Equal(s.published("t/a"), content) {
		t.Error("the file is not what was sent")
	}
}

// code is the code of a refusal, "" for other errors.
func code(err error) wire.Code {
	var e *wire.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}
