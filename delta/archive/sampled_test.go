package archive

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/flate"
)

// What samples of an archive take to be searched is told, and is about what all of it
// takes, for each byte.
func TestSampleTellsSteps(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	r := rand.New(rand.NewPCG(5, 6))
	for range 100_000 {
		fmt.Fprintf(w, "line %d of %d words, ", r.IntN(1000), r.IntN(50))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	steps := func(takeApart func(context.Context, io.ReaderAt, int64, Spool, Limits) (*View, error)) (perByte float64, looked int64) {
		v, err := takeApart(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), &memSpool{}, DefaultLimits())
		if err != nil {
			t.Fatal(err)
		}
		return float64(v.Steps) / float64(v.Looked), v.Looked
	}
	sampled, few := steps(Sample)
	all, plain := steps(Analyse)
	if few > plain/4 || sampled < all*0.8 || sampled > all*1.25 || all < 0.1 {
		t.Errorf("%.2f steps for each of %d bytes, of all %d %.2f", sampled, few, plain, all)
	}
}

// An encoder that no model fits makes Sample look at every entry of a zip: a sample
// would show nothing but that all are to be corrected.
func TestSampleOfUnknownEncoder(t *testing.T) {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	w.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, 7) })
	r := rand.New(rand.NewPCG(5, 5))
	for i := range 150 {
		f, err := w.CreateHeader(&zip.FileHeader{Name: fmt.Sprintf("file%d", i), Method: zip.Deflate})
		if err != nil {
			t.Fatal(err)
		}
		for range 300 {
			fmt.Fprintf(f, "line %d of %d words, ", r.IntN(1000), r.IntN(50))
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var s memSpool
	v, err := Sample(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), &s, DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	var back bytes.Buffer
	if err := Rebuild(t.Context(), &s, v.PlainSize, v.Recipe, &back, DefaultLimits(), nil); err != nil || !bytes.Equal(back.Bytes(), b.Bytes()) {
		t.Errorf("the zip did not come back: %v", err)
	}
}
