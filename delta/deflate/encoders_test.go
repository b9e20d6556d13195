package deflate

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// The streams in testdata were made by the encoders they are named for, from a
// made-up log with some noise and zeros in it. The models are frozen: none may
// ever get other corrections than today.
func TestRealEncoders(t *testing.T) {
	tests := []struct {
		file  string
		model Model // zero: unknown
		most  int   // bytes of recipe
	}{
		{"python-zlib-1", newModel(zlibFamily, 1), 3},
		{"python-zlib-6", newModel(zlibFamily, 6), 3},
		{"python-zlib-6-edges", newModel(zlibFamily, 6), 3}, // three-byte matches at distances around 4096
		{"python-zlib-9-mem9", newModel(zlibFamily, 9), 3},  // the same in so short a stream
		{"gzip-1", newModel(zlibFamily, 1), 3},              // as above
		{"gzip-4", newModel(zlibFamily, 4), 3},
		{"gzip-9", newModel(gzipFamily, 9), 3},
		{"pigz-2", newModel(zlibFamily, 2).withChunk(128), 6},
		{"pigz-6", newModel(zlibFamily, 6).withChunk(128), 6},
		{"node-1", newModel(knuthFamily, 1), 3},
		{"node-9", newModel(knuthFamily, 9), 3},
		{"go1.26-1", newModel(goFamily, 1), 3},
		{"go1.26-2", newModel(goFamily, 2), 3},
		{"go1.26-6", newModel(goFamily, 6), 3},
		{"go1.26-9", newModel(goFamily, 9), 3},
		{"7zip-5", 0, 800},
		{"libdeflate-6", 0, 515},
		{"zopfli", 0, 615},
	}
	files, err := filepath.Glob("testdata/*.deflate")
	if err != nil || len(files) != len(tests) {
		t.Fatalf("%d streams in testdata, want %d (%v)", len(files), len(tests), err)
	}
	for _, test := range tests {
		t.Run(test.file, func(t *testing.T) {
			_, recipe := roundTrip(t, fixture(t, test.file))
			info := describe(t, recipe)
			if test.model != 0 && (info.Model != test.model || !info.Exact) {
				t.Errorf("model %v, exact %v; want %v", info.Model, info.Exact, test.model)
			}
			if len(recipe) > test.most {
				t.Errorf("recipe of %d bytes, want at most %d", len(recipe), test.most)
			}
		})
	}
}

func fixture(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name + ".deflate")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The standard library of the toolchain at hand may be newer than the models;
// whatever it writes must be rebuilt.
func TestStandardLibrary(t *testing.T) {
	for level := -2; level <= 9; level++ {
		roundTrip(t, goEncode(t, level, mixture(1, 100_000)))
		if level < 4 {
			continue
		}
		// Long enough for Go to move its buffer, with matches from afar.
		_, recipe := roundTrip(t, goEncode(t, level, mixture(4, 500_000)), WithModel(newModel(goFamily, level)))
		if info := describe(t, recipe); strings.HasPrefix(runtime.Version(), "go1.26") && !info.Exact {
			t.Errorf("level %d: %d bytes of corrections", level, info.Corrections)
		}
	}
}

// What a model writes, it must recognise.
func TestModelsRecogniseThemselves(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := anyModel(rt)
		plain := mixture(rapid.Uint64().Draw(rt, "seed"), rapid.IntRange(0, 60_000).Draw(rt, "size"))
		stream := encode(t, m, plain)
		got, recipe := roundTrip(t, stream, WithModel(m))
		if len(got) != len(plain) {
			rt.Fatalf("%d plain bytes of %d", len(got), len(plain))
		}
		if info := describe(t, recipe); !info.Exact || info.Model != m {
			rt.Fatalf("model %v, exact %v; want %v", info.Model, info.Exact, m)
		}
	})
}

func anyModel(t *rapid.T) Model {
	level := rapid.IntRange(1, 9).Draw(t, "level")
	switch rapid.IntRange(0, 5).Draw(t, "family") {
	case 0:
		return newModel(gzipFamily, level)
	case 1:
		return newModel(goFamily, level)
	case 2:
		return newModel(crcFamily, level).withMemLevel(rapid.IntRange(1, 9).Draw(t, "memLevel"))
	case 3:
		return newModel(knuthFamily, level)
	case 4:
		return newModel(zlibFamily, level).withChunk(rapid.IntRange(1, 200).Draw(t, "chunk"))
	}
	m := newModel(zlibFamily, level).withMemLevel(rapid.IntRange(1, 9).Draw(t, "memLevel"))
	return m.withWindowBits(rapid.IntRange(9, 15).Draw(t, "windowBits"))
}
