package archive

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
)

// goGzip writes one gzip member.
func goGzip(plain []byte, h gzip.Header) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Header = h
	w.Write(plain)
	w.Close()
	return b.Bytes()
}

func TestOddGzips(t *testing.T) {
	tar := fixtures(t)["gnu.tar"]
	plain := goGzip([]byte("plain"), gzip.Header{})
	whole := goGzip(tar, gzip.Header{Name: "x.tar", Comment: "comment", Extra: []byte("extra")})
	split := append(goGzip(tar[:1000], gzip.Header{}), goGzip(tar[1000:], gzip.Header{})...)
	edit := func(b []byte, at int) []byte {
		b = bytes.Clone(b)
		b[at] ^= 1
		return b
	}
	broken := append(bytes.Clone(plain), plain...)
	broken[len(plain)+10] = 7 // a reserved block type
	for name, c := range map[string]struct {
		b      []byte
		format Format
	}{
		"every header field":       {whole, TarGzip},
		"a tar in two members":     {split, TarGzip},
		"wrong crc":                {edit(plain, len(plain)-8), Gzip},
		"wrong length":             {edit(plain, len(plain)-1), Gzip},
		"trailer cut":              {plain[:len(plain)-3], Gzip},
		"empty":                    {goGzip(nil, gzip.Header{}), Gzip},
		"zeros after":              {append(bytes.Clone(plain), make([]byte, 512)...), Gzip},
		"header after":             {append(bytes.Clone(plain), plain[:10]...), Gzip},
		"broken second member":     {broken, Gzip},
		"stream cut":               {whole[:len(whole)/2], Bytes},
		"header only":              {plain[:10], Bytes},
		"unending name":            {append([]byte("\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x00"), bytes.Repeat([]byte("n"), 70000)...), Bytes},
		"a gzip in a gzip is raw":  {goGzip(whole, gzip.Header{}), Gzip},
		"tar with something after": {append(bytes.Clone(whole), "signature"...), TarGzip},
	} {
		got := Bytes
		v := roundTrip(t, c.b, verbatim{})
		if v != nil {
			got = v.Format
			checkReplay(t, c.b, v)
		}
		if got != c.format {
			t.Errorf("%s: format %d, want %d", name, got, c.format)
		}
	}
}

// Many small members, as bgzip writes them.
func TestManyGzipMembers(t *testing.T) {
	var b []byte
	for i := range 500 {
		b = append(b, goGzip(binary.AppendUvarint(nil, uint64(i)), gzip.Header{})...)
	}
	v := roundTrip(t, b, verbatim{})
	if v == nil || v.PlainSize > 1000 {
		t.Fatal("not taken apart")
	}
	if len(v.Recipe) > len(b)*3/5 {
		t.Errorf("equal headers and right trailers are in the recipe: %d bytes of %d", len(v.Recipe), len(b))
	}
}

// One member of an ar that does not come back stays as it is; the others do not
// suffer.
func TestBrokenDeb(t *testing.T) {
	deb := bytes.Clone(fixtures(t)["fixture.deb"])
	at := bytes.LastIndex(deb, []byte("\x1f\x8b\x08"))
	deb[at+10] |= 6 // a reserved block type
	v := roundTrip(t, deb, verbatim{})
	if v == nil {
		t.Fatal("not taken apart")
	}
	checkReplay(t, deb, v)
	if !bytes.Contains(plainOf(v), []byte("Package: fixture\n")) {
		t.Error("control.tar.gz was not taken apart")
	}
	if !bytes.Contains(plainOf(v), deb[at:len(deb)-1]) {
		t.Error("data.tar.gz is not there as it is")
	}
}

// The whole way with the models of package deflate.
func TestWithModels(t *testing.T) {
	for name, b := range fixtures(t) {
		lim := DefaultLimits()
		var s memSpool
		v, err := Expand(t.Context(), bytes.NewReader(b), int64(len(b)), &s, lim)
		if err != nil {
			t.Error(name, err)
			continue
		}
		var out bytes.Buffer
		err = Rebuild(t.Context(), v.Plain, v.PlainSize, v.Recipe, &out, lim, &Guide{
			Basis: bytes.NewReader(b), BasisSize: int64(len(b)),
			BasisPlain: v.Plain, BasisPlainSize: v.PlainSize, BasisRecipe: v.Recipe,
			Copies: []Copy{{0, 0, v.PlainSize}},
		})
		if err != nil || !bytes.Equal(out.Bytes(), b) {
			t.Errorf("%s differs: %v", name, err)
		}
		if max := len(b)/10 + 150; len(v.Recipe) > max {
			t.Errorf("%s: recipe of %d bytes for %d", name, len(v.Recipe), len(b))
		}
	}
}

// A sampled view of what encoders really write is the view that was looked at in
// full.
func TestSampledViews(t *testing.T) {
	for name, b := range fixtures(t) {
		var s, full memSpool
		v, err := Sample(t.Context(), bytes.NewReader(b), int64(len(b)), &s, DefaultLimits())
		if err != nil {
			t.Error(name, err)
			continue
		}
		want, err := Expand(t.Context(), bytes.NewReader(b), int64(len(b)), &full, DefaultLimits())
		if err != nil {
			t.Fatal(name, err)
		}
		if !bytes.Equal(v.Recipe, want.Recipe) || v.PlainSize != want.PlainSize || !bytes.Equal(s.b[:v.PlainSize], full.b[:v.PlainSize]) {
			t.Errorf("%s: the sampled view differs", name)
		}
	}
}

// What is not the encoder's business is checked in a sampled view as well.
func TestSampledViewsAreVerified(t *testing.T) {
	st := newSampled(DefaultLimits(), 1<<20, 1000)
	var z bytes.Buffer
	w, err := flate.NewWriter(&z, 6)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(bytes.Repeat([]byte("some bytes "), 100)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	src := io.NewSectionReader(bytes.NewReader(z.Bytes()), 0, int64(z.Len()))
	recipe, _, err := st.split(t.Context(), src, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	var back bytes.Buffer
	if err := st.join(t.Context(), &back, strings.NewReader(strings.Repeat("some bytes ", 100)), recipe, nil); err != nil || !bytes.Equal(back.Bytes(), z.Bytes()) {
		t.Errorf("the stream did not come back: %v", err)
	}
	st.next = 0
	err = st.join(t.Context(), io.Discard, strings.NewReader("other bytes"), recipe, nil)
	if !errors.Is(err, ErrBadRecipe) {
		t.Errorf("other bytes were taken for the stream's: %v", err)
	}
}
