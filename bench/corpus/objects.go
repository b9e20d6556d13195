package corpus

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Objects is a folder of build objects as bitbake's sstate cache has them: n files in
// two levels of folders, half of them compressed archives (30 to 60 KB in the median,
// few of some MB), half small descriptions. Update has one object in a hundred more.
func (c *Cache) Objects(ctx context.Context, n int) (Steps, error) {
	dir, err := c.Make(ctx, fmt.Sprintf("objects-%d", n), func(ctx context.Context, dir string) error {
		text, err := c.text(ctx)
		if err != nil {
			return err
		}
		s := stepsIn(dir)
		if err := writeObjects(s.First, text, 0, n, firstBuild()); err != nil {
			return err
		}
		if err := copyTree(s.First, s.Update); err != nil {
			return err
		}
		return writeObjects(s.Update, text, n, n+n/100, secondBuild())
	})
	return stepsIn(dir), err
}

// text is some real source code to cut contents from.
func (c *Cache) text(ctx context.Context) ([]byte, error) {
	s, err := c.Source(ctx, true)
	if err != nil {
		return nil, err
	}
	names, err := filesIn(s.First)
	if err != nil {
		return nil, err
	}
	var all []byte
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		all = append(all, b...)
	}
	return all, nil
}

// writeObjects writes objects from to below to, two files each number pair.
func writeObjects(dir string, text []byte, from, to int, t time.Time) error {
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return err
	}
	defer z.Close()
	for i := from; i < to; i += 2 {
		rng := rand.New(rand.NewPCG(uint64(i), 7))
		var hash [32]byte
		for j := range 4 {
			binary.LittleEndian.PutUint64(hash[8*j:], rng.Uint64())
		}
		key := hex.EncodeToString(hash[:])
		name := filepath.Join(dir, key[:2], key[2:4], fmt.Sprintf("sstate:recipe-%d:cortexa57:1.%d:r0:cortexa57:11:%s_populate_sysroot.tar.zst", i%997, i%13, key))
		plain := mixed(rng, text, int(min(120e3*math.Exp(1.1*rng.NormFloat64()), 20e6)))
		if err := writeAt(name, z.EncodeAll(plain, nil), t); err != nil {
			return err
		}
		if err := writeAt(name+".siginfo", z.EncodeAll(slice(rng, text, 2000+rng.IntN(20000)), nil), t); err != nil {
			return err
		}
	}
	return nil
}

// mixed is n bytes: pieces of text, and one byte in four that does not compress, as
// binaries hold.
func mixed(rng *rand.Rand, text []byte, n int) []byte {
	b := make([]byte, 0, n+4096)
	for len(b) < n {
		b = append(b, slice(rng, text, 3000)...)
		b = append(b, noise(rng, 1000)...)
	}
	return b[:n]
}

func slice(rng *rand.Rand, text []byte, n int) []byte {
	n = min(n, len(text))
	at := rng.IntN(len(text) - n + 1)
	return text[at : at+n]
}

func noise(rng *rand.Rand, n int) []byte {
	b := make([]byte, (n+7)/8*8)
	for i := 0; i < len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], rng.Uint64())
	}
	return b[:n]
}

// writeAt writes a file with a modification time.
func writeAt(name string, b []byte, t time.Time) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		return err
	}
	return os.Chtimes(name, t, t)
}

// Tiny is n files of 20 to 400 bytes in folders of a hundred. Update has one in a
// hundred edited.
func (c *Cache) Tiny(ctx context.Context, n int) (Steps, error) {
	dir, err := c.Make(ctx, fmt.Sprintf("tiny-%d", n), func(ctx context.Context, dir string) error {
		text, err := c.text(ctx)
		if err != nil {
			return err
		}
		s, rng := stepsIn(dir), rand.New(rand.NewPCG(11, 1))
		for i := range n {
			name := fmt.Sprintf("d%02d/d%02d/file-%d.txt", i/10000, i/100%100, i)
			old := fmt.Appendf(nil, "%d %s", i, slice(rng, text, 20+rng.IntN(380)))
			if err := writeAt(filepath.Join(s.First, name), old, firstBuild()); err != nil {
				return err
			}
			t := firstBuild()
			if i%100 == 50 {
				old, t = append(old, "edited\n"...), secondBuild()
			}
			if err := writeAt(filepath.Join(s.Update, name), old, t); err != nil {
				return err
			}
		}
		return nil
	})
	return stepsIn(dir), err
}

// Huge is one file of that many bytes, a third of it compressible. Update has a
// hundred places overwritten and some bytes inserted at a third.
func (c *Cache) Huge(ctx context.Context, size int64) (Steps, error) {
	dir, err := c.Make(ctx, fmt.Sprintf("huge-%d", size), func(ctx context.Context, dir string) error {
		text, err := c.text(ctx)
		if err != nil {
			return err
		}
		s := stepsIn(dir)
		if err := writeHuge(ctx, filepath.Join(s.First, "disk.raw"), text, size, false); err != nil {
			return err
		}
		return writeHuge(ctx, filepath.Join(s.Update, "disk.raw"), text, size, true)
	})
	return stepsIn(dir), err
}

func writeHuge(ctx context.Context, name string, text []byte, size int64, changed bool) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	defer f.Close()
	const chunk = 1 << 20
	rng, edits := rand.New(rand.NewPCG(21, 1)), rand.New(rand.NewPCG(22, 1))
	every := max(size/chunk/100, 1)
	for i := int64(0); i < size/chunk; i++ {
		b := noise(rng, chunk)
		if i%3 == 0 {
			b = append(b[:chunk/2], slice(rng, text, chunk/2)...)
		}
		if changed && i%every == every/2 {
			copy(b[edits.IntN(len(b)-1024):], noise(edits, 1024))
		}
		if changed && i == size/chunk/3 {
			b = append(b, "a few bytes more"...)
		}
		if _, err := f.Write(b); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	t := firstBuild()
	if changed {
		t = secondBuild()
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Chtimes(name, t, t)
}
