package walk

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// fillTree makes a tree of n small files, fifty to a directory.
func fillTree(t testing.TB, dir string, n int) {
	t.Helper()
	for i := range n {
		d := filepath.Join(dir, fmt.Sprintf("module-%03d", i/2500), "some", "package", fmt.Sprintf("dir%02d", i/50%50))
		if i%50 == 0 {
			if err := os.MkdirAll(d, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.WriteFile(filepath.Join(d, fmt.Sprintf("source-file-%02d.go", i%50)), []byte("x"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkWalk(b *testing.B) {
	for _, n := range []int{20_000, 100_000} {
		dir := b.TempDir()
		fillTree(b, dir, n)
		for _, parallel := range []int{1, 2, 4, 8} {
			b.Run(fmt.Sprintf("files=%d/parallel=%d", n, parallel), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					t, err := Walk(b.Context(), Options{Sources: []Source{{Dir: dir}}, Parallel: parallel})
					if err != nil {
						b.Fatal(err)
					}
					t.Close()
				}
			})
		}
	}
}
