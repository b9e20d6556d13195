package archive

import "io"

// A Copy says that Len bytes at New in a new plain stream equal those at Old in
// the plain stream of the basis.
type Copy struct {
	New, Old, Len int64
}

// A Guide lets [Rebuild] work from a basis: an archive like the one to be
// rebuilt, of which the caller has everything. Where the new plain stream
// copies the old one, the basis's compressed bytes are copied or its encoder's
// choices followed instead of searched for again. A guide makes Rebuild faster
// and never changes what it writes, even if the guide is wrong about Copies of
// whole zip entries' plain bytes, which are compared before use.
type Guide struct {
	Basis     io.ReaderAt // the basis archive
	BasisSize int64

	BasisPlain     io.ReaderAt // its plain stream
	BasisPlainSize int64
	BasisRecipe    []byte

	// Copies ascend by New and do not overlap there.
	Copies []Copy
}

// basis is a guide made ready.
type basis struct{}

func (j *rebuilder) follow(g *Guide) error { return nil }
