package deflate

import (
	"bytes"
	"context"
	"io"
	"slices"
	"testing"
)

const benchSize = 4 << 20

func benchModels() []Model {
	return []Model{newModel(zlibFamily, 1), newModel(zlibFamily, 6), newModel(zlibFamily, 9),
		newModel(gzipFamily, 9), newModel(knuthFamily, 9), newModel(goFamily, 6)}
}

func BenchmarkDecode(b *testing.B) {
	stream := encode(b, newModel(zlibFamily, 6), text(1, benchSize))
	b.SetBytes(benchSize)
	var d decoder
	seg, spare := &segment{}, &segment{}
	for b.Loop() {
		d.reset(bytes.NewReader(stream), DefaultLimits())
		seg.begin(nil)
		for d.segment(seg) == nil && !seg.last {
			spare.begin(seg)
			seg, spare = spare, seg
		}
	}
}

func BenchmarkSplit(b *testing.B) {
	plain := text(1, benchSize)
	for _, m := range benchModels() {
		stream := encode(b, m, plain)
		for name, opts := range map[string][]Option{"": {WithModel(m)}, "/sampled": {WithModel(m), Sampled(SampleSize)}} {
			b.Run(m.String()+name, func(b *testing.B) {
				s := NewSplitter(Limits{Workers: 1})
				b.SetBytes(benchSize)
				for b.Loop() {
					if _, _, err := s.Split(context.Background(), bytes.NewReader(stream), io.Discard, opts...); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

func BenchmarkJoin(b *testing.B) {
	plain := text(1, benchSize)
	for _, m := range benchModels() {
		stream := encode(b, m, plain)
		_, recipe := roundTrip(b, stream, WithModel(m))
		for _, guided := range []bool{false, true} {
			name := m.String()
			if guided {
				name += "/guided"
			}
			b.Run(name, func(b *testing.B) {
				j := NewJoiner(Limits{Workers: 1})
				b.SetBytes(benchSize)
				for b.Loop() {
					var guide *Guide
					if guided {
						guide = &Guide{Old: bytes.NewReader(stream), Recipe: recipe,
							Copies: slices.Values([]Copy{{0, 0, benchSize / 2}, {benchSize / 2, benchSize / 2, benchSize / 2}})}
					}
					if err := j.Join(context.Background(), io.Discard, bytes.NewReader(plain), recipe, guide); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
