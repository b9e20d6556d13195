package archive

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// fixtures returns the archives in testdata by name.
func fixtures(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/*.*")
	if err != nil || len(files) < 15 {
		t.Fatalf("only %d fixtures: %v", len(files), err)
	}
	all := map[string][]byte{}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(f)] = b
	}
	return all
}

func formatOf(name string) Format {
	switch {
	case strings.HasSuffix(name, ".tar"):
		return Tar
	case strings.HasSuffix(name, ".zip"):
		return Zip
	case strings.HasSuffix(name, ".deb"):
		return Ar
	case strings.HasSuffix(name, ".tar.gz"), strings.HasSuffix(name, ".tgz"):
		return TarGzip
	}
	return Gzip
}

func TestFixtures(t *testing.T) {
	for name, b := range fixtures(t) {
		t.Run(name, func(t *testing.T) {
			v := roundTrip(t, b, verbatim{})
			if v == nil {
				t.Fatal("not taken apart")
			}
			if v.Format != formatOf(name) {
				t.Errorf("format %d", v.Format)
			}
			if v.Format != Gzip && v.Format != Zip && len(v.Segments)-v.Columns < 5 {
				t.Errorf("%d segments, %d columns", len(v.Segments), v.Columns)
			}
			checkReplay(t, b, v)
		})
	}
}

// checkReplay checks that the plain stream can be had again.
func checkReplay(t testing.TB, b []byte, v *View) {
	t.Helper()
	var s memSpool
	n, err := Replay(t.Context(), bytes.NewReader(b), int64(len(b)), v.Recipe, &s, DefaultLimits())
	if err != nil {
		t.Fatal("replay:", err)
	}
	if n != v.PlainSize || !bytes.Equal(s.b[:n], plainOf(v)) {
		t.Fatal("replayed plain stream differs")
	}
}

func plainOf(v *View) []byte { return v.Plain.(*memSpool).b[:v.PlainSize] }

// Any bytes come back: archives with a few bytes changed, cut or doubled.
func TestMutated(t *testing.T) {
	var all [][]byte
	for _, b := range fixtures(t) {
		all = append(all, b)
	}
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Clone(rapid.SampledFrom(all).Draw(t, "archive"))
		for range rapid.IntRange(0, 4).Draw(t, "changes") {
			at := rapid.IntRange(0, len(b)-1).Draw(t, "at")
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				b[at] ^= byte(rapid.IntRange(1, 255).Draw(t, "xor"))
			case 1:
				b = b[:at+1]
			case 2:
				b = append(b[:at:at], append([]byte{0, 1}, b[at:]...)...)
			case 3:
				b = append(b, b[at:]...)
			}
		}
		roundTripRapid(t, b)
	})
}

func TestRandom(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		head := rapid.SampledFrom([]string{"", "PK\x03\x04", "\x1f\x8b\x08\x00", arMagic, "PK\x05\x06"}).Draw(t, "head")
		roundTripRapid(t, append([]byte(head), rapid.SliceOfN(rapid.Byte(), 0, 2000).Draw(t, "bytes")...))
	})
}

func roundTripRapid(t *rapid.T, b []byte) {
	v, err := expand(context.Background(), bytes.NewReader(b), int64(len(b)), &memSpool{}, DefaultLimits(), verbatim{})
	if errors.Is(err, ErrNotArchive) {
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	// expand has compared the view with b.
	j, err := newRebuilder(context.Background(), v.Plain, v.PlainSize, v.Recipe, DefaultLimits(), verbatim{})
	var out bytes.Buffer
	if err == nil {
		err = j.run(&out)
	}
	if err != nil || !bytes.Equal(out.Bytes(), b) {
		t.Fatal("rebuilt archive differs:", err)
	}
}

// A view that does not come back is never returned: what breaks is left out.
func TestVerified(t *testing.T) {
	for name, b := range fixtures(t) {
		v, err := expand(t.Context(), bytes.NewReader(b), int64(len(b)), &memSpool{}, DefaultLimits(), liar{})
		if err != nil {
			if !errors.Is(err, ErrNotArchive) {
				t.Error(name, err)
			}
			continue
		}
		var out bytes.Buffer
		j, err := newRebuilder(t.Context(), v.Plain, v.PlainSize, v.Recipe, DefaultLimits(), liar{})
		if err == nil {
			err = j.run(&out)
		}
		if err != nil || !bytes.Equal(out.Bytes(), b) {
			t.Error(name, "differs", err)
		}
		if v.Format == Gzip || v.Format == TarGzip {
			t.Error(name, "cannot have come back")
		}
	}
}

// liar is a verbatim that joins streams of more than 60 bytes wrongly.
type liar struct{ verbatim }

func (l liar) join(ctx context.Context, w io.Writer, plain io.Reader, recipe []byte, g *guideOfStream) error {
	if len(recipe) > 60 {
		recipe = bytes.Clone(recipe)
		recipe[len(recipe)/2] ^= 1
	}
	return l.verbatim.join(ctx, w, plain, recipe, g)
}

func TestLimits(t *testing.T) {
	tar, zip := fixtures(t)["posix.tar"], fixtures(t)["infozip.zip"]
	for name, change := range map[string]func(*Limits){
		"plain":   func(l *Limits) { l.PlainSize = 1000 },
		"ratio":   func(l *Limits) { l.Ratio = 0 },
		"members": func(l *Limits) { l.Members = 5 },
		"columns": func(l *Limits) { l.ColumnBytes = 100 },
	} {
		for _, b := range [][]byte{tar, zip} {
			lim := DefaultLimits()
			change(&lim)
			if _, err := expand(t.Context(), bytes.NewReader(b), int64(len(b)), &memSpool{}, lim, verbatim{}); !errors.Is(err, ErrNotArchive) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// A bomb stops at the limit, before it fills the spool.
func TestBomb(t *testing.T) {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, 9)
	io.Copy(z, io.LimitReader(zeros{}, 8<<20))
	z.Close()
	lim := DefaultLimits()
	lim.Ratio = 50
	var s memSpool
	_, err := expand(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), &s, lim, verbatim{})
	if !errors.Is(err, ErrNotArchive) {
		t.Error(err)
	}
	if max := 50*b.Len() + spoolBuffer; len(s.b) > max {
		t.Errorf("%d bytes spooled, want at most %d", len(s.b), max)
	}
}

// Ten gigabytes of zeros, as 160 gzip members of one kind, stop at the limit too,
// and so does an archive of archives: what is inside a member is not looked into,
// however deep it goes (an archive that holds itself has no bottom).
func TestNestedBombs(t *testing.T) {
	gz := func(r io.Reader) []byte {
		var b bytes.Buffer
		z, _ := gzip.NewWriterLevel(&b, 9)
		io.Copy(z, r)
		z.Close()
		return b.Bytes()
	}
	lim := DefaultLimits()
	lim.PlainSize = 16 << 20
	var s memSpool
	b := bytes.Repeat(gz(io.LimitReader(zeros{}, 64<<20)), 160)
	if _, err := expand(t.Context(), bytes.NewReader(b), int64(len(b)), &s, lim, verbatim{}); !errors.Is(err, ErrNotArchive) {
		t.Error(err)
	}
	if len(s.b) > 16<<20+spoolBuffer {
		t.Errorf("%d bytes spooled of a bomb of 10 GB", len(s.b))
	}
	inner := gz(io.LimitReader(zeros{}, 4<<20))
	for range 5 {
		var o memSpool
		outer := gz(bytes.NewReader(inner))
		if _, err := expand(t.Context(), bytes.NewReader(outer), int64(len(outer)), &o, DefaultLimits(), verbatim{}); err != nil && !errors.Is(err, ErrNotArchive) {
			t.Error(err)
		}
		if len(o.b) > len(inner)+spoolBuffer {
			t.Errorf("%d bytes spooled of a gzip of %d bytes in a gzip", len(o.b), len(inner))
		}
		inner = outer
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// Errors of the source, the spool and the context are not taken for a bad
// archive.
func TestOutsideErrors(t *testing.T) {
	boom := errors.New("boom")
	for name, b := range fixtures(t) {
		size := int64(len(b))
		if _, err := expand(t.Context(), failingReader{bytes.NewReader(b), size / 2, boom}, size, &memSpool{}, DefaultLimits(), verbatim{}); !errors.Is(err, boom) {
			t.Error(name, "source:", err)
		}
		if _, err := expand(t.Context(), bytes.NewReader(b), size, &failingSpool{err: boom}, DefaultLimits(), verbatim{}); !errors.Is(err, boom) {
			t.Error(name, "spool:", err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := expand(ctx, bytes.NewReader(b), size, &memSpool{}, DefaultLimits(), verbatim{}); !errors.Is(err, context.Canceled) {
			t.Error(name, "context:", err)
		}
	}
}

type failingReader struct {
	r   io.ReaderAt
	at  int64
	err error
}

func (f failingReader) ReadAt(p []byte, off int64) (int, error) {
	if off+int64(len(p)) > f.at {
		return 0, f.err
	}
	return f.r.ReadAt(p, off)
}

type failingSpool struct {
	memSpool
	err error
}

func (f *failingSpool) WriteAt([]byte, int64) (int, error) { return 0, f.err }
