package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// goTar writes a tar of n members of which every mtime is made by when.
func goTar(t testing.TB, root string, n int, format tar.Format, when func(i int) time.Time) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		content := bytes.Repeat([]byte{byte(i), byte(i >> 8)}, 1+r.IntN(50))
		h := &tar.Header{
			Name: fmt.Sprintf("%sdir%d/file%d", root, i/10, i), Mode: 0o644, Size: int64(len(content)),
			ModTime: when(i), Uname: "root", Gname: "root", Format: format, Typeflag: tar.TypeReg,
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		w.Write(content)
	}
	w.Close()
	return b.Bytes()
}

// column returns the bytes of one column of v.
func columnOf(v *View, id column) []byte {
	for i := len(v.Segments) - v.Columns; i < len(v.Segments); i++ {
		if s := v.Segments[i]; v.Keys[i] == uint32(id)+1 {
			return plainOf(v)[s.Off:s.End()]
		}
	}
	return nil
}

// Fresh times everywhere cost about a byte a member and change nothing else.
func TestFreshTimes(t *testing.T) {
	const n = 1000
	r := rand.New(rand.NewPCG(3, 4))
	old := roundTrip(t, goTar(t, "p-1/", n, tar.FormatGNU, func(int) time.Time { return time.Unix(1.6e9, 0) }), verbatim{})
	now := int64(1.7e9)
	fresh := roundTrip(t, goTar(t, "p-2/", n, tar.FormatGNU, func(int) time.Time {
		now += r.Int64N(3)
		return time.Unix(now, 0)
	}), verbatim{})
	for id := range numColumns {
		a, b := columnOf(old, id), columnOf(fresh, id)
		if id == colTime {
			if len(b) > n+8 {
				t.Errorf("%d bytes of times for %d members", len(b), n)
			}
			continue
		}
		if !bytes.Equal(a, b) {
			t.Errorf("column %d differs: %d and %d bytes", id, len(a), len(b))
		}
	}
	if len(fresh.Recipe) > 64 {
		t.Errorf("recipe of %d bytes", len(fresh.Recipe))
	}
}

// Times with nanoseconds in pax records cost what the digits need.
func TestPaxTimes(t *testing.T) {
	const n = 500
	r := rand.New(rand.NewPCG(5, 6))
	v := roundTrip(t, goTar(t, "p/", n, tar.FormatPAX, func(i int) time.Time {
		return time.Unix(1.7e9+int64(i), r.Int64N(1e9))
	}), verbatim{})
	if f := columnOf(v, colFrac); len(f) > 4*n {
		t.Errorf("%d bytes of fractions", len(f))
	}
	if p := columnOf(v, colPatch); len(p) > 0 {
		t.Errorf("%d bytes of patches", len(p))
	}
	if p := columnOf(v, colPax); len(p) > 0 {
		t.Errorf("%d bytes of other pax values", len(p))
	}
}

// None of the usual writers needs patches.
func TestRegularWriters(t *testing.T) {
	for name, b := range fixtures(t) {
		if name == "python-stream.zip" {
			continue // force_zip64 for a small entry is not usual
		}
		v := roundTrip(t, b, verbatim{})
		if p := columnOf(v, colPatch); len(p) > 0 {
			t.Errorf("%s: %d bytes of patches: %q", name, len(p), p)
		}
	}
}

// Every length to which a tar can be cut.
func TestTruncatedTar(t *testing.T) {
	b := fixtures(t)["python-pax.tar"]
	for n := blockSize; n < 12<<10; n += 89 {
		if roundTrip(t, b[:n], verbatim{}) == nil {
			t.Fatalf("cut at %d: not taken apart", n)
		}
	}
}

func TestOddTars(t *testing.T) {
	gnu, pax := fixtures(t)["gnu.tar"], fixtures(t)["posix.tar"]
	patch := func(b []byte, at int, s string) []byte {
		b = bytes.Clone(b)
		copy(b[at:], s)
		return b
	}
	for name, b := range map[string][]byte{
		"two tars":               append(bytes.Clone(gnu), pax...),
		"no end":                 bytes.TrimRight(gnu, "\x00"),
		"trailing bytes":         append(bytes.Clone(gnu), "trailing"...),
		"bytes after the name":   patch(gnu, 60, "X"),
		"odd padding":            patch(gnu, 3*blockSize-1, "X"),
		"many zeros":             append(bytes.Clone(gnu), make([]byte, maxZeros+blockSize+7)...),
		"special header at end":  pax[:2*blockSize],
		"two special headers":    append(bytes.Clone(pax[:2*blockSize]), pax...),
		"only a header":          gnu[:blockSize],
		"special without member": append(bytes.Clone(pax[:2*blockSize]), make([]byte, 1024)...),
	} {
		if name == "bytes after the name" || name == "odd padding" {
			if roundTrip(t, b, verbatim{}) != nil && isHeader((*[blockSize]byte)(b)) && name != "odd padding" {
				t.Error(name, "has a wrong checksum")
			}
			continue
		}
		if roundTrip(t, b, verbatim{}) == nil {
			t.Error(name, "not taken apart")
		}
	}
}

// Headers of any form come back, and cost at most a patch.
func TestHeaderFields(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b, back [blockSize]byte
		for i := range b {
			b[i] = rapid.SampledFrom([]byte("\x00\x000017 /a\x80\xff")).Draw(t, "byte")
		}
		tmpl, size, mtime := takeTemplate(&b, &template{})
		tmpl.block(&back, b[:nameLen], b[prefixOff:prefixOff+prefixLen], b[linkOff:linkOff+linkLen], size, mtime)
		w := sparseWriter{id: colPatch}
		var cols columnSet
		w.patch(&cols, back[:], b[:])
		c := newColumnReaders(bytes.NewReader(cols[colPatch]), 0, [numColumns]int64{colPatch: int64(len(cols[colPatch]))})
		r := sparseReader{id: colPatch}
		r.patch(c, back[:])
		if c.err != nil || back != b {
			t.Fatalf("%v: header differs", c.err)
		}
	})
}

func TestFieldStyles(t *testing.T) {
	for _, f := range []string{"00000001234\x00", "0000001234 \x00", "00000001234 ", "000000001234", "\x80\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x9c", "       1234 ", "       1234\x00"} {
		v, style := parseField([]byte(f), styleDigitsNul, numberStyles)
		back := make([]byte, len(f))
		putField(back, v, style)
		if v != 0o1234 || string(back) != f {
			t.Errorf("%q: %o in style %d gives %q", f, v, style, back)
		}
	}
}

// Long names as writers split them.
func TestSplitNames(t *testing.T) {
	long := strings.Repeat("d/", 60) + strings.Repeat("n", 60)
	name, prefix := splitLongest.fields([]byte(long))
	if len(prefix) != 119 || string(prefix)+"/"+string(name) != long {
		t.Errorf("longest: %q %q", prefix, name)
	}
	name, prefix = splitShortest.fields([]byte(long))
	if len(name) > nameLen || len(name) < nameLen-1 || string(prefix)+"/"+string(name) != long {
		t.Errorf("shortest: %q %q", prefix, name)
	}
	for _, format := range []tar.Format{tar.FormatUSTAR, tar.FormatPAX, tar.FormatGNU} {
		v := roundTrip(t, goTar(t, strings.Repeat("d/", 49)+"dd", 5, format, func(int) time.Time { return time.Unix(0, 0) }), verbatim{})
		if p := columnOf(v, colPatch); len(p) > 0 {
			t.Errorf("%v: %d bytes of patches", format, len(p))
		}
	}
}

func TestPaxStamps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{0,20})?`).Draw(t, "value")
		mtime := uint64(rapid.Int64().Draw(t, "mtime"))
		var cols columnSet
		putStamp(&cols, []byte(s), mtime)
		var sizes [numColumns]int64
		var all []byte
		for i, b := range cols {
			sizes[i] = int64(len(b))
			all = append(all, b...)
		}
		c := newColumnReaders(bytes.NewReader(all), 0, sizes)
		if got := c.stamp(nil, mtime, 100); c.err != nil || string(got) != s {
			t.Fatalf("%q came back as %q: %v", s, got, c.err)
		}
	})
}
