package remote

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// Bounds of what is kept of servers, of each kind.
const (
	maxKeptFile = 64 << 10 // bytes of a file
	maxKept     = 64       // files in the folder
)

// A keepsake is what one client leaves to later ones about a server: a JSON document in
// a file of its own, in a folder of its kind, that nobody but this user can have written
// or can read. What goes wrong with it is not told: whoever keeps something does
// without. It is for one goroutine at a time.
type keepsake struct{ file string }

// keepsakeOf returns that of the server at host, as its identity is checked by cfg, in
// the folder dir.
func keepsakeOf(dir string, cfg Config, host string) keepsake {
	whose := host + "\n"
	if cfg.Pin != nil {
		whose += hex.EncodeToString(cfg.Pin[:])
	}
	sum := sha256.Sum256([]byte(whose))
	return keepsake{filepath.Join(dir, hex.EncodeToString(sum[:16])+".json")}
}

// load reads what is kept into v, and reports whether it could. After false v may have
// been written to.
func (k keepsake) load(v any) bool {
	dir, err := os.Lstat(filepath.Dir(k.file))
	if err != nil || !private(dir) {
		return false
	}
	fi, err := os.Lstat(k.file)
	if err != nil || !fi.Mode().IsRegular() || !private(fi) || fi.Size() > maxKeptFile {
		return false
	}
	b, err := os.ReadFile(k.file)
	return err == nil && json.Unmarshal(b, v) == nil
}

// keep writes v in the place of what was kept, all of it or nothing.
func (k keepsake) keep(v any) {
	b, err := json.Marshal(v)
	if err != nil || len(b) > maxKeptFile {
		return
	}
	dir := filepath.Dir(k.file)
	if os.MkdirAll(dir, 0o700) != nil {
		return
	}
	if fi, err := os.Lstat(dir); err != nil || !private(fi) {
		return
	}
	makeRoom(dir)
	tmp, err := os.CreateTemp(dir, "new-*") // readable by its owner only
	if err != nil {
		return
	}
	_, err = tmp.Write(b)
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(tmp.Name(), k.file)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
}

// forget removes what is kept.
func (k keepsake) forget() { _ = os.Remove(k.file) }

// makeRoom removes the oldest files where there are many.
func makeRoom(dir string) {
	all, err := os.ReadDir(dir)
	if err != nil || len(all) < maxKept {
		return
	}
	written := func(e os.DirEntry) (at time.Time) {
		if fi, err := e.Info(); err == nil {
			at = fi.ModTime()
		}
		return at
	}
	slices.SortFunc(all, func(a, b os.DirEntry) int { return written(a).Compare(written(b)) })
	for _, e := range all[:len(all)-maxKept+1] {
		_ = os.Remove(filepath.Join(dir, e.Name()))
	}
}
