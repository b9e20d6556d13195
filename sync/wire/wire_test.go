package wire

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"github.com/pubsync/pubsync/delta/alloctest"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/pubsync/pubsync/sync/manifest"
)

func digest(s string) manifest.Digest { return manifest.DigestOf([]byte(s)) }

func TestMessagesRoundTrip(t *testing.T) {
	basis := Basis{Digest: digest("basis"), Size: 7 << 20, View: Plain}
	unsized := basis
	unsized.Size = 0
	check := func(name string, frames []byte, parse func([]byte) (any, error), want any) {
		t.Helper()
		f, err := NewReader(bytes.NewReader(frames)).Next()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := parse(f.Payload)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if !cmp.Equal(got, want) {
			t.Errorf("%s: %s", name, cmp.Diff(want, got))
		}
		for n := range len(f.Payload) {
			_, _ = parse(f.Payload[:n]) // must not panic
		}
	}
	ds := []Digest{{0, digest("a")}, {3, digest("b")}, {1000, digest("c")}}
	check("digests", AppendDigests(nil, ds), func(b []byte) (any, error) { return ParseDigests(b) }, ds)
	check("along", AppendAlong(nil, ds), func(b []byte) (any, error) { return ParseDigests(b) }, ds)
	vs := []Verdict{{Index: 1, Have: true}, {Index: 2, Staged: 99, Bases: []Basis{basis}}, {Index: 7},
		{Index: 8, Staged: 1, Plain: StagedView{Size: 1 << 33, Sum: manifest.Digest{7}}, Bases: []Basis{basis}},
		{Index: 9, Plain: StagedView{Size: 5, Sum: manifest.Digest{8}}, Recipe: StagedView{Size: 6, Sum: manifest.Digest{9}}}}
	check("verdicts", AppendVerdicts(nil, vs), func(b []byte) (any, error) { return ParseVerdicts(b) }, vs)
	sign := Sign{Index: 5, Basis: unsized, Total: 12, Params: []byte("params")}
	check("sign", AppendSign(nil, sign), func(b []byte) (any, error) { return ParseSign(b) }, sign)
	named := Basis{Size: 9, View: Recipe, Named: true}
	copy(named.Digest[:], basis.Digest[:namedBytes])
	check("want", AppendWant(nil, 77, Plain), func(b []byte) (any, error) {
		index, v, err := ParseWant(b)
		return []any{index, v}, err
	}, []any{77, Plain})
	for _, b := range []Basis{named, basis} {
		v := []Verdict{{Index: 1, Bases: []Basis{b}}}
		check("verdict", AppendVerdicts(nil, v), func(b []byte) (any, error) { return ParseVerdicts(b) }, v)
	}
	short := []Short{ShortOf(ds[0]), {1, [4]byte{9}}, ShortOf(ds[1]), ShortOf(ds[2])}
	check("short", AppendShort(nil, short), func(b []byte) (any, error) { return ParseShort(b) }, short)
	whole := []Verdict{{Index: 4, Whole: true}, {Index: 5, Have: true}}
	check("whole", AppendVerdicts(nil, whole), func(b []byte) (any, error) { return ParseVerdicts(b) }, whole)
	sig := Signature{Index: 5, Basis: basis, Body: []byte("body")}
	check("signature", AppendSignature(nil, FrameSignature, sig), func(b []byte) (any, error) { return ParseSignature(b) }, sig)
	part := Part{Index: 9, View: Recipe, Offset: 4, Total: 8, Bases: []Basis{unsized, unsized}, Body: []byte("ops")}
	check("part", AppendPart(nil, part), func(b []byte) (any, error) { return ParsePart(b) }, part)
	file := File{Index: 70000, Content: []byte("content")}
	check("file", AppendFile(nil, file), func(b []byte) (any, error) { return ParseFile(b) }, file)
	ss := []Storing{{4, Stored}, {2, Resend}}
	check("stored", AppendStored(nil, ss), func(b []byte) (any, error) { return ParseStored(b) }, ss)
	rs := []Rebuilt{{7, 1200 * time.Millisecond}, {3, 0}, {4, maxRebuild * time.Millisecond}}
	check("rebuilt", AppendRebuilt(nil, rs...), func(b []byte) (any, error) { return ParseRebuilt(b) }, rs)
	l := manifest.List{{Path: "a", Kind: manifest.File, Size: 1}, {Path: "b", Kind: manifest.Dir}}
	check("list", AppendList(nil, 12, l), func(b []byte) (any, error) {
		first, l, err := ParseList(b, 10)
		return []any{first, l}, err
	}, []any{12, l})
	check("unsettled", AppendUnsettled(nil, 3, 10, []byte{0xaa, 2}), func(b []byte) (any, error) {
		first, n, bits, err := ParseUnsettled(b)
		return []any{first, n, bits}, err
	}, []any{3, 10, []byte{0xaa, 2}})
}

func TestZstdFrames(t *testing.T) {
	enc, err := NewZstdEncoder(zstd.SpeedDefault)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	plain := AppendFile(nil, File{1, bytes.Repeat([]byte("text "), 10_000)})
	plain = AppendFile(plain, File{2, []byte("end")})
	body := AppendZstd(AppendFrame(nil, FrameCommit, []byte("{}")), enc, plain)
	body = AppendFrame(body, FrameOpen, []byte("[]"))
	if len(body) > 1000 {
		t.Errorf("%d bytes", len(body))
	}
	for _, r := range []io.Reader{bytes.NewReader(body), iotest.OneByteReader(bytes.NewReader(body))} {
		var types []FrameType
		fr := NewReader(r)
		for {
			f, err := fr.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			types = append(types, f.Type)
		}
		if want := []FrameType{FrameCommit, FrameFile, FrameFile, FrameOpen}; !cmp.Equal(types, want) {
			t.Errorf("frames %v", types)
		}
	}
}

// TestBombsAreRefused sends zstd frames that promise, or make, more than they
// may (threats, row 28).
func TestBombsAreRefused(t *testing.T) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer enc.Close()
	zeros := enc.EncodeAll(make([]byte, MaxPlain+1), nil)
	for name, payload := range map[string][]byte{
		"too much":        append([]byte{0x81, 0x80, 0x80, 0x08}, zeros...),
		"more than said":  append([]byte{100}, zeros...),
		"less than said":  append([]byte{0x80, 0x01}, enc.EncodeAll([]byte("x"), nil)...),
		"promise":         {0xff, 0xff, 0x3f},
		"nested":          append([]byte{3}, enc.EncodeAll([]byte{byte(FrameZstd), 1, 0}, nil)...),
		"no zstd":         []byte("\x05hello"),
		"frame cut short": append([]byte{2}, enc.EncodeAll([]byte{byte(FrameFile), 9}, nil)...),
	} {
		r := NewReader(bytes.NewReader(AppendFrame(nil, FrameZstd, payload)))
		if _, err := r.Next(); !errors.Is(err, ErrBadFrame) {
			t.Errorf("%s: error %v, want ErrBadFrame", name, err)
		}
	}
}

// TestAbsurdLengths reads frames that promise much and hold little, and frames
// whose decoder would need much: what is not there is not allocated (threats, rows
// 27 and 28).
func TestAbsurdLengths(t *testing.T) {
	const most = 2 << 20 // bytes; a decoder of zstd takes some of it
	wide := &bytes.Buffer{}
	enc, err := zstd.NewWriter(wide, zstd.WithWindowSize(2*zstdWindow))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // in pieces, so that the frame does not say its size
		if _, err := enc.Write(make([]byte, 100_000)); err != nil {
			t.Fatal(err)
		}
		if err := enc.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := enc.Close(); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{
		"a frame of 64 MiB":       []byte("\x06\xff\xff\xff\x1f"),
		"a frame beyond 64 MiB":   []byte("\x06\xff\xff\xff\xff\xff\xff\x1f"),
		"16 MiB from a few bytes": AppendFrame(nil, FrameZstd, append([]byte{0x80, 0x80, 0x80, 0x08}, enc.EncodeAll([]byte("few"), nil)...)),
		"a window of 16 MiB":      AppendFrame(nil, FrameZstd, append([]byte{0xc0, 0x9a, 0x0c}, wide.Bytes()...)),
		"a frame in such a zstd":  AppendFrame(nil, FrameZstd, []byte("\x02\x28\xb5\x2f\xfd\x00\xf0\x11\x00\x00\x06\xff")),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := NewReader(bytes.NewReader(body))
		_, err := r.Next()
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrBadFrame) {
			t.Errorf("%s: error %v, want ErrBadFrame", name, err)
		}
		if n := after.TotalAlloc - before.TotalAlloc; n > most {
			t.Errorf("%s: %d bytes allocated for %d", name, n, len(body))
		}
	}
}

func TestCodesHaveStatusAndExit(t *testing.T) {
	for code, want := range map[Code][2]int{
		CodeTokenInvalid: {401, 77}, CodeNotYetValid: {403, 77}, CodeTokenExpired: {401, 77}, CodeSessionExpired: {401, 77},
		CodeSourceDenied: {403, 77}, CodeTokenConsumed: {409, 77}, CodeTokenInUse: {409, 77}, CodeCallsExhausted: {429, 77},
		CodeParallel: {429, 75}, CodeFilesExhausted: {403, 77}, CodeBytesExhausted: {413, 77}, CodePathDenied: {403, 77},
		CodeVerbDenied: {403, 77}, CodeVisibilityDenied: {403, 77}, CodeExists: {409, 65}, CodeManifestMismatch: {409, 65},
		CodeContentMismatch: {409, 75}, CodeBadPath: {400, 64}, CodeTooLarge: {413, 75}, CodeNoSpace: {507, 75}, CodeBusy: {503, 75}, CodeNotFound: {404, 64},
		CodeDamaged: {500, 75}, "some_later_code": {500, 75},
	} {
		if got := [2]int{code.Status(), code.Exit()}; got != want {
			t.Errorf("%s: %v, want %v", code, got, want)
		}
	}
}

func TestErrorIsOneLine(t *testing.T) {
	e := Errorf(CodeExists, "already published")
	e.Paths, e.Total = []string{`"a"`, `"b\n"`}, 5
	if got, want := e.Error(), `already published: "a", "b\n" and 3 more (exists)`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if !errors.Is(e, &Error{Code: CodeExists}) || errors.Is(e, &Error{Code: CodeGap}) {
		t.Error("Is goes by the code")
	}
}

func TestTree(t *testing.T) {
	l := manifest.List{{Path: "d", Kind: manifest.Dir}, {Path: "d/f", Kind: manifest.File, Size: 1, Digest: digest("f")}}
	b := AppendTree(nil, 12, l)
	v, got, err := ParseTree(b, 10)
	if err != nil || v != 12 || !cmp.Equal(got, l) {
		t.Errorf("%d %v %s", v, err, cmp.Diff(l, got))
	}
	for n := range b {
		if _, _, err := ParseTree(b[:n], 10); err == nil {
			t.Errorf("the first %d bytes are taken", n)
		}
	}
}

// FuzzFrames reads any bytes as a body and every payload as what it may be.
func FuzzFrames(f *testing.F) {
	seeds, err := filepath.Glob(filepath.Join("..", "..", "testdata", "wire", "v1", "*.frames"))
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
	l := manifest.List{{Path: "a", Kind: manifest.Dir, MTime: 5e9 + 1}, {Path: "a/b", Kind: manifest.File, Size: 300}}
	f.Add(AppendOutline(AppendStats(AppendStats(nil, 0, l, true), 0, l, false), Outline{Groups: l.Groups(0)}))
	f.Add(AppendOutlined(nil, Outlined{Groups: []Standing{Stands, OtherStats}, HasRest: true, Rest: l}))
	f.Fuzz(func(t *testing.T, b []byte) {
		alloctest.Bounded(t, 48<<20+256*uint64(len(b)), func() { parseAll(b) })
	})
}

// parseAll reads frames and takes each for everything it might be.
func parseAll(b []byte) {
	r := NewReader(bytes.NewReader(b))
	for {
		fr, err := r.Next()
		if err != nil {
			return
		}
		_, _, _ = ParseList(fr.Payload, 100)
		_, _, _, _ = ParseUnsettled(fr.Payload)
		_, _ = ParseDigests(fr.Payload)
		_, _ = ParseVerdicts(fr.Payload)
		_, _ = ParseSign(fr.Payload)
		_, _ = ParseSignature(fr.Payload)
		_, _ = ParsePart(fr.Payload)
		_, _ = ParseFile(fr.Payload)
		_, _ = ParseStored(fr.Payload)
		_, _ = ParseRebuilt(fr.Payload)
		_, _, _ = ParseTree(fr.Payload, 100)
		_, _, _ = ParseWant(fr.Payload)
		_, _ = ParseOpen(fr.Payload)
		_, _ = ParseOpened(fr.Payload)
		_, _ = ParseCommit(fr.Payload)
		_, _ = ParseReceipt(fr.Payload, Receipt{})
		_, _ = ParseIncomplete(fr.Payload)
		_, _ = ParseOutline(fr.Payload)
		_, _ = ParseStats(fr.Payload)
		_, _ = ParseShort(fr.Payload)
		_, _ = ParseOutlined(fr.Payload, 100)
	}
}
