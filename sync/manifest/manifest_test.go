package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/delta/alloctest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParsePath(t *testing.T) {
	long := strings.Repeat("n", MaxName)
	for _, ok := range []string{
		"a", "a/b", "sstate:gcc:x86+1.2~rc1", "a:b", "with space", " lead", "trail ", "100%", "a%20b", "%2f", "x%2fy", "+", "-", "~", "#?&=",
		"caf\u00e9", "\xff\xfe", "...a", ".hidden", "..a", "a..b", "aux.c", "console", "com10", "nul.txt", "b/c:", long, "cc:/x",
		strings.Repeat(long+"/", 15) + "x",
	} {
		if p, err := ParsePath(ok); err != nil || string(p) != ok {
			t.Errorf("%.60q: %v", ok, err)
		}
	}
	for _, bad := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "%2e%2e", "%2E%2e/x", ".%2e", "..%2fetc", "a/..%5cb", "x%2f..%2fy", "a%00b",
		"a\\b", "a\x00b", "a\nb", "a\x1b]0;", "a\x7f", "c:", "C:/x", "con", "NUL", "a/Aux/b", "com1", "LPT9", "a.", "a./b",
		long + "n", strings.Repeat("x/", 2048) + "x",
	} {
		if _, err := ParsePath(bad); !errors.Is(err, ErrBadPath) {
			t.Errorf("%.60q: error %v, want ErrBadPath", bad, err)
		}
	}
}

func TestWithin(t *testing.T) {
	for _, c := range []struct {
		p, dir Path
		want   bool
	}{{"share", "share", true}, {"share/x", "share", true}, {"share2", "share", false}, {"share2/x", "share", false}, {"x", "", true}, {"sh", "share", false}} {
		if got := c.p.Within(c.dir); got != c.want {
			t.Errorf("%q within %q: %v", c.p, c.dir, got)
		}
	}
}

func TestCheckFindsFilesBelowFiles(t *testing.T) {
	l := List{{Path: "a", Kind: File}, {Path: "a.b", Kind: File}, {Path: "a/b", Kind: File}}
	if err := l.Check(); !errors.Is(err, ErrBadEntry) {
		t.Errorf("error %v, want ErrBadEntry", err)
	}
	if err := (List{{Path: "a", Kind: Dir}, {Path: "a.b", Kind: File}, {Path: "a/b", Kind: File}}).Check(); err != nil {
		t.Error(err)
	}
}

// anyList draws a valid list.
func anyList(t *rapid.T) List {
	names := rapid.SliceOfDistinct(rapid.StringMatching(`[a-d]{1,3}(/[a-d:+%~]{1,4}){0,2}`), func(s string) string { return s }).Draw(t, "names")
	var l List
	for _, n := range names {
		if _, err := ParsePath(n); err != nil {
			continue
		}
		e := Entry{
			Path: Path(n), Kind: File, Mode: rapid.Uint32Range(0, MaxMode).Draw(t, "mode"),
			MTime: rapid.Int64Range(-1e18, 4e18).Draw(t, "mtime"),
		}
		switch rapid.IntRange(0, 2).Draw(t, "kind") {
		case 0:
			e.Size = rapid.Int64Range(0, MaxSize).Draw(t, "size")
		case 1:
			e.Kind = Dir
		case 2:
			e.Kind, e.Link = Symlink, rapid.StringN(1, 20, 100).Filter(func(s string) bool { return !strings.Contains(s, "\x00") }).Draw(t, "link")
		}
		l = append(l, e)
	}
	l.Sort()
	kept := l[:0]
	for _, e := range l {
		if (append(kept[:len(kept):len(kept)], e)).Check() == nil {
			kept = append(kept, e)
		}
	}
	return kept
}

func TestCodingRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := anyList(t)
		got, err := DecodeList(AppendList(nil, l), len(l))
		if err != nil {
			t.Fatal(err)
		}
		if len(l) > 0 && !cmp.Equal(got, l) {
			t.Fatal(cmp.Diff(l, got))
		}
		if len(l) > 0 {
			if _, err := DecodeList(AppendList(nil, l), len(l)-1); !errors.Is(err, ErrBadCoding) {
				t.Fatalf("one entry too many: %v", err)
			}
		}
	})
}

func TestDigestsTellApart(t *testing.T) {
	base := List{{Path: "a", Kind: File, Mode: 0o644, Size: 5, MTime: 7, Digest: DigestOf([]byte("x"))}}
	change := map[string]func(*Entry){
		"path": func(e *Entry) { e.Path = "b" }, "mode": func(e *Entry) { e.Mode = 0o600 },
		"size": func(e *Entry) { e.Size = 6 }, "mtime": func(e *Entry) { e.MTime = 8 },
	}
	for what, f := range change {
		l := append(List(nil), base...)
		f(&l[0])
		if l.TreeDigest() == base.TreeDigest() || l.ManifestDigest() == base.ManifestDigest() {
			t.Errorf("another %s gives the same digest", what)
		}
	}
	l := append(List(nil), base...)
	l[0].Digest = DigestOf([]byte("y"))
	if l.TreeDigest() != base.TreeDigest() || l.ManifestDigest() == base.ManifestDigest() {
		t.Error("content: the tree digest must not see it, the manifest digest must")
	}
	if base.AnnouncedDigest([]bool{true}) != base.ManifestDigest() || base.AnnouncedDigest([]bool{false}) == base.ManifestDigest() {
		t.Error("announced digest")
	}
}

// TestVectors holds the digests and the coding of version 1 for ever.
func TestVectors(t *testing.T) {
	l := List{
		{Path: "bin", Kind: Dir, Mode: 0o755, MTime: 1_700_000_000_000_000_000},
		{Path: "bin/tool", Kind: File, Mode: 0o4755, Size: 3, MTime: 1_700_000_000_123_456_789, Digest: DigestOf([]byte("abc"))},
		{Path: "bin/tool-2", Kind: Symlink, Mode: 0o777, MTime: -1, Link: "tool"},
	}
	want, err := os.ReadFile(filepath.Join("testdata", "v1", "list"))
	if err != nil {
		t.Fatal(err)
	}
	if got := AppendList(nil, l); !bytes.Equal(got, want) {
		t.Errorf("coding %x, want %x", got, want)
	}
	const tree, all = "6bf1bb46b7fd758ed0796da4d46e6dc4", "5435a025abbca780ab0f79652371c08f"
	if got := l.TreeDigest().String(); !strings.HasPrefix(got, tree) {
		t.Errorf("tree digest %s", got)
	}
	if got := l.ManifestDigest().String(); !strings.HasPrefix(got, all) {
		t.Errorf("manifest digest %s", got)
	}
}

func FuzzDecodeList(f *testing.F) {
	seeds, err := filepath.Glob(filepath.Join("testdata", "v1", "*"))
	if err != nil || len(seeds) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, name := range seeds {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var (
			l   List
			err error
		)
		alloctest.Bounded(t, 1<<20+256*uint64(len(b)), func() { l, err = DecodeList(b, 1000) })
		if err != nil {
			return
		}
		again, err := DecodeList(AppendList(nil, l), 1000)
		if err != nil || !cmp.Equal(l, again) {
			t.Fatalf("coded again: %v\n%s", err, cmp.Diff(l, again))
		}
	})
}

func benchList() (l List) {
	for i := range 20_000 {
		l = append(l, Entry{Path: Path(fmt.Sprintf("some/dir/name-%05d%s", i, strings.Repeat("x", i%7))), Kind: File, Mode: 0o644, Size: int64(i), MTime: int64(i) * 1e9})
	}
	return l
}

func BenchmarkAppendList(b *testing.B) {
	l := benchList()
	for b.Loop() {
		AppendList(nil, l)
	}
}

func BenchmarkDecodeList(b *testing.B) {
	coded := AppendList(nil, benchList())
	for b.Loop() {
		if _, err := DecodeList(coded, 20_000); err != nil {
			b.Fatal(err)
		}
	}
}
