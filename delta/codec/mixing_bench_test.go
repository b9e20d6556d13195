package codec

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// mixSources is the text of this package: two thirds to be known, the rest to be
// coded.
func mixSources(b *testing.B) (known, text []byte) {
	names, err := filepath.Glob("*.go")
	if err != nil || len(names) == 0 {
		b.Fatalf("no sources (error %v)", err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		known = append(known, content...)
	}
	n := len(known) * 2 / 3
	return known[:n], known[n:]
}

func BenchmarkMixRead(b *testing.B) {
	known, _ := mixSources(b)
	var m mixModel
	b.SetBytes(int64(len(known)))
	for b.Loop() {
		m.reset(len(known))
		m.read(known)
	}
}

func BenchmarkMixEncode(b *testing.B) {
	_, text := mixSources(b)
	var m mixModel
	var coded []byte
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		m.reset(len(text))
		r := newRangeEncoder(coded[:0])
		m.literal(r, text)
		coded = r.finish(0)
	}
	b.ReportMetric(float64(len(coded))/float64(len(text)), "coded/byte")
}

func BenchmarkMixDecode(b *testing.B) {
	_, text := mixSources(b)
	var m mixModel
	m.reset(len(text))
	r := newRangeEncoder(nil)
	m.literal(r, text)
	coded, got := r.finish(0), make([]byte, len(text))
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		m.reset(len(text))
		m.literal(newRangeDecoder(coded), got)
	}
	if !bytes.Equal(got, text) {
		b.Fatal("the text did not come back")
	}
}
