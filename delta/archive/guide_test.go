package archive

import (
	"archive/tar"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// witness is a verbatim that counts streams joined and checks that what a guide
// says is true.
type witness struct {
	verbatim
	t      testing.TB
	splits int
	joined int
	copied int64
}

func (w *witness) split(ctx context.Context, r *io.SectionReader, plain io.Writer) ([]byte, int64, error) {
	w.splits++
	return w.verbatim.split(ctx, r, plain)
}

func (w *witness) join(ctx context.Context, out io.Writer, plain io.Reader, recipe []byte, g *guideOfStream) error {
	w.joined++
	b, err := io.ReadAll(plain)
	if err != nil {
		return err
	}
	if g != nil {
		old, err := io.ReadAll(flate.NewReader(g.Old))
		if err != nil {
			w.t.Error("old stream:", err)
		}
		at := int64(0)
		for c := range g.Copies {
			if c.New < at {
				w.t.Errorf("copies do not ascend at %d", c.New)
			}
			at = c.New + c.Len
			if at > int64(len(b)) || c.Old+c.Len > int64(len(old)) || !bytes.Equal(b[c.New:at], old[c.Old:c.Old+c.Len]) {
				w.t.Errorf("no copy: %+v", c)
			}
			w.copied += c.Len
		}
	}
	return w.verbatim.join(ctx, out, bytes.NewReader(b), recipe, g)
}

// copiesOf finds segments of v in old by content.
func copiesOf(v, old *View) (cs []Copy) {
	at := map[string]int64{}
	for _, s := range old.Segments {
		at[string(plainOf(old)[s.Off:s.End()])] = s.Off
	}
	for _, s := range v.Segments {
		if o, ok := at[string(plainOf(v)[s.Off:s.End()])]; ok {
			cs = append(cs, Copy{New: s.Off, Old: o, Len: s.Len})
		}
	}
	return cs
}

func guidedRebuild(t *testing.T, b, old []byte) *witness {
	t.Helper()
	v, o := roundTrip(t, b, verbatim{}), roundTrip(t, old, verbatim{})
	w := &witness{t: t}
	j, err := newRebuilder(t.Context(), v.Plain, v.PlainSize, v.Recipe, DefaultLimits(), w)
	if err != nil {
		t.Fatal(err)
	}
	g := &Guide{
		Basis: bytes.NewReader(old), BasisSize: int64(len(old)),
		BasisPlain: o.Plain, BasisPlainSize: o.PlainSize, BasisRecipe: o.Recipe,
		Copies: copiesOf(v, o),
	}
	if err := j.follow(g, v.Recipe); err != nil {
		t.Fatal(err)
	}
	if j.guide == nil {
		t.Fatal("guide not followed")
	}
	var out bytes.Buffer
	if err := j.run(&out); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), b) {
		t.Fatal("guided rebuild differs")
	}
	return w
}

// Unchanged zip entries are copied, not deflated again.
func TestGuidedZip(t *testing.T) {
	when := func(int) time.Time { return time.Unix(1.7e9, 0) }
	for _, name := range []string{"infozip.zip", "python.zip", "prefixed.zip", "infozip-stream.zip"} {
		b := fixtures(t)[name]
		if w := guidedRebuild(t, b, b); w.joined > 1 {
			t.Errorf("%s: %d streams joined, want none but an empty one", name, w.joined)
		}
	}
	b, old := goZip(t, "m@v1.2.4/", 60, when), goZip(t, "m@v1.2.3/", 50, when)
	if w := guidedRebuild(t, b, old); w.joined != 10 {
		t.Errorf("%d streams joined, want the 10 new ones", w.joined)
	}
}

// In a tar.gz the copies of contents become copies in the tar stream, and
// equal headers between them are copies too.
func TestGuidedTar(t *testing.T) {
	zipped := func(b []byte) []byte {
		var out bytes.Buffer
		w := gzip.NewWriter(&out)
		w.Write(b)
		w.Close()
		return out.Bytes()
	}
	same := func(int) time.Time { return time.Unix(1.7e9, 0) }
	fresh := func(i int) time.Time { return time.Unix(1.8e9+int64(i), 0) }
	old := goTar(t, "p/", 100, tar.FormatGNU, same)
	more := goTar(t, "p/", 120, tar.FormatGNU, same)
	if w := guidedRebuild(t, zipped(more), zipped(old)); w.copied < int64(len(old))*9/10-10240 {
		t.Errorf("%d of %d bytes copied", w.copied, len(old))
	}
	if w := guidedRebuild(t, zipped(goTar(t, "p/", 100, tar.FormatGNU, fresh)), zipped(old)); w.copied == 0 {
		t.Error("nothing copied")
	}
	deb := fixtures(t)["fixture.deb"]
	if w := guidedRebuild(t, deb, deb); w.copied < 15000 {
		t.Errorf("deb: %d bytes copied", w.copied)
	}
	raw := func(n int) []byte { return zipped([]byte(strings.Repeat(fmt.Sprint("line ", n, "\n"), 300))) }
	if w := guidedRebuild(t, raw(1), raw(1)); w.copied != 300*7 {
		t.Errorf("gzip: %d bytes copied", w.copied)
	}
}

// A guide that has nothing to do with the archive is ignored.
func TestForeignGuide(t *testing.T) {
	all, views := fixtures(t), map[string]*View{}
	for name, b := range all {
		views[name] = roundTrip(t, b, verbatim{})
	}
	for name, b := range all {
		for other, old := range all {
			v, o := views[name], views[other]
			var out bytes.Buffer
			j, err := newRebuilder(t.Context(), v.Plain, v.PlainSize, v.Recipe, DefaultLimits(), verbatim{})
			if err != nil {
				t.Fatal(err)
			}
			err = j.follow(&Guide{
				Basis: bytes.NewReader(old), BasisSize: int64(len(old)),
				BasisPlain: o.Plain, BasisPlainSize: o.PlainSize, BasisRecipe: o.Recipe[:len(o.Recipe)/2],
			}, v.Recipe)
			if err == nil {
				err = j.run(&out)
			}
			if err != nil || !bytes.Equal(out.Bytes(), b) {
				t.Fatalf("%s after %s: %v", name, other, err)
			}
		}
	}
}
