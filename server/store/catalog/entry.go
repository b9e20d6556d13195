package catalog

import (
	"database/sql"
	"hash/fnv"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// rowScan receives the columns of entryCols.
type rowScan struct {
	name, link, digest sql.RawBytes
	from               int64
	kind, mode         int64
	size, mtime        int64
	blob               sql.NullInt64
}

// entryCols are the columns of an entry row e joined with its blob b.
const entryCols = "e.name, e.from_pub, e.kind, e.mode, e.size, e.mtime, e.link, e.blob, b.digest"

func (s *rowScan) dest(more ...any) []any {
	return append(more, &s.name, &s.from, &s.kind, &s.mode, &s.size, &s.mtime, &s.link, &s.blob, &s.digest)
}

// entry returns the scanned row as an entry directly in dir.
func (s *rowScan) entry(dir manifest.Path) manifest.Entry {
	e := manifest.Entry{
		Path: dir.Join(manifest.Path(s.name)), Kind: manifest.Kind(s.kind), Mode: uint32(s.mode),
		Size: s.size, MTime: s.mtime, Link: string(s.link),
	}
	copy(e.Digest[:], s.digest)
	return e
}

// stemFrom is the size in bytes from which a file is worth finding again by
// its stem: below it a delta saves too little.
const stemFrom = 4096

// stemOf returns the value of the column stem.
func stemOf(e *manifest.Entry) any {
	if e.Kind != manifest.File || e.Size < stemFrom {
		return nil
	}
	return stemHash(e.Path.Base())
}

// stemHash returns the FNV-1a hash of a name's stem. Readers compare the stem
// itself, so that a collision costs a look.
func stemHash(name string) int64 {
	h := fnv.New64a()
	h.Write([]byte(store.Stem(name)))
	return int64(h.Sum64())
}

// below returns the bounds of the paths of all directories strictly below dir:
// at least the first and before the second.
func below(dir manifest.Path) (from, to []byte) {
	if dir == "" {
		return []byte{0}, []byte{0xff, 0xff, 0xff, 0xff, 0xff}
	}
	return []byte(dir + "/"), []byte(dir + "0") // '0' follows '/'
}

// above returns dir and all directories that hold it, the root included.
func above(dir manifest.Path) []manifest.Path {
	all := []manifest.Path{dir}
	for dir != "" {
		dir = dir.Dir()
		all = append(all, dir)
	}
	return all
}
