package archive

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/compress/flate"
)

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
