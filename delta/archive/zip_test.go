package archive

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// goZip writes a zip of n entries with data descriptors and Unix times.
func goZip(t testing.TB, root string, n int, when func(i int) time.Time) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := range n {
		h := &zip.FileHeader{Name: fmt.Sprintf("%sdir%d/file%d", root, i/10, i), Method: zip.Deflate, Modified: when(i)}
		f, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(f, "content of %d %s", i, strings.Repeat("x", i%100))
	}
	w.Close()
	return b.Bytes()
}

// Fresh times cost about a byte an entry, though a zip has each four times.
func TestFreshZipTimes(t *testing.T) {
	const n = 1000
	r := rand.New(rand.NewPCG(1, 2))
	now := int64(1.7e9)
	v := roundTrip(t, goZip(t, "m@v1.2.3/", n, func(int) time.Time {
		now += r.Int64N(3)
		return time.Unix(now, 0)
	}), verbatim{})
	if b := columnOf(v, colTime); len(b) > n+8 {
		t.Errorf("%d bytes of times for %d entries", len(b), n)
	}
	for _, b := range columnOf(v, colSpecial)[8:] {
		if b != 0 {
			t.Fatal("times that follow from others are coded")
		}
	}
	if p := columnOf(v, colPatch); len(p) > 0 {
		t.Errorf("%d bytes of patches", len(p))
	}
	if p := columnOf(v, colPacked); len(p) > 0 {
		t.Errorf("compressed sizes are coded: %d bytes", len(p))
	}
}

// Any zip of any entries comes back.
func TestZipEntries(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		if rapid.Bool().Draw(t, "prefix") {
			b.WriteString("prefix")
			w.SetOffset(int64(b.Len()))
		}
		for i := range rapid.IntRange(0, 8).Draw(t, "entries") {
			h := &zip.FileHeader{
				Name:    fmt.Sprint("r/", i, rapid.StringN(0, 4, 9).Draw(t, "name")),
				Method:  rapid.SampledFrom([]uint16{zip.Store, zip.Deflate}).Draw(t, "method"),
				Comment: rapid.StringN(0, 3, 9).Draw(t, "comment"),
				Extra:   rapid.SliceOfN(rapid.Byte(), 0, 12).Draw(t, "extra"),
			}
			if rapid.Bool().Draw(t, "time") {
				h.Modified = time.Unix(rapid.Int64Range(0, 1<<32).Draw(t, "secs"), 0)
			}
			content := rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(t, "content")
			if h.Method == zip.Store && rapid.Bool().Draw(t, "raw") {
				h.CompressedSize64, h.UncompressedSize64 = uint64(len(content)), uint64(len(content))
				h.CRC32 = rapid.Uint32().Draw(t, "crc")
				if f, err := w.CreateRaw(h); err == nil {
					f.Write(content)
				}
				continue
			}
			if f, err := w.CreateHeader(h); err == nil {
				f.Write(content)
			}
		}
		w.SetComment(rapid.StringN(0, 9, 20).Draw(t, "comment"))
		w.Close()
		roundTripRapid(t, b.Bytes())
	})
}

func TestOddZips(t *testing.T) {
	z := fixtures(t)["infozip.zip"]
	e := expander{ctx: t.Context(), lim: DefaultLimits(), src: bytes.NewReader(z), size: int64(len(z))}
	d, err := e.directory()
	if err != nil {
		t.Fatal(err)
	}
	first, second := int(d.entries[1].at), int(d.entries[2].at)
	dir := int(d.at)
	edit := func(f func(b []byte) []byte) []byte { return f(bytes.Clone(z)) }
	for name, c := range map[string]struct {
		b  []byte
		ok bool
	}{
		"bytes before the directory": {edit(func(b []byte) []byte {
			b = append(b[:dir:dir], append([]byte("APK Sig Block 42"), b[dir:]...)...)
			at := bytes.LastIndex(b, []byte(zipEnd)) + 16
			binary.LittleEndian.PutUint32(b[at:], uint32(dir+16))
			return b
		}), true},
		"trailing bytes": {append(bytes.Clone(z), "trailing"...), true},
		"other order": {edit(func(b []byte) []byte {
			n := zipCentralLen + recordVar(b[dir+first:])
			rec := bytes.Clone(b[dir+first : dir+first+n])
			m := zipCentralLen + recordVar(b[dir+second:])
			copy(b[dir+first:], b[dir+second:dir+second+m])
			copy(b[dir+first+m:], rec)
			return b
		}), true},
		"wrong crc": {edit(func(b []byte) []byte {
			b[dir+first+16] ^= 1
			return b
		}), true},
		"encrypted": {edit(func(b []byte) []byte {
			b[dir+first+8] |= 1
			return b
		}), true},
		"overlapping": {edit(func(b []byte) []byte {
			copy(b[dir+second+42:dir+second+46], b[dir+first+42:])
			return b
		}), false},
		"too long an entry": {edit(func(b []byte) []byte {
			b[dir+first+22] = 1
			return b
		}), false},
		"no directory": {z[:dir], false},
		"two names": {edit(func(b []byte) []byte {
			b[dir+first+zipCentralLen] ^= 1
			return b
		}), false},
		"empty": {[]byte(zipEnd + strings.Repeat("\x00", 18)), true},
	} {
		if v := roundTrip(t, c.b, verbatim{}); (v != nil) != c.ok {
			t.Errorf("%s: taken apart %v, want %v", name, v != nil, c.ok)
		} else if v != nil {
			checkReplay(t, c.b, v)
		}
	}
}

// Entries that share their bytes, as in a zip bomb, stop at the second.
func TestOverlappingEntries(t *testing.T) {
	z := goZip(t, "", 1, func(int) time.Time { return time.Time{} })
	end := bytes.LastIndex(z, []byte(zipEnd))
	dir := int(binary.LittleEndian.Uint32(z[end+16:]))
	const n = 1000
	b := append(bytes.Clone(z[:dir]), bytes.Repeat(z[dir:end], n)...)
	b = append(b, z[end:]...)
	tail := b[len(b)-zipEndLen:]
	copy(tail[8:], endNumbers(n, n*(end-dir), int64(dir)))
	w := &witness{t: t}
	_, err := expand(t.Context(), bytes.NewReader(b), int64(len(b)), &memSpool{}, DefaultLimits(), w)
	if !errors.Is(err, ErrNotArchive) || w.splits != 0 {
		t.Errorf("%d streams taken apart: %v", w.splits, err)
	}
}

// A directory may claim more than it has.
func TestLyingZipEnd(t *testing.T) {
	end := append([]byte("PK\x03\x04"+zipEnd), make([]byte, 18)...)
	for _, f := range []struct{ count, size, off uint32 }{{65535, 1, 0}, {1, 0xffffffff, 0}, {1, 46, 0xffffffff}, {2, 4, 0}} {
		b := bytes.Clone(end)
		binary.LittleEndian.PutUint16(b[14:], uint16(f.count))
		binary.LittleEndian.PutUint32(b[16:], f.size)
		binary.LittleEndian.PutUint32(b[20:], f.off)
		_, err := expand(t.Context(), bytes.NewReader(b), int64(len(b)), &memSpool{}, DefaultLimits(), verbatim{})
		if !errors.Is(err, ErrNotArchive) {
			t.Errorf("%+v: %v", f, err)
		}
	}
}

func TestDOSTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secs := rapid.Int64Range(315532800/2, 4354819198/2).Draw(t, "secs") * 2
		when := time.Unix(secs, 0).UTC()
		want := uint32(when.Year()-1980)<<25 | uint32(when.Month())<<21 | uint32(when.Day())<<16 |
			uint32(when.Hour())<<11 | uint32(when.Minute())<<5 | uint32(when.Second()/2)
		back, ok := dosSeconds(want)
		if dosTime(secs) != want || back != secs || !ok {
			t.Fatalf("%v: %#x, want %#x; %d, want %d", when, dosTime(secs), want, back, secs)
		}
	})
	for _, dos := range []uint32{0, 0xffffffff, 1<<21 | 31<<16 | 30} {
		if _, ok := dosSeconds(dos); ok {
			t.Errorf("%#x taken for a time", dos)
		}
	}
}
