package server_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

var update = flag.Bool("update", false, "write the transcript anew from what the server answers")

var vectors = filepath.Join("..", "testdata", "wire", "v1")

// transcriptSecret is the session secret of the transcript.
const transcriptSecret = "transcript-of-version-1-a-session-secret-43"

// TestTranscript replays the requests of the transcript and compares the
// answers, frame by frame: the protocol as it was released stays what it is.
func TestTranscript(t *testing.T) {
	s := newSite(t)
	stamp := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s.skew.Store(int64(time.Until(stamp)))
	bearer := s.issue(token.Grant{Target: "demo/1", Overwrite: true, NotAfter: stamp.Add(time.Hour)})
	name := filepath.Join(vectors, "transcript.txt")
	var requests []request
	if *update {
		requests = transcriptRequests()
	} else {
		text, err := os.ReadFile(name)
		s.check(err)
		requests = parseTranscript(t, string(text))
	}
	var out strings.Builder
	out.WriteString(transcriptHead)
	for i, q := range requests {
		status, reply := s.exchange(bearer, q.path, q.body())
		lines := render(t, reply)
		fmt.Fprintf(&out, "\n> POST %s\n%s< %d\n%s", q.path, q.text(), status, lines)
		if *update {
			s.check(os.WriteFile(filepath.Join(vectors, fmt.Sprintf("%d-request.frames", i+1)), q.body(), 0o644))
			s.check(os.WriteFile(filepath.Join(vectors, fmt.Sprintf("%d-answer.frames", i+1)), reply, 0o644))
		}
	}
	if *update {
		s.check(os.WriteFile(name, []byte(out.String()), 0o644))
		return
	}
	want, err := os.ReadFile(name)
	s.check(err)
	if out.String() != string(want) {
		t.Errorf("the answers are not those of the transcript:\n%s", out.String())
	}
	if len(requests) < 4 {
		t.Errorf("a transcript of %d requests shows nothing", len(requests))
	}
}

const transcriptHead = `# A small push in version 1: two files and a directory, then nothing changed.
# Lines with ">" are the client's, with "<" the server's; under each the frames of
# the body, one a line: type, then the payload in hexadecimal. The time of receipts is
# that of the site. Every request has "Authorization: Bearer psb_..." and
# "Pubsync-Session: ` + transcriptSecret + `".
`

type request struct {
	path   string
	frames []wire.Frame
}

func (q *request) body() []byte {
	var b []byte
	for _, f := range q.frames {
		b = wire.AppendFrame(b, f.Type, f.Payload)
	}
	return b
}

func (q *request) text() string {
	var b strings.Builder
	for _, f := range q.frames {
		b.WriteString(frameLine(f))
	}
	return b.String()
}

func frameLine(f wire.Frame) string {
	return fmt.Sprintf("%#02x %x\n", byte(f.Type), f.Payload)
}

// render writes the frames of an answer.
func render(t *testing.T, reply []byte) string {
	t.Helper()
	var b strings.Builder
	r := wire.NewReader(bytes.NewReader(reply))
	for {
		f, err := r.Next()
		if err == io.EOF {
			return b.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString(frameLine(settled(t, f)))
	}
}

// settled is a frame without what differs from run to run: the time of a receipt, which
// is when the test ran.
func settled(t *testing.T, f wire.Frame) wire.Frame {
	t.Helper()
	stamp := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var coded []byte
	switch f.Type {
	case wire.FrameOpened:
		o, err := wire.ParseOpened(f.Payload)
		if err != nil {
			t.Fatal(err)
		}
		if o.Receipt != nil {
			o.Receipt.Time = stamp
		}
		coded = wire.AppendOpened(nil, o)
	case wire.FrameReceipt:
		// The digest is the one announced: it is not in the frame.
		r, err := wire.ParseReceipt(f.Payload, wire.Receipt{})
		if err != nil {
			t.Fatal(err)
		}
		r.Time = stamp
		coded = wire.AppendReceipt(nil, &r, wire.Receipt{})
	default:
		return f
	}
	r := wire.NewReader(bytes.NewReader(coded))
	f, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func parseTranscript(t *testing.T, text string) (qs []request) {
	t.Helper()
	ours := false
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case line == "" || line[0] == '#':
		case line[0] == '>':
			qs = append(qs, request{path: strings.TrimPrefix(line, "> POST ")})
			ours = true
		case line[0] == '<':
			ours = false
		case ours:
			kind, payload, _ := strings.Cut(line, " ")
			n, err := strconv.ParseUint(kind, 0, 8)
			if err != nil {
				t.Fatal(err)
			}
			f := wire.Frame{Type: wire.FrameType(n)}
			if f.Payload, err = hex.DecodeString(payload); err != nil {
				t.Fatal(err)
			}
			q := &qs[len(qs)-1]
			q.frames = append(q.frames, f)
		}
	}
	return qs
}

// transcriptRequests is the push that the transcript was made of.
func transcriptRequests() []request {
	one, two := []byte("one\n"), bytes.Repeat([]byte("two\n"), 600)
	l := manifest.List{
		{Path: "dir", Kind: manifest.Dir, Mode: 0o755, MTime: 1_700_000_000e9},
		{Path: "dir/one", Kind: manifest.File, Mode: 0o644, MTime: 1_700_000_001e9, Size: int64(len(one))},
		{Path: "two", Kind: manifest.File, Mode: 0o600, MTime: 1_700_000_002e9 + 5, Size: int64(len(two))},
	}
	open := wire.Open{
		Version: 1, Target: "demo/1", Mode: wire.Merge,
		Entries: 3, Files: 2, Bytes: int64(len(one) + len(two)), TreeDigest: l.TreeDigest(),
	}
	listed := wire.AppendList(nil, 0, l)
	l[1].Digest, l[2].Digest = manifest.DigestOf(one), manifest.DigestOf(two)
	digests := wire.AppendDigests(nil, []wire.Digest{{Index: 1, Digest: l[1].Digest}, {Index: 2, Digest: l[2].Digest}})
	files := wire.AppendFile(wire.AppendFile(nil, wire.File{Index: 1, Content: one}), wire.File{Index: 2, Content: two})
	commit := wire.AppendCommit(nil, wire.Commit{ManifestDigest: l.ManifestDigest()})
	opening := wire.AppendOpen(nil, open)
	const session = wire.SessionsPath + "/" + wire.OwnSession
	return []request{
		{wire.SessionsPath, split(opening)},
		{session, split(listed)},
		{session, split(digests)},
		{session, split(append(files, commit...))},
		{session, split(commit)},
		{wire.SessionsPath, split(opening)},
	}
}

func split(body []byte) (fs []wire.Frame) {
	r := wire.NewReader(bytes.NewReader(body))
	for {
		f, err := r.Next()
		if err != nil {
			return fs
		}
		fs = append(fs, wire.Frame{Type: f.Type, Payload: append([]byte(nil), f.Payload...)})
	}
}

// exchange sends frames as any client would.
func (s *site) exchange(bearer, path string, body []byte) (int, []byte) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.http.URL+path, bytes.NewReader(body))
	s.check(err)
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", wire.ContentType)
	req.Header.Set(wire.SessionHeader, transcriptSecret)
	resp, err := s.http.Client().Do(req)
	s.check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	s.check(err)
	return resp.StatusCode, b
}
