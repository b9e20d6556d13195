package push_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// hostile answers a push with whatever the test wants it to say (threats, row
// 21), and keeps what it was sent.
type hostile struct {
	limits   wire.Limits
	open     []byte                   // frames after the one that opens the session
	exchange func(body []byte) []byte // frames that answer
	says     string                   // a part of the error that is to come of it
	sent     bytes.Buffer
	requests int
}

// maxRequests is more than any of these pushes may take before it gives up.
const maxRequests = 500

var errEndless = errors.New("the push does not end")

func (h *hostile) reply(body []byte, to func(wire.Frame) error) error {
	r := wire.NewReader(bytes.NewReader(body))
	for {
		f, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil && f.Type == frameRefusal {
			err = wire.Errorf(wire.Code(f.Payload), "for ever")
		}
		if err == nil {
			err = to(f)
		}
		if err != nil {
			return err
		}
	}
}

func (h *hostile) Open(_ context.Context, o wire.Open, extra []byte, to func(wire.Frame) error) error {
	if h.requests++; h.requests > maxRequests {
		return errEndless
	}
	h.sent.Write(extra)
	opened := wire.Opened{Status: wire.StatusOpen, Session: "s", Target: "t", Limits: h.limits}
	return h.reply(append(wire.AppendOpened(nil, opened), h.open...), to)
}

func (h *hostile) Exchange(_ context.Context, _ string, body []byte, to func(wire.Frame) error) error {
	if h.requests++; h.requests > maxRequests {
		return errEndless
	}
	plain := wire.NewReader(bytes.NewReader(body))
	for f, err := plain.Next(); err == nil; f, err = plain.Next() {
		h.sent.Write(f.Payload)
	}
	return h.reply(h.exchange(body), to)
}

func (h *hostile) Send(ctx context.Context, session string, body []byte, _ int64, _ func(), to func(wire.Frame) error) error {
	return h.Exchange(ctx, session, body, to)
}

func (h *hostile) Again() func(context.Context, error) error {
	return func(_ context.Context, err error) error { return err }
}

func (h *hostile) Abandon(context.Context, string) error { return nil }
func (h *hostile) Link() (time.Duration, float64)        { return 0, 0 }

const (
	pushed = "what is to be pushed, over and over; "
	secret = "what nobody asked for"
)

// victim makes a tree of a folder, a link out of it and two files, one of them
// large; beside it lies a secret.
func victim(t *testing.T) *walk.Tree {
	t.Helper()
	top := t.TempDir()
	in := filepath.Join(top, "in")
	if err := errors.Join(
		os.MkdirAll(filepath.Join(in, "a"), 0o755),
		os.WriteFile(filepath.Join(in, "a", "large"), []byte(strings.Repeat(pushed, 40_000)), 0o644),
		os.WriteFile(filepath.Join(in, "a", "small"), []byte(strings.Repeat(pushed, 40)), 0o644),
		os.WriteFile(filepath.Join(top, "secret"), []byte(secret), 0o644),
		os.Symlink("../secret", filepath.Join(in, "link")),
	); err != nil {
		t.Fatal(err)
	}
	tree, err := walk.Walk(t.Context(), walk.Options{Sources: []walk.Source{{Dir: in}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

// index returns where an entry of the victim is in the list.
func index(t *testing.T, tree *walk.Tree, p manifest.Path) int {
	t.Helper()
	i, ok := tree.Entries.Find(p)
	if !ok {
		t.Fatalf("no %q", p)
	}
	return i
}

// TestHostileServer has a server ask for what it was not offered, answer what was
// not asked, and never be content. A push ends, with an error or, where the
// server merely lies about what it has, as it wishes; it sends nothing but what
// it was to push.
func TestHostileServer(t *testing.T) {
	tree := victim(t)
	n := len(tree.Entries)
	all := wire.AppendUnsettled(nil, 0, n, bytes.Repeat([]byte{0xff}, n/8+1))
	dir, link, large, small := index(t, tree, "a"), index(t, tree, "link"), index(t, tree, "a/large"), index(t, tree, "a/small")
	sends := func(vs ...wire.Verdict) func([]byte) []byte {
		return func([]byte) []byte { return wire.AppendVerdicts(nil, vs) }
	}
	basis := func(size int64) []wire.Basis { return []wire.Basis{{Digest: manifest.Digest{1}, Size: size}} }
	both := func(v ...wire.Verdict) []wire.Verdict {
		return append(v, wire.Verdict{Index: large}, wire.Verdict{Index: small})
	}
	// The answers that fit the questions, with verdicts and outcomes of the test's.
	answers := func(vs []wire.Verdict, o wire.Outcome) func([]byte) []byte {
		return func(body []byte) (out []byte) {
			asked := frameTypes(body)
			if asked[wire.FrameDigests] {
				out = wire.AppendVerdicts(out, vs)
			}
			if asked[wire.FrameSign] {
				out = wire.AppendSignature(out, wire.FrameSignature, wire.Signature{Index: large, Basis: basis(9)[0], Body: []byte("nonsense")})
			}
			if asked[wire.FrameFile] || asked[wire.FramePart] {
				out = wire.AppendStored(out, []wire.Storing{{Index: large, Outcome: o}, {Index: small, Outcome: o}})
			}
			return out
		}
	}
	for name, h := range map[string]*hostile{
		"nothing settled":           {exchange: func([]byte) []byte { return nil }, says: "it answers for 0 of 4 entries"},
		"more than was listed":      {open: wire.AppendUnsettled(nil, 0, n+1, bytes.Repeat([]byte{0xff}, n/8+2)), says: "unsettled entries out of range"},
		"from beyond the list":      {open: wire.AppendUnsettled(nil, 1<<30, 1, []byte{1}), says: "unsettled entries out of range"},
		"a verdict beyond the list": {open: all, exchange: sends(wire.Verdict{Index: large}, wire.Verdict{Index: n}), says: "a verdict on entry 4"},
		"a verdict on a folder":     {open: all, exchange: sends(both(wire.Verdict{Index: dir})[:2]...), says: "not the file that was listed"},
		"a verdict on a link":       {open: all, exchange: sends(wire.Verdict{Index: large}, wire.Verdict{Index: link}), says: "not the file that was listed"},
		"one verdict of two":        {open: all, exchange: sends(wire.Verdict{Index: small}), says: "1 verdicts on 2 digests"},
		"whole digests, for ever":   {open: all, exchange: sends(wire.Verdict{Index: large, Whole: true}, wire.Verdict{Index: small, Whole: true}), says: "has the whole digest"},
		"staged beyond the end":     {open: all, exchange: sends(wire.Verdict{Index: large, Staged: 1 << 50}, wire.Verdict{Index: small, Staged: 1 << 40}), says: "protocol"},
		"a basis without end":       {open: all, exchange: sends(wire.Verdict{Index: large, Bases: basis(1 << 50)}, wire.Verdict{Index: small, Bases: basis(1 << 50)}), says: "frame"},
		"signatures of nonsense":    {open: all, exchange: answers([]wire.Verdict{{Index: large, Bases: basis(9)}, {Index: small, Bases: basis(9)}}, wire.Stored), says: "malformed"},
		"never what it wants":       {open: all, exchange: answers(both(), wire.Resend), says: "again and again"},
		"an outcome nobody knows":   {open: all, exchange: answers(both(), 99), says: "again and again"},
		"the list, for ever":        {open: all, exchange: func([]byte) []byte { return refusal(wire.CodeListNeeded) }, says: "it asked 8 times"},
		"content, for ever": {open: all, exchange: func([]byte) []byte {
			return wire.AppendIncomplete(wire.AppendVerdicts(nil, []wire.Verdict{{Index: large, Have: true}, {Index: small, Have: true}}), 2)
		}, says: "protocol"},
		"smaller, for ever":     {open: all, exchange: func([]byte) []byte { return refusal(wire.CodeTooLarge) }, says: "too_large"},
		"bodies of a byte":      {limits: wire.Limits{Body: 1}, open: all, exchange: func([]byte) []byte { return nil }, says: "0 verdicts on 1 digests"},
		"frames of the client":  {open: all, exchange: func([]byte) []byte { return wire.AppendFrame(nil, wire.FrameList, nil) }, says: "unexpected frame 0x02"},
		"garbage":               {open: all, exchange: func([]byte) []byte { return bytes.Repeat([]byte{0xff}, 10) }, says: "malformed frame"},
		"a receipt for nothing": {open: all, exchange: func([]byte) []byte { return wire.AppendFrame(nil, wire.FrameReceipt, []byte{0xff}) }, says: "protocol"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if h.limits.Body == 0 {
				h.limits = wire.Limits{Body: 1 << 20, Parallel: 1}
			}
			o := push.Options{Now: time.Now, Parallel: 1, Through: push.Always, Spool: func() (*os.File, error) { return os.CreateTemp(t.TempDir(), "spool") }}
			_, err := push.Push(t.Context(), h, victim(t), o)
			if err == nil || errors.Is(err, errEndless) || !strings.Contains(err.Error(), h.says) {
				t.Errorf("after %d requests: %v, want an error about %q", h.requests, err, h.says)
			}
			if bytes.Contains(h.sent.Bytes(), []byte(secret)) {
				t.Error("it sent what it was not to push")
			}
		})
	}
}

// frameTypes returns which types the frames of a body have.
func frameTypes(body []byte) map[wire.FrameType]bool {
	types := map[wire.FrameType]bool{}
	r := wire.NewReader(bytes.NewReader(body))
	for f, err := r.Next(); err == nil; f, err = r.Next() {
		types[f.Type] = true
	}
	return types
}

// frameRefusal is no frame of the protocol: it has an exchange end with an error.
const frameRefusal wire.FrameType = 0x7f

func refusal(code wire.Code) []byte { return wire.AppendFrame(nil, frameRefusal, []byte(code)) }
