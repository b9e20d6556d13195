// Package attic keeps files that were pushed from here in a folder of bounded
// size, so that the next push finds the old bytes at hand: against them a true
// difference takes the place of the server's block signatures.
//
// # The folder
//
// Each content is a file named by its digest in hexadecimal; beside it, with
// ".json" behind the name, lies what is known of it: the type and the path it
// was pushed at, and its size. The content's modification time is when it was
// last of use, by which the oldest go first. Everything appears by one rename and
// goes by one unlink, and who reads a file has it open, so any number of pushes
// may share a folder; while several add to it at once it may be too large for a
// moment by what they add.
//
// Nothing in the folder is believed: who uses a file compares its content with
// its digest first. A folder that is damaged, or lost, costs bytes on the line
// and nothing else.
package attic

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
)

// MinSize is the size in bytes below which a file is not worth keeping: asking
// the server whether it holds the old one costs as much as is saved.
const MinSize = 64 << 10

// An Attic is an open folder. It is safe for concurrent use.
type Attic struct {
	dir string
	max int64
	now func() time.Time

	mu    sync.Mutex
	files map[manifest.Digest]*kept
	alike map[likeness]map[manifest.Digest]bool
}

// A likeness is what files that may be versions of each other have in common.
type likeness struct{ typ, stem string }

func (k *kept) likeness() likeness { return likeness{k.Type, k.Path.Stem()} }

// kept is what is known of a file.
type kept struct {
	Type string        `json:"type"` // first component of the target
	Path manifest.Path `json:"path"` // below the target
	Size int64         `json:"size"`
	used time.Time
}

// Open opens the folder, making it if it is not there, for at most max bytes of
// content.
func Open(dir string, max int64, now func() time.Time) (*Attic, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	a := &Attic{dir: dir, max: max, now: now, files: map[manifest.Digest]*kept{}, alike: map[likeness]map[manifest.Digest]bool{}}
	if err := a.read(); err != nil {
		return nil, err
	}
	a.shrink(0)
	return a, nil
}

// tempAge is how old an unfinished file is when whoever was writing it is gone.
const tempAge = time.Hour

func (a *Attic) read() error {
	list, err := os.ReadDir(a.dir)
	if err != nil {
		return err
	}
	for _, e := range list {
		fi, err := e.Info()
		if err != nil {
			continue // gone meanwhile
		}
		name := e.Name()
		d, err := manifest.ParseDigest(name)
		switch {
		case strings.HasPrefix(name, tempPrefix) && a.now().Sub(fi.ModTime()) > tempAge:
			_ = os.Remove(filepath.Join(a.dir, name))
		case err != nil || !fi.Mode().IsRegular():
		default:
			a.note(d, fi)
		}
	}
	return nil
}

// note takes a content into account, or removes one of which nothing is known.
func (a *Attic) note(d manifest.Digest, fi fs.FileInfo) {
	b, err := os.ReadFile(a.info(d))
	k := &kept{used: fi.ModTime()}
	if err != nil || json.Unmarshal(b, k) != nil || k.Size != fi.Size() {
		if a.now().Sub(fi.ModTime()) > tempAge {
			a.remove(d)
		}
		return
	}
	a.enter(d, k)
}

func (a *Attic) enter(d manifest.Digest, k *kept) {
	a.leave(d)
	a.files[d] = k
	l := k.likeness()
	if a.alike[l] == nil {
		a.alike[l] = map[manifest.Digest]bool{}
	}
	a.alike[l][d] = true
}

func (a *Attic) leave(d manifest.Digest) {
	if k := a.files[d]; k != nil {
		delete(a.alike[k.likeness()], d)
		delete(a.files, d)
	}
}

func (a *Attic) content(d manifest.Digest) string { return filepath.Join(a.dir, d.String()) }
func (a *Attic) info(d manifest.Digest) string    { return a.content(d) + ".json" }

// Find returns the name and the digest of an old version of the file at path p of
// the target: one pushed at the same path of a target of the same type, or else
// one whose name differs only in digits, in the same directory if there is one;
// of several the one used last. It returns "" if there is none.
func (a *Attic) Find(target, p manifest.Path) (file string, d manifest.Digest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var best *kept
	rank := func(k *kept) int {
		switch {
		case k.Path == p:
			return 3
		case k.Path.Dir() == p.Dir():
			return 2
		}
		return 1
	}
	for at := range a.alike[likeness{target.First(), p.Stem()}] {
		k := a.files[at]
		if best == nil || rank(k) > rank(best) || rank(k) == rank(best) && k.used.After(best.used) {
			best, d = k, at
		}
	}
	if best == nil {
		return "", d
	}
	if now := a.now(); now.Sub(best.used) > usedStep {
		best.used = now
		_ = os.Chtimes(a.content(d), now, now)
	}
	return a.content(d), d
}

// usedStep is how exactly it is known when a file was last of use.
const usedStep = time.Minute

// Drop removes a file whose content is not what its digest names.
func (a *Attic) Drop(d manifest.Digest) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.remove(d)
}

func (a *Attic) remove(d manifest.Digest) {
	a.leave(d)
	_ = os.Remove(a.content(d))
	_ = os.Remove(a.info(d))
}

// Keep keeps the content of a file that was pushed to path p of the target:
// where the file system can, as a copy that shares its blocks. A file that is
// too small or too large to be kept is passed over.
func (a *Attic) Keep(target, p manifest.Path, d manifest.Digest, f *os.File, size int64) error {
	if size < MinSize || size > a.max {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	k := &kept{Type: target.First(), Path: p, Size: size, used: a.now()}
	if a.files[d] == nil {
		a.shrink(size)
		if err := a.add(d, f, size); err != nil {
			return err
		}
	}
	b, err := json.Marshal(k)
	if err == nil {
		err = a.write(a.info(d), func(t *os.File) error {
			_, err := t.Write(b)
			return err
		})
	}
	if err != nil {
		a.remove(d)
		return err
	}
	a.enter(d, k)
	return os.Chtimes(a.content(d), k.used, k.used)
}

var errShort = errors.New("the file is shorter than it was")

func (a *Attic) add(d manifest.Digest, f *os.File, size int64) error {
	return a.write(a.content(d), func(t *os.File) error {
		if clone(t, f) == nil {
			return nil
		}
		n, err := io.Copy(t, io.NewSectionReader(f, 0, size))
		if err == nil && n < size {
			err = errShort
		}
		return err
	})
}

const tempPrefix = ".new-"

// write makes a file in one step.
func (a *Attic) write(name string, fill func(*os.File) error) error {
	t, err := os.CreateTemp(a.dir, tempPrefix)
	if err != nil {
		return err
	}
	err = fill(t)
	if cerr := t.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(t.Name(), name)
	}
	if err != nil {
		_ = os.Remove(t.Name())
	}
	return err
}

// shrink removes what was of no use for longest, until there is room for n bytes
// more.
func (a *Attic) shrink(n int64) {
	var total int64
	all := make([]manifest.Digest, 0, len(a.files))
	for d, k := range a.files {
		total += k.Size
		all = append(all, d)
	}
	slices.SortFunc(all, func(x, y manifest.Digest) int {
		return cmp.Or(a.files[x].used.Compare(a.files[y].used), cmp.Compare(x.String(), y.String()))
	})
	for _, d := range all {
		if total+n <= a.max {
			return
		}
		total -= a.files[d].Size
		a.remove(d)
	}
}
