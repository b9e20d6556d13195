package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pubsync/pubsync/sync/manifest"
)

// payload is that of the one frame in b.
func payload(t *testing.T, b []byte) []byte {
	t.Helper()
	f, err := NewReader(bytes.NewReader(b)).Next()
	if err != nil {
		t.Fatal(err)
	}
	return f.Payload
}

func TestRecordsRoundTrip(t *testing.T) {
	announced := digest("announced")
	receipt := Receipt{
		Publication: 1 << 40, Target: "a/1", Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Entries: 9, Added: 8, Replaced: 7, Removed: 6,
		ManifestDigest: digest("real"), URL: "https://host/files/a/1/",
	}
	for _, o := range []Open{
		{Version: 1, Mode: Merge, Entries: 3, Files: 2, Bytes: 1 << 44, TreeDigest: digest("tree")},
		{Version: 2, Target: "a/b", Mode: Mirror, Checksum: true, DryRun: true, Visibility: "public", Aliases: []string{"x", "y"}},
	} {
		got, err := ParseOpen(payload(t, AppendOpen(nil, o)))
		if err != nil || !cmp.Equal(got, o) {
			t.Errorf("open: %v %s", err, cmp.Diff(o, got))
		}
	}
	for _, o := range []Opened{
		{Status: StatusOpen, Session: "name", Target: "a/1", Limits: UsualLimits(), Empty: true},
		{Status: StatusOpen, Limits: Limits{Body: 1 << 20, Parallel: 3, Archives: 16}},
		{Status: StatusPublished, Target: "a/1", Limits: UsualLimits(), Receipt: &receipt, TreeDigest: digest("tree")},
		{Status: StatusUnchanged, Limits: UsualLimits(), Receipt: &Receipt{Time: receipt.Time}},
	} {
		got, err := ParseOpened(payload(t, AppendOpened(nil, o)))
		if err != nil || !cmp.Equal(got, o) {
			t.Errorf("opened: %v %s", err, cmp.Diff(o, got))
		}
	}
	for _, c := range []Commit{{ManifestDigest: announced, IfComplete: true}, {}, {ManifestDigest: manifest.Digest{1, 2, 3, 4, 5, 6, 7, 8}, Short: true}} {
		got, err := ParseCommit(payload(t, AppendCommit(nil, c)))
		if err != nil || got != c {
			t.Errorf("commit: %v %+v, want %+v", err, got, c)
		}
	}
	known := Receipt{Target: "a/b", ManifestDigest: announced, URL: "https://there/files/a/b/"}
	same := receipt
	same.Target, same.ManifestDigest, same.URL = known.Target, announced, known.URL
	for _, r := range []Receipt{receipt, same} {
		b := payload(t, AppendReceipt(nil, &r, known))
		got, err := ParseReceipt(b, known)
		if err != nil || !cmp.Equal(got, r) {
			t.Errorf("receipt: %v %s", err, cmp.Diff(r, got))
		}
		if r.URL == known.URL && (bytes.Contains(b, announced[:]) || bytes.Contains(b, []byte("a/b"))) {
			t.Error("what was known came back")
		}
	}
	if n, err := ParseIncomplete(payload(t, AppendIncomplete(nil, 300))); n != 300 || err != nil {
		t.Errorf("incomplete: %d %v", n, err)
	}
}

// Reading a list that follows an open takes nothing off the body that is not given back,
// whatever follows.
func TestReadList(t *testing.T) {
	l := manifest.List{{Path: "a", Kind: manifest.File, Size: 1}, {Path: "b", Kind: manifest.Dir}}
	list := AppendList(nil, 0, l)
	digests := AppendDigests(nil, []Digest{{0, digest("a")}})
	for name, c := range map[string]struct {
		body []byte
		want manifest.List
	}{
		"a list":           {append(bytes.Clone(list), digests...), l},
		"nothing":          {nil, nil},
		"another frame":    {digests, nil},
		"of later entries": {AppendList(nil, 1, l), nil},
		"too many":         {AppendList(nil, 0, append(l, manifest.Entry{Path: "c", Kind: manifest.Dir})), nil},
		"no list":          {AppendFrame(nil, FrameList, []byte{0, 0xff}), nil},
	} {
		body := bytes.NewReader(c.body)
		read, got, err := ReadList(body, len(l))
		rest, _ := io.ReadAll(body)
		if err != nil || !cmp.Equal(got, c.want) || !bytes.Equal(append(read, rest...), c.body) {
			t.Errorf("%s: %v, %v, %q and %q of %q", name, got, err, read, rest, c.body)
		}
	}
	for n := 1; n < len(list); n++ {
		if _, _, err := ReadList(bytes.NewReader(list[:n]), len(l)); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
}

// A short commit announces what begins like its digest, any other no more than that.
func TestAnnounces(t *testing.T) {
	d := digest("announced")
	like := d
	like[AnnouncedBytes]++
	other := d
	other[AnnouncedBytes-1]++
	for _, c := range []struct {
		commit Commit
		d      manifest.Digest
		want   bool
	}{
		{Commit{ManifestDigest: d}, d, true}, {Commit{ManifestDigest: d}, like, false},
		{Commit{ManifestDigest: d, Short: true}, like, true}, {Commit{ManifestDigest: d, Short: true}, other, false},
	} {
		if c.commit.Announces(c.d) != c.want {
			t.Errorf("short %v announces %x: not %v", c.commit.Short, c.d, c.want)
		}
	}
}

func TestPublishedURL(t *testing.T) {
	if got, want := PublishedURL("https://here", "a b/ü?/c:d"), "https://here/files/a%20b/%C3%BC%3F/c:d/"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Fields of a later version are passed over; a record that is cut short is refused.
func TestRecordsOfLaterVersions(t *testing.T) {
	w := recordWriter{}
	w.number(99, 1<<63)
	w.digest(1, digest("manifest"))
	w.text(100, "what nobody knows yet")
	w.flag(2, true)
	c, err := ParseCommit(w.b)
	if want := (Commit{ManifestDigest: digest("manifest"), IfComplete: true}); err != nil || c != want {
		t.Errorf("%+v %v, want %+v", c, err, want)
	}
	if _, err := ParseCommit(w.b[:20]); err == nil {
		t.Error("half a record is taken")
	}
	if _, err := ParseOpened([]byte{7<<1 | 1, 2, 1<<1 | 1, 9}); err == nil {
		t.Error("a receipt cut short within an opened is taken")
	}
	if o, err := ParseOpen([]byte{3 << 1, 7}); err != nil || o.Mode == Merge || o.Mode == Mirror {
		t.Errorf("a mode nobody knows is %q, %v", o.Mode, err)
	}
}

// Bases that could not be told apart by their names are not named.
func TestApart(t *testing.T) {
	a, b, like := Basis{Digest: digest("a")}, Basis{Digest: digest("b")}, Basis{Digest: digest("a")}
	like.Digest[namedBytes]++
	if diff := cmp.Diff([]Basis{a, b}, Apart([]Basis{a, like, b, a})); diff != "" {
		t.Error(diff)
	}
}

// Two bases are told apart by their views, and by as much of the digests as is
// known.
func TestBasisIs(t *testing.T) {
	a, b := Basis{Digest: digest("a")}, Basis{Digest: digest("b")}
	short := Basis{Named: true, Size: 5}
	copy(short.Digest[:], a.Digest[:namedBytes])
	plain, like := a, a
	plain.View = Plain
	like.Digest[manifest.DigestSize-1]++
	for _, c := range []struct {
		x, y Basis
		want bool
	}{{a, a, true}, {a, b, false}, {a, plain, false}, {a, like, false}, {a, short, true}, {short, like, true}, {short, b, false}} {
		if c.x.Is(c.y) != c.want || c.y.Is(c.x) != c.want {
			t.Errorf("%+v is %+v: not %v", c.x, c.y, c.want)
		}
	}
}
