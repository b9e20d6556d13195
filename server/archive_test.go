package server_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/wire"
)

// members are the files of an archive that tests make.
func members(seed uint64, n int) [][]byte {
	r := rand.New(rand.NewPCG(seed, 2))
	ms := make([][]byte, n)
	for i := range ms {
		ms[i] = text(r, 3000+i*40)
	}
	return ms
}

func tgz(t *testing.T, ms [][]byte, stamp time.Time, level int) []byte {
	t.Helper()
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(z)
	for i, m := range ms {
		h := &tar.Header{Name: fmt.Sprintf("pkg/file-%d.txt", i), Mode: 0o644, Size: int64(len(m)), ModTime: stamp.Add(time.Duration(i) * time.Second)}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zipped(t *testing.T, ms [][]byte, stamp time.Time) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i, m := range ms {
		f, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("pkg/file-%d.txt", i), Method: zip.Deflate, Modified: stamp.Add(time.Duration(i) * time.Second)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Write(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestThroughCompression pushes archives remade with fresh times and one member
// changed: bit for bit what was pushed, for a few percent of its size, with and
// without the old file at hand.
func TestThroughCompression(t *testing.T) {
	s := newSite(t)
	before, after := time.Unix(1_700_000_000, 0), time.Unix(1_710_000_000, 0)
	old := members(1, 150)
	changed := members(1, 150)
	changed[70] = append([]byte("a new line\n"), changed[70]...)
	for name, make := range map[string]func([][]byte, time.Time) []byte{
		"tgz-6": func(ms [][]byte, at time.Time) []byte { return tgz(t, ms, at, 6) },
		"tgz-9": func(ms [][]byte, at time.Time) []byte { return tgz(t, ms, at, 9) },
		"zip":   func(ms [][]byte, at time.Time) []byte { return zipped(t, ms, at) },
	} {
		for _, local := range []bool{false, true} {
			target := manifest.Path(fmt.Sprintf("archives/%s-%v", name, local))
			first, second := t.TempDir(), t.TempDir()
			if local { // not content that is held already
				before, after = before.Add(time.Hour), after.Add(time.Hour)
			}
			s.write(first, "a-1.0.bin", make(old, before))
			s.write(second, "a-1.1.bin", make(changed, after))
			s.builder(s.issue(token.Grant{Target: target}), first).mustPush()
			b := s.builder(s.issue(token.Grant{Target: target}), second)
			b.opts.Through = push.Always
			if local {
				basis, err := push.OpenBasis(filepath.Join(first, "a-1.0.bin"))
				s.check(err)
				b.opts.Bases = []*push.LocalBasis{basis}
			}
			r := b.mustPush()
			if local {
				s.check(b.opts.Bases[0].Close())
			}
			if r.Archive.Files != 1 || r.Archive.Sent > r.Bytes/20 {
				t.Errorf("%s: %+v of %d bytes", target, r.Archive, r.Bytes)
			}
			e, err := s.store.Lookup(t.Context(), target.Join("a-1.1.bin"), -1)
			s.check(err)
			if !bytes.Equal(s.content(e), make(changed, after)) {
				t.Errorf("%s: another archive was published", target)
			}
		}
	}
}

// nextRelease publishes a .tar.gz of so many members, and returns the builder of the next
// release of it, in which one has a line more and all are of another time.
func (s *site) nextRelease(n int) *builder {
	s.t.Helper()
	old, changed := members(5, n), members(5, n)
	changed[30] = append([]byte("a new line\n"), changed[30]...)
	first, second := s.t.TempDir(), s.t.TempDir()
	s.write(first, "a-1.tgz", tgz(s.t, old, time.Unix(1_700_000_000, 0), 6))
	s.write(second, "a-2.tgz", tgz(s.t, changed, time.Unix(1_710_000_000, 0), 6))
	s.builder(s.issue(token.Grant{Target: "a/1"}), first).mustPush()
	return s.builder(s.issue(token.Grant{Target: "a/1"}), second)
}

// TestAsksWhileTakingApart pushes the next release of an archive over a link of which
// nothing is known, so that no signature is wanted before anybody knows that it will be
// taken apart: it is asked for once, by the time that begins, for an archive of unknown
// size, and that is enough.
func TestAsksWhileTakingApart(t *testing.T) {
	s := newSite(t)
	b := s.nextRelease(600) // large enough to be there sooner so
	asked := &askedFirst{}
	b.between = func(r push.Remote) push.Remote { asked.Remote = onLink{Remote: r}; return asked }
	b.clock = func() time.Time { return time.Unix(1_720_000_000, 0) } // nor is anything measured
	if r := b.mustPush(); r.Archive.Files != 1 || r.Archive.Sent > r.Bytes/50 {
		t.Errorf("%+v", r.Archive)
	}
	if !slices.Equal(asked.totals, []int64{0}) {
		t.Errorf("asked for first signatures of plain views, for so many bytes: %v", asked.totals)
	}
}

// askedFirst notes the sizes with which first signatures of plain views are asked for.
type askedFirst struct {
	push.Remote
	totals []int64
}

func (a *askedFirst) Exchange(ctx context.Context, session string, body []byte, reply func(wire.Frame) error) error {
	r := wire.NewReader(bytes.NewReader(body))
	for f, err := r.Next(); err == nil; f, err = r.Next() {
		if f.Type != wire.FrameSign {
			continue
		}
		if q, err := wire.ParseSign(f.Payload); err == nil && len(q.Params) == 0 && q.Basis.View == wire.Plain {
			a.totals = append(a.totals, q.Total)
		}
	}
	return a.Remote.Exchange(ctx, session, body, reply)
}

// TestViewsGoFirst pushes the next release of an archive: what is to be rebuilt goes
// before what the link carries meanwhile.
func TestViewsGoFirst(t *testing.T) {
	s := newSite(t)
	b := s.nextRelease(300)
	r := rand.New(rand.NewPCG(3, 4))
	s.write(b.dir, "a-2.tgz", tgz(t, append(members(5, 300), noise(r, 200<<10)), time.Unix(1_710_000_000, 0), 6))
	s.write(b.dir, "noise.bin", noise(r, 3<<20))
	ranked := &ranks{}
	b.opts.Through = push.Always
	b.between = func(r push.Remote) push.Remote { ranked.Remote = r; return ranked }
	if got := b.mustPush(); got.Archive.Files != 1 {
		t.Errorf("%+v", got.Archive)
	}
	ranked.check(t)
}

// ranks notes with which rank bodies go.
type ranks struct {
	push.Remote
	mu           sync.Mutex
	views, whole []int64
}

func (o *ranks) Send(ctx context.Context, session string, body []byte, rank int64, gone func(), reply func(wire.Frame) error) error {
	r, views := wire.NewReader(bytes.NewReader(body)), false
	for f, err := r.Next(); err == nil; f, err = r.Next() {
		if p, err := wire.ParsePart(f.Payload); f.Type == wire.FramePart && err == nil && p.View != wire.Raw {
			views = true
		}
	}
	o.mu.Lock()
	if views {
		o.views = append(o.views, rank)
	} else {
		o.whole = append(o.whole, rank)
	}
	o.mu.Unlock()
	return o.Remote.Send(ctx, session, body, rank, gone, reply)
}

func (o *ranks) check(t *testing.T) {
	t.Helper()
	if len(o.views) == 0 || len(o.whole) == 0 || slices.Max(o.views) >= slices.Min(o.whole) {
		t.Errorf("ranks of bodies with views %v, of others %v", o.views, o.whole)
	}
}

// TestRequestsOfAnArchive pushes the next release of an archive: one request opens,
// lists, asks and has the signature in its answer, one goes for each round of
// matching, and the last brings content and commit. Were it opened or committed
// apart, or asked for what came along, there would be more.
func TestRequestsOfAnArchive(t *testing.T) {
	s := newSite(t)
	b := s.nextRelease(60)
	var kinds []string
	s.requestKinds(&kinds)
	b.opts.Through, b.opts.Parallel = push.Always, 1
	if r := b.mustPush(); r.Archive.Files != 1 {
		t.Errorf("%+v", r)
	}
	last := len(kinds) - 1
	if last < 1 || kinds[0] != "01 02 04 09" || kinds[last] != "07 07 08" {
		t.Fatalf("requests: %q", kinds)
	}
	for _, round := range kinds[1:last] {
		if strings.Trim(round, "05 ") != "" {
			t.Errorf("requests: %q", kinds)
		}
	}
	// Its predecessor, which the parts only name, guides the encoder.
	if !strings.Contains(s.log.String(), "guided=true") {
		t.Errorf("the archive was rebuilt without a guide:\n%s", s.log)
	}
}

// With the old file at hand, which the server names itself, nothing more is asked:
// two requests.
func TestRequestsWithAnOldFile(t *testing.T) {
	s := newSite(t)
	old, changed := members(6, 60), members(6, 60)
	changed[30] = append([]byte("a new line\n"), changed[30]...)
	first, second := t.TempDir(), t.TempDir()
	s.write(first, "a-1.tgz", tgz(t, old, time.Unix(1_700_000_000, 0), 6))
	s.write(second, "a-2.tgz", tgz(t, changed, time.Unix(1_710_000_000, 0), 6))
	s.builder(s.issue(token.Grant{Target: "a/1"}), first).mustPush()
	basis, err := push.OpenBasis(filepath.Join(first, "a-1.tgz"))
	s.check(err)
	defer basis.Close()
	var kinds []string
	s.requestKinds(&kinds)
	b := s.builder(s.issue(token.Grant{Target: "a/1"}), second)
	b.opts.Through, b.opts.Parallel, b.opts.Bases = push.Always, 1, []*push.LocalBasis{basis}
	if r := b.mustPush(); r.Archive.Files != 1 {
		t.Errorf("%+v", r)
	}
	if want := []string{"01 02 04", "07 07 08"}; !slices.Equal(kinds, want) {
		t.Errorf("requests: %q, want %q", kinds, want)
	}
}

// kindsOf are the types of the frames of a body.
func kindsOf(body []byte) string {
	var types []string
	for len(body) > 0 {
		types = append(types, fmt.Sprintf("%02x", body[0]))
		n, k := binary.Uvarint(body[1:])
		body = body[1+k+int(n):]
	}
	return strings.Join(types, " ")
}

// TestRestartAmongViews restarts the server after each request of a push by views:
// the push ends published all the same.
func TestRestartAmongViews(t *testing.T) {
	s := newSite(t)
	old := members(3, 60)
	for at := int64(1); ; at++ {
		target := manifest.Path(fmt.Sprintf("views/%d", at))
		changed := members(3, 60)
		changed[30] = fmt.Appendf(nil, "changed for %d %s", at, changed[30])
		first, second := t.TempDir(), t.TempDir()
		s.write(first, "a-1.tgz", tgz(t, old, time.Unix(1_700_000_000+at, 0), 6))
		s.write(second, "a-2.tgz", tgz(t, changed, time.Unix(1_710_000_000+at, 0), 6))
		s.put(nil)
		s.builder(s.issue(token.Grant{Target: target}), first).mustPush()
		var n atomic.Int64
		s.put(func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1) == at+1 {
					s.restart()
					s.mu.RLock()
					h = s.handler
					s.mu.RUnlock()
				}
				h.ServeHTTP(w, r)
			})
		})
		b := s.builder(s.issue(token.Grant{Target: target}), second)
		b.opts.Through, b.opts.Parallel = push.Always, 1
		if r := b.mustPush(); r.Archive.Files != 1 {
			t.Errorf("restart after request %d: %+v", at, r)
		}
		if n.Load() <= at {
			return
		}
	}
}

// patchy is a gzip whose encoder changes its level between from and to.
func patchy(t *testing.T, plain []byte, from, to int) []byte {
	t.Helper()
	var b bytes.Buffer
	b.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3})
	for i, cut := range []struct{ from, to, level int }{{0, from, 6}, {from, to, 2}, {to, len(plain), 6}} {
		w, err := flate.NewWriterDict(&b, cut.level, plain[max(0, cut.from-32<<10):cut.from])
		if err != nil {
			t.Fatal(err)
		}
		if _, err = w.Write(plain[cut.from:cut.to]); err == nil && i < 2 {
			err = w.Flush()
		} else if err == nil {
			err = w.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	b.Write(binary.LittleEndian.AppendUint32(nil, crc32.ChecksumIEEE(plain)))
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(plain))))
	return b.Bytes()
}

// TestSamplesMissAChange pushes an archive whose encoder departs from its model
// where no sample is taken: the server says so, and is sent a recipe made from
// all of it, but not the plain view again.
func TestSamplesMissAChange(t *testing.T) {
	s := newSite(t)
	r := rand.New(rand.NewPCG(5, 5))
	plain := text(r, 3<<20)
	edited := append([]byte("a first line\n"), plain...)
	fresh := text(r, 100<<10)
	edited = append(edited, fresh...)
	first := t.TempDir()
	s.write(first, "a.gz", patchy(t, plain, 0, 0))
	update := func(target manifest.Path, archive []byte) push.Method {
		s.builder(s.issue(token.Grant{Target: target}), first).mustPush()
		dir := t.TempDir()
		s.write(dir, "a.gz", archive)
		b := s.builder(s.issue(token.Grant{Target: target, Overwrite: true}), dir)
		b.opts.Through = push.Always
		res := b.mustPush()
		if res.Archive.Files != 1 || res.Whole.Files != 0 {
			t.Errorf("%s: archive %+v, whole %+v", target, res.Archive, res.Whole)
		}
		return res.Archive
	}
	want := patchy(t, edited, 2300<<10, 2400<<10)
	steady, departing := update("steady", patchy(t, edited, 0, 0)), update("patchy", want)
	// The new bytes take more than half of what the steady one sends.
	if more := departing.Sent - steady.Sent; more <= 0 || more > steady.Sent/2 {
		t.Errorf("%d bytes sent, %d where the encoder keeps to its model", departing.Sent, steady.Sent)
	}
	e, err := s.store.Lookup(t.Context(), "patchy/a.gz", -1)
	s.check(err)
	if !bytes.Equal(s.content(e), want) {
		t.Error("another archive was published")
	}
}
