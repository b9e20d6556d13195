package walk

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/pubsync/pubsync/delta/field"
	"github.com/pubsync/pubsync/sync/manifest"
)

// The file of a cache is
//
//	"pubsync stat cache 1\n"
//	count   uvarint, at most MaxCache
//	for each file, in byte order of path:
//	  shared  uvarint  bytes of path shared with the one before
//	  suffix  uvarint  bytes of path that follow
//	          bytes
//	  size    uvarint
//	  mtime   varint   nanoseconds
//	  ctime   varint   nanoseconds
//	  dev     uvarint
//	  inode   uvarint
//	  digest  32 bytes
//	the SHA-256 of all of that
//
// with varints as in encoding/binary.
const cacheMagic = "pubsync stat cache 1\n"

const (
	maxCachePath = 2 * manifest.MaxPath // bytes; source and path below it
	maxCacheFile = 1 << 30              // bytes
)

// LoadCache reads a cache that [Cache.Save] wrote. A file that does not exist
// gives an empty cache. Any other failure gives an empty cache, too, and an
// error: [ErrBadCache] if the content is at fault or the file is not the
// user's own, a regular file and unwritable by others.
func LoadCache(name string) (*Cache, error) {
	st, err := os.Lstat(name) // before the open: a pipe would block it
	if errors.Is(err, fs.ErrNotExist) {
		return NewCache(), nil
	}
	if err != nil {
		return NewCache(), err
	}
	f, err := os.Open(name)
	if err != nil {
		return NewCache(), err
	}
	defer f.Close()
	if !st.Mode().IsRegular() || st.Size() > maxCacheFile || !ownFile(st) {
		return NewCache(), fmt.Errorf("%w: %q must be a regular file that nobody else may write; remove it", ErrBadCache, name)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxCacheFile))
	if err != nil {
		return NewCache(), err
	}
	c, err := decodeCache(b)
	if err != nil {
		return NewCache(), fmt.Errorf("%w: %q: %v; it will be written anew", ErrBadCache, name, err)
	}
	return c, nil
}

// Save writes the cache to the file, mode 0600, replacing it by rename. It keeps
// at most [MaxCache] files, those looked up or put since the load first. What
// is no longer used stays until the bound is reached.
func (c *Cache) Save(name string) error {
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // fails after the rename, as it should
	err = c.encode(f)
	if err == nil {
		err = f.Sync()
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

func (c *Cache) encode(w io.Writer) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := sha256.New()
	out := bufio.NewWriter(io.MultiWriter(w, sum))
	out.WriteString(cacheMagic)
	paths := c.kept(MaxCache)
	buf := binary.AppendUvarint(nil, uint64(len(paths)))
	var last string
	for _, p := range paths {
		k := c.files[p]
		n := 0
		for n < len(p) && n < len(last) && p[n] == last[n] {
			n++
		}
		buf = binary.AppendUvarint(buf, uint64(n))
		buf = binary.AppendUvarint(buf, uint64(len(p)-n))
		buf = append(buf, p[n:]...)
		buf = binary.AppendUvarint(buf, uint64(k.stamp.Size))
		buf = binary.AppendVarint(buf, k.stamp.MTime)
		buf = binary.AppendVarint(buf, k.stamp.CTime)
		buf = binary.AppendUvarint(buf, k.stamp.Dev)
		buf = binary.AppendUvarint(buf, k.stamp.Inode)
		buf = append(buf, k.digest[:]...)
		out.Write(buf)
		buf, last = buf[:0], p
	}
	out.Write(buf) // the count, if nothing came after it
	if err := out.Flush(); err != nil {
		return err
	}
	_, err := w.Write(sum.Sum(nil))
	return err
}

// kept returns the paths to save, at most most of them, in order.
func (c *Cache) kept(most int) []string {
	paths := slices.Sorted(maps.Keys(c.files))
	if len(paths) <= most {
		return paths
	}
	spare := most
	for _, p := range paths {
		if c.files[p].used {
			spare--
		}
	}
	return slices.DeleteFunc(paths, func(p string) bool {
		if !c.files[p].used {
			spare--
			return spare < 0
		}
		most--
		return most < 0
	})
}

// errRecord is the error for a file that is none that encode made.
var errRecord = errors.New("malformed record")

// decodeCache reads what encode wrote. All paths together take at most
// maxCacheFile bytes, however much they share.
func decodeCache(b []byte) (*Cache, error) {
	if !bytes.HasPrefix(b, []byte(cacheMagic)) || len(b) < len(cacheMagic)+sha256.Size {
		return nil, errors.New("not a stat cache of this version")
	}
	body, sum := b[:len(b)-sha256.Size], b[len(b)-sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(got[:], sum) {
		return nil, errors.New("checksum mismatch")
	}
	r := field.New(body[len(cacheMagic):], errRecord)
	count := r.Uvarint(MaxCache)
	c := NewCache()
	var path []byte
	total := 0
	for range count {
		shared := r.Uvarint(uint64(len(path)))
		path = append(path[:shared], r.Bytes(r.Uvarint(maxCachePath))...)
		if total += len(path); len(path) == 0 || len(path) > maxCachePath || total > maxCacheFile {
			return nil, errRecord
		}
		k := known{stamp: Stamp{
			Size: int64(r.Uvarint(manifest.MaxSize)), MTime: r.Varint(math.MinInt64, math.MaxInt64), CTime: r.Varint(math.MinInt64, math.MaxInt64),
			Dev: r.Uvarint(math.MaxUint64), Inode: r.Uvarint(math.MaxUint64),
		}}
		copy(k.digest[:], r.Bytes(manifest.DigestSize))
		if r.Err() != nil {
			return nil, r.Err()
		}
		c.files[string(path)] = k
	}
	if err := r.End(); err != nil {
		return nil, err
	}
	if uint64(len(c.files)) != count {
		return nil, errRecord // a path twice
	}
	return c, nil
}
