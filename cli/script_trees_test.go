package cli_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The commands of scripts that make trees and change them.

// mktree DIR FILES SIZE [SEED] makes a tree of compressible files in nested
// directories.
func mktree(ts *testscript.TestScript, _ bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	size, err := strconv.Atoi(args[2])
	ts.Check(err)
	seed := uint64(1)
	if len(args) > 3 {
		seed, err = strconv.ParseUint(args[3], 10, 64)
		ts.Check(err)
	}
	r := rand.New(rand.NewPCG(seed, 7))
	for i := range n {
		name := filepath.Join(ts.MkAbs(args[0]), fmt.Sprintf("d%d", i%7), fmt.Sprintf("e%d", i%3), fmt.Sprintf("file-%d.txt", i))
		ts.Check(os.MkdirAll(filepath.Dir(name), 0o755))
		ts.Check(os.WriteFile(name, words(r, size), 0o644))
	}
}

// mkbig FILE SIZE makes a file that does not compress.
func mkbig(ts *testscript.TestScript, _ bool, args []string) {
	b := make([]byte, int(number(ts, args[1])))
	rand.NewChaCha8([32]byte{1}).Read(b)
	ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(args[0])), 0o755))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// scatter FILE N changes every N-th byte of a file.
func scatter(ts *testscript.TestScript, _ bool, args []string) {
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	for i := 0; i < len(b); i += int(number(ts, args[1])) {
		b[i]++
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), b, 0o644))
}

// damage DIR flips a bit of every large file in DIR.
func damage(ts *testscript.TestScript, _ bool, args []string) {
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*"))
	ts.Check(err)
	n := 0
	for _, f := range files {
		b, err := os.ReadFile(f)
		ts.Check(err)
		if len(b) < 1000 {
			continue
		}
		n++
		b[len(b)/2] ^= 1
		ts.Check(os.WriteFile(f, b, 0o600))
	}
	if n == 0 {
		ts.Fatalf("nothing large in %s", args[0])
	}
}

// words makes text of about n bytes.
func words(r *rand.Rand, n int) []byte {
	b := make([]byte, 0, n+16)
	for len(b) < n {
		b = strconv.AppendUint(append(b, "word"...), r.Uint64N(1e9), 36)
		b = append(b, ' ')
	}
	return b[:n]
}

// oddtree DIR makes a tree of all that a tree may hold.
func oddtree(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Join(dir, "empty", "below"), 0o700))
	names := []string{
		"sstate:gcc:core2-64:1.2~rc1+git.tgz", "a:b", "with space", " leading", "trailing ", "100%", "a%20b", "plus+", "-dash", "#hash",
		"?query", "a&b=c", "'quote\"", "caf\u00e9", "\xff\xfe\xe9 not UTF-8", "\u202e reversed", strings.Repeat("n", 255), ".hidden", "aux.c", "~tilde",
	}
	for i, name := range names {
		full := filepath.Join(dir, name)
		ts.Check(os.WriteFile(full, []byte("content of "+name), 0o600))
		ts.Check(os.Chmod(full, fs.FileMode(0o600|i*0o11)&0o777))
		stamp := time.Unix(int64(i)*100_000_000-500_000_000, int64(i)*12_345_678+1)
		ts.Check(os.Chtimes(full, stamp, stamp))
	}
	ts.Check(os.WriteFile(filepath.Join(dir, "empty-file"), nil, 0o444))
	for name, link := range map[string]string{"up": "../../x", "abs": "/etc/passwd", "here": "a:b", "odd": "\xff\xfe", "dir": "empty"} {
		ts.Check(os.Symlink(link, filepath.Join(dir, name)))
	}
	stamp := time.Unix(1_000_000_000, 987_654_321)
	ts.Check(os.Chtimes(filepath.Join(dir, "empty"), stamp, stamp))
}

// unfit DIR makes a tree with names that no published tree may hold.
func unfit(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range []string{"ok", `system-x\x2dy.slice`, "aux", "dot."} {
		name = filepath.Join(ts.MkAbs(args[0]), name)
		ts.Check(os.MkdirAll(filepath.Dir(name), 0o755))
		ts.Check(os.WriteFile(name, nil, 0o644))
	}
}

// special DIR makes a tree of what is not published as it is: a pipe, a socket,
// files of mode 000 and set-id, a hard link, a sparse file.
func special(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	at := func(name string) string { return filepath.Join(dir, name) }
	ts.Check(os.MkdirAll(dir, 0o755))
	ts.Check(syscall.Mkfifo(at("pipe"), 0o644))
	ln, err := net.Listen("unix", at("socket"))
	ts.Check(err)
	ts.Defer(func() { ln.Close() })
	for name, mode := range map[string]fs.FileMode{"setuid": 0o755 | fs.ModeSetuid, "setgid": 0o711 | fs.ModeSetgid, "sticky": 0o600 | fs.ModeSticky, "readonly": 0o444} {
		ts.Check(os.WriteFile(at(name), []byte(name), 0o600))
		ts.Check(os.Chmod(at(name), mode))
	}
	ts.Check(os.Link(at("setuid"), at("hardlink")))
	ts.Check(os.WriteFile(at("sparse"), nil, 0o600))
	ts.Check(os.Truncate(at("sparse"), 5<<20))
	ts.Check(os.WriteFile(at("old"), []byte("old"), 0o600))
	stamp := time.Unix(-2_000_000_000, 123_456_789)
	ts.Check(os.Chtimes(at("old"), stamp, stamp))
}

// edit FILE TEXT puts text into the middle of a file.
func edit(ts *testscript.TestScript, _ bool, args []string) {
	b, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	half := len(b) / 2
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), bytes.Join([][]byte{b[:half], []byte(args[1]), b[half:]}, nil), 0o644))
}

// flip DIR SIZE flips a bit in the middle of every file below DIR that has that
// size.
func flip(ts *testscript.TestScript, _ bool, args []string) {
	size, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	flipped := 0
	ts.Check(filepath.WalkDir(ts.MkAbs(args[0]), func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		fi, err := d.Info()
		if err != nil || fi.Size() != size {
			return err
		}
		flipped++
		if err := os.Chmod(name, 0o600); err != nil {
			return err
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		b[len(b)/2] ^= 4
		return os.WriteFile(name, b, 0o600)
	}))
	if flipped == 0 {
		ts.Fatalf("no file of %d bytes below %s", size, args[0])
	}
}
