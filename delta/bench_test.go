package delta_test

import (
	"archive/tar"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/delta"
)

const benchSize = 8 << 20

func BenchmarkSign(b *testing.B) {
	basis := randomBytes(1, benchSize)
	for _, block := range []int{256, 4096, 65536} {
		b.Run(fmt.Sprint(block), func(b *testing.B) {
			req := delta.Request{BlockSize: block, WeakBits: 29, StrongBits: 24, Ranges: []delta.Range{{Len: benchSize}}}
			b.SetBytes(benchSize)
			for b.Loop() {
				if _, err := delta.Sign(source(basis), req); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMatch goes over data that is all in the basis, that is in it but for a
// byte in 20,000, and of which nothing is, with the blocks of a first
// round and of a fine one. What real data there is comes from the machine: the
// Go sources as a tar and in a file system, and this test's executable.
func BenchmarkMatch(b *testing.B) {
	noise := randomBytes(1, benchSize)
	for _, data := range []struct {
		name  string
		basis []byte
	}{
		{"noise", noise},
		{"zeros", make([]byte, benchSize)},
		{"text", bytes.Repeat([]byte("a line of text that goes on and on\n"), benchSize/35)},
		{"tar", sourceTar(b)},
		{"elf", executable(b)},
		{"ext4", image(b)},
	} {
		if len(data.basis) == 0 {
			continue
		}
		scattered := bytes.Clone(data.basis)
		for i := 10_000; i < len(scattered); i += 20_000 {
			scattered[i] ^= 0x55
		}
		nothing := data.basis
		basisOfNothing := randomBytes(2, len(nothing))
		for _, block := range []int{0, 4096, 512} {
			name := fmt.Sprintf("%s/%d", data.name, block)
			benchmarkMatch(b, name+"/all", block, data.basis, data.basis)
			benchmarkMatch(b, name+"/scattered", block, data.basis, scattered)
			benchmarkMatch(b, name+"/nothing", block, basisOfNothing, nothing)
		}
	}
}

// benchmarkMatch matches src with the blocks of basis; block 0: those of a first
// round.
func benchmarkMatch(b *testing.B, name string, block int, basis, src []byte) {
	size := int64(len(basis))
	req := delta.FirstRequest(size, size)
	if block > 0 {
		req = delta.Request{BlockSize: block, WeakBits: 29, StrongBits: 24, Ranges: req.Ranges}
	}
	sig, err := delta.Sign(source(basis), req)
	if err != nil {
		b.Fatal(err)
	}
	b.Run(name, func(b *testing.B) {
		b.SetBytes(int64(len(src)))
		for b.Loop() {
			if err := delta.NewPlan(source(src), []int64{size}, delta.PlanOptions{}).Match(0, sig); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// sourceTar returns a tar of the sources of Go's standard library.
func sourceTar(b *testing.B) []byte {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Fatal(err)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if err := w.AddFS(os.DirFS(filepath.Join(strings.TrimSpace(string(root)), "src", "crypto"))); err != nil {
		b.Fatal(err)
	}
	return out.Bytes()
}

// image returns an ext4 file system with the same sources, or nothing where there
// is no mkfs.ext4.
func image(b *testing.B) []byte {
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		b.Fatal(err)
	}
	path := filepath.Join(b.TempDir(), "image")
	dir := filepath.Join(strings.TrimSpace(string(root)), "src", "crypto")
	if err := exec.Command("mkfs.ext4", "-q", "-d", dir, path, "24M").Run(); err != nil {
		return nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

func executable(b *testing.B) []byte {
	path, err := os.Executable()
	if err != nil {
		b.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		b.Fatal(err)
	}
	return data
}

// BenchmarkDiff compares files that differ in one place in 64 KiB.
func BenchmarkDiff(b *testing.B) {
	basis := randomBytes(1, benchSize)
	src := append([]byte(nil), basis...)
	for i := 0; i < len(src); i += 64 << 10 {
		src[i] ^= 1
	}
	b.SetBytes(benchSize)
	for b.Loop() {
		if _, err := delta.Diff(source(src), []delta.Source{source(basis)}, delta.DiffOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
