// Package faultfs is a file system in memory that fails where a test wants it
// to: any single call, writes that stop half-way, a full disk, and a power cut
// that takes everything not synced. It implements [disk.FS].
//
// It is stricter than a real file system about power cuts. Content survives one
// only if the file was synced after the last write, a name only if its
// directory was synced after the last change to it and the directory itself
// survives.
package faultfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pubsync/pubsync/server/store/disk"
)

// ErrDown is the error of every call after a power cut.
var ErrDown = errors.New("faultfs: the power is off")

// An Op is one call.
type Op struct {
	N    int    // counted from 1
	Call string // "open", "write", "rename", ...
	Name string
}

func (o Op) String() string { return fmt.Sprintf("%d %s %s", o.N, o.Call, o.Name) }

// A Plan decides what happens to a call: nil lets it pass, any error is
// returned instead. A write that fails has written half. Plans run before the
// call does anything, at the same time for calls that come together, and may
// wait for other calls.
type Plan func(Op) error

// Fail is a plan by which the n-th call returns err.
func Fail(n int, err error) Plan {
	return func(o Op) error {
		if o.N == n {
			return err
		}
		return nil
	}
}

// Off is a plan by which the power goes off at the n-th call.
func Off(n int) Plan {
	return func(o Op) error {
		if o.N >= n {
			return ErrDown
		}
		return nil
	}
}

// FS is the file system. It is safe for concurrent use.
type FS struct {
	mu       sync.Mutex
	now      map[string]*node // by name
	durable  map[string]*node
	plan     Plan
	n        int
	capacity int64
}

type node struct {
	dir     bool
	data    []byte
	durable []byte
}

var _ disk.FS = (*FS)(nil)

// New returns an empty file system.
func New() *FS {
	root := &node{dir: true}
	return &FS{now: map[string]*node{".": root}, durable: map[string]*node{".": root}}
}

// Set makes plan decide from here on, counting calls from 1 again. Nil lets
// everything pass.
func (f *FS) Set(plan Plan) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan, f.n = plan, 0
}

// Limit makes writes fail with ENOSPC that would make the files larger than n
// bytes in all; 0: no limit.
func (f *FS) Limit(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capacity = n
}

// Calls returns how many calls there were since Set.
func (f *FS) Calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.n
}

// Cut returns what a power cut leaves. Where lucky, the system had written
// everything out just before, as after the mere death of the process.
func (f *FS) Cut(lucky bool) *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	after := New()
	names := f.durable
	if lucky {
		names = f.now
	}
	for name, n := range names {
		if name == "." || !reachable(names, name) {
			continue
		}
		data := n.durable
		if lucky {
			data = n.data
		}
		k := &node{dir: n.dir, data: slices.Clone(data), durable: slices.Clone(data)}
		after.now[name], after.durable[name] = k, k
	}
	return after
}

func reachable(names map[string]*node, name string) bool {
	for ; name != "."; name = path.Dir(name) {
		if names[name] == nil {
			return false
		}
	}
	return true
}

// Alter changes the content of a file in place, behind everybody's back, and
// reports whether there is such a file.
func (f *FS) Alter(name string, change func([]byte) []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.now[name]
	if n == nil {
		return false
	}
	n.data = change(n.data)
	n.durable = slices.Clone(n.data)
	return true
}

// Names returns the names of all files, sorted.
func (f *FS) Names() (names []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for name, n := range f.now {
		if !n.dir {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// call counts a call and returns the planned error. The lock is held, except
// while the plan runs: callers look at nothing before.
func (f *FS) call(what, name string) error {
	f.n++
	if f.plan == nil {
		return nil
	}
	plan, op := f.plan, Op{f.n, what, name}
	f.mu.Unlock()
	err := plan(op)
	f.mu.Lock()
	if err != nil {
		return &fs.PathError{Op: what, Path: name, Err: err}
	}
	return nil
}

func (f *FS) find(what, name string) (*node, error) {
	if err := f.call(what, name); err != nil {
		return nil, err
	}
	n := f.now[name]
	if n == nil {
		return nil, &fs.PathError{Op: what, Path: name, Err: fs.ErrNotExist}
	}
	return n, nil
}

// OpenFile implements [disk.FS].
func (f *FS) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("open", name)
	if errors.Is(err, fs.ErrNotExist) && flag&os.O_CREATE != 0 {
		if up := f.now[path.Dir(name)]; up == nil || !up.dir {
			return nil, err
		}
		n, err = &node{}, nil
		f.now[name] = n
	} else if err == nil && flag&os.O_EXCL != 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrExist}
	}
	if err != nil {
		return nil, err
	}
	return &file{f, n, name}, nil
}

// Stat implements [disk.FS].
func (f *FS) Stat(name string) (fs.FileInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("stat", name)
	if err != nil {
		return nil, err
	}
	return info{path.Base(name), n.dir, int64(len(n.data))}, nil
}

// ReadDir implements [disk.FS].
func (f *FS) ReadDir(name string) (list []fs.DirEntry, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.find("readdir", name); err != nil {
		return nil, err
	}
	for child, n := range f.now {
		if child != "." && path.Dir(child) == name {
			list = append(list, fs.FileInfoToDirEntry(info{path.Base(child), n.dir, int64(len(n.data))}))
		}
	}
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return list, nil
}

// Mkdir implements [disk.FS].
func (f *FS) Mkdir(name string, perm fs.FileMode) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, err := f.find("mkdir", name)
	if err == nil {
		return &fs.PathError{Op: "mkdir", Path: name, Err: fs.ErrExist}
	}
	if !errors.Is(err, fs.ErrNotExist) || f.now[path.Dir(name)] == nil {
		return err
	}
	f.now[name] = &node{dir: true}
	return nil
}

// Rename implements [disk.FS].
func (f *FS) Rename(from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("rename", from)
	if err != nil {
		return err
	}
	if f.now[path.Dir(to)] == nil {
		return &fs.PathError{Op: "rename", Path: to, Err: fs.ErrNotExist}
	}
	delete(f.now, from)
	f.now[to] = n
	return nil
}

// Remove implements [disk.FS].
func (f *FS) Remove(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	n, err := f.find("remove", name)
	if err != nil {
		return err
	}
	if n.dir {
		for child := range f.now {
			if path.Dir(child) == name {
				return &fs.PathError{Op: "remove", Path: name, Err: syscall.ENOTEMPTY}
			}
		}
	}
	delete(f.now, name)
	return nil
}

// SyncDir implements [disk.FS].
func (f *FS) SyncDir(name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.find("syncdir", name); err != nil {
		return err
	}
	for child := range f.durable {
		if child != "." && path.Dir(child) == name && f.now[child] == nil {
			delete(f.durable, child)
		}
	}
	for child, n := range f.now {
		if path.Dir(child) == name {
			f.durable[child] = n
		}
	}
	return nil
}

// Path implements [disk.FS]: there is none.
func (f *FS) Path(string) (string, bool) { return "", false }

// Free implements [disk.FS].
func (f *FS) Free() (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("statfs", "."); err != nil {
		return 0, err
	}
	if f.capacity == 0 {
		return math.MaxInt64, nil
	}
	return max(0, f.room()), nil
}

// Close implements [disk.FS].
func (f *FS) Close() error { return nil }

// file is an open file. Its node lives on when the name is removed.
type file struct {
	fs   *FS
	node *node
	name string
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.call("read", f.name); err != nil {
		return 0, err
	}
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) WriteAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	err := f.fs.call("write", f.name)
	switch {
	case errors.Is(err, ErrDown):
		return 0, err
	case err != nil:
		p = p[:len(p)/2]
	case f.fs.capacity > 0:
		if room := f.fs.room(); off+int64(len(p)) > int64(len(f.node.data))+room {
			p = p[:max(0, min(int64(len(p)), int64(len(f.node.data))+room-off))]
			err = &fs.PathError{Op: "write", Path: f.name, Err: syscall.ENOSPC}
		}
	}
	if grow := off + int64(len(p)) - int64(len(f.node.data)); grow > 0 {
		f.node.data = append(f.node.data, make([]byte, grow)...)
	}
	return copy(f.node.data[off:], p), err
}

// room returns the bytes that are left below the limit.
func (f *FS) room() int64 { return f.capacity - f.used() }

// Used returns the bytes in all files.
func (f *FS) Used() int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.used()
}

func (f *FS) used() (n int64) {
	for _, node := range f.now {
		n += int64(len(node.data))
	}
	return n
}

func (f *file) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.call("truncate", f.name); err != nil {
		return err
	}
	f.node.data = append(slices.Clone(f.node.data), make([]byte, max(0, size-int64(len(f.node.data))))...)[:size]
	return nil
}

// Begin implements [disk.File]: nothing survives by it.
func (f *file) Begin(int64, int64) {}

func (f *file) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.call("sync", f.name); err != nil {
		return err
	}
	f.node.durable = slices.Clone(f.node.data)
	return nil
}

func (f *file) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.fs.call("fstat", f.name); err != nil {
		return 0, err
	}
	return int64(len(f.node.data)), nil
}

func (f *file) Close() error { return nil }

// info is a file's [fs.FileInfo].
type info struct {
	name string
	dir  bool
	size int64
}

func (i info) Name() string { return i.name }
func (i info) Size() int64  { return i.size }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o700
	}
	return 0o600
}
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }
