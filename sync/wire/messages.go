package wire

import (
	"encoding/binary"
	"math"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
)

// MaxBases is the number of bases that one file may be delta'd against.
const MaxBases = 8

// A View is a way to see a file as a stream of bytes to match and copy.
type View byte

// The views of version 1. What Plain and Recipe hold is defined by the package
// comment of delta/archive.
const (
	Raw    View = 0 // the file's own bytes
	Plain  View = 1 // the contents of an archive's members, decompressed
	Recipe View = 2 // all else that rebuilds the archive bit for bit
)

// A Basis is a blob the server holds, to delta against.
type Basis struct {
	Digest manifest.Digest
	Size   int64 // bytes of the blob
	View   View  // the view that is matched
	// Named says that the server has named the basis for the entry: then only the
	// first bytes of the digest are sent, and known to the client.
	Named bool
}

// namedBytes is how much of the digest says which of its few named bases is meant, no
// two of which begin alike ([Apart]). A wrong one, where others are named by now, costs
// a resend, as the whole file is checked.
const namedBytes = 2

// Apart returns the bases but those that could not be told from one before by their
// names.
func Apart(bases []Basis) (apart []Basis) {
	taken := map[[namedBytes]byte]bool{}
	for _, b := range bases {
		if name := [namedBytes]byte(b.Digest[:]); !taken[name] {
			taken[name] = true
			apart = append(apart, b)
		}
	}
	return apart
}

// Is reports whether both are the same view of the same blob, as far as the digests
// are known.
func (b Basis) Is(o Basis) bool {
	if b.Named || o.Named {
		return b.View == o.View && string(b.Digest[:namedBytes]) == string(o.Digest[:namedBytes])
	}
	return b.View == o.View && b.Digest == o.Digest
}

// A Verdict is the server's answer to the digest of one entry.
type Verdict struct {
	Index  int
	Have   bool  // the content is held and leased: send nothing
	Whole  bool  // the whole digest is wanted, instead of a [Short]
	Staged int64 // bytes of the raw view that the server has already; the next part begins there
	// Plain and Recipe are what it has of an archive's views.
	Plain, Recipe StagedView
	Bases         []Basis
}

// A StagedView is the beginning of a view of an archive that the server has
// already: a client whose view begins like that goes on behind it.
type StagedView struct {
	Size int64           // bytes
	Sum  manifest.Digest // their SHA-256; zero if there are none
}

// ViewsStaged reports whether the server has anything of an archive's views.
func (v *Verdict) ViewsStaged() bool { return v.Plain.Size > 0 || v.Recipe.Size > 0 }

// A Digest gives the digest of one entry.
type Digest struct {
	Index  int
	Digest manifest.Digest
}

// A Sign asks for the signature of a basis. The server signs only what the
// token may read; anything else is answered as if it were not there.
type Sign struct {
	Index int   // the entry it is for, echoed
	Basis Basis // Size is not sent
	Total int64 // without Params, bytes of the view that is to be matched; 0: not known yet, about as many as the basis's has
	// Params say what to sign and how finely: delta/codec's request coding.
	// None asks for the first signature, that of delta.FirstRequest for Total
	// and the size of the basis's view, which the answer tells.
	Params []byte
}

// A Signature is what a basis is matched by. In a [FrameHashes] it answers a
// [Sign] with parameters; in a [FrameSignature] it answers one without, or comes
// unasked with a verdict or with the answer to a list.
type Signature struct {
	Index int
	Basis Basis // with its size in a FrameSignature
	// Body is delta/codec's coding of a signature with its request in a
	// FrameSignature, and of the hashes alone in a FrameHashes. A FrameHashes
	// without body answers any sign whose basis is not (or no more) to be had,
	// has no such view, or would make the answer too long.
	Body []byte
}

// A Part is a stretch of one view of one file.
type Part struct {
	Index  int
	View   View
	Offset int64   // in the view, of the first byte this part makes
	Total  int64   // bytes of the whole view
	Bases  []Basis // that the body's copies refer to, in order; sizes are not sent
	Body   []byte  // delta/codec's part coding
}

// A File is the whole content of a small file.
type File struct {
	Index   int
	Content []byte
}

// An Outcome is what became of data sent for one entry.
type Outcome byte

// The outcomes of version 1.
const (
	Stored   Outcome = 0 // the content is held, whole and checked
	Staged   Outcome = 1 // the part is staged; more is to come
	Resend   Outcome = 2 // what arrived is not what the digest names: send the file whole
	Unusable Outcome = 3 // a basis is not (or no more) to be had: choose another way
	Remodel  Outcome = 4 // the recipe makes another file of the plain view, which stays: send a better recipe
)

// A Storing reports an [Outcome].
type Storing struct {
	Index   int
	Outcome Outcome
}

// AppendList appends a list frame: entries first, first+1, ... of the list.
func AppendList(dst []byte, first int, l manifest.List) []byte {
	p := binary.AppendUvarint(nil, uint64(first))
	return AppendFrame(dst, FrameList, manifest.AppendList(p, l))
}

// ParseList reads the payload of a list or amend frame of at most max entries.
func ParseList(b []byte, max int) (first int, l manifest.List, err error) {
	r := newFields(b)
	first = r.index()
	if r.Err() != nil {
		return 0, nil, r.Err()
	}
	l, err = manifest.DecodeList(r.Rest(), max)
	return first, l, err
}

// AppendAmend appends an amend frame: entry index is now e.
func AppendAmend(dst []byte, index int, e manifest.Entry) []byte {
	p := binary.AppendUvarint(nil, uint64(index))
	return AppendFrame(dst, FrameAmend, manifest.AppendList(p, manifest.List{e}))
}

// AppendNumber appends a [FrameNumber] or a [FrameLost].
func AppendNumber(dst []byte, t FrameType, n uint64) []byte {
	return AppendFrame(dst, t, binary.AppendUvarint(nil, n))
}

// ParseNumber reads the payload of a number or lost frame.
func ParseNumber(b []byte) (uint64, error) {
	r := newFields(b)
	n := r.Uvarint(math.MaxUint64)
	return n, r.End()
}

// AppendUnsettled appends an unsettled frame: of the n entries from first on,
// those whose bit is set (lowest bit of the first byte first) need a digest.
func AppendUnsettled(dst []byte, first, n int, bits []byte) []byte {
	return appendBits(dst, FrameUnsettled, first, n, bits)
}

func appendBits(dst []byte, t FrameType, first, n int, bits []byte) []byte {
	p := binary.AppendUvarint(nil, uint64(first))
	p = binary.AppendUvarint(p, uint64(n))
	return AppendFrame(dst, t, append(p, bits[:(n+7)/8]...))
}

// ParseUnsettled reads the payload of an unsettled frame.
func ParseUnsettled(b []byte) (first, n int, bits []byte, err error) {
	r := newFields(b)
	first, n = r.index(), r.index()
	bits = r.Bytes(uint64(n+7) / 8)
	return first, n, bits, r.End()
}

// AppendSign appends a sign frame.
func AppendSign(dst []byte, s Sign) []byte {
	p := binary.AppendUvarint(nil, uint64(s.Index))
	p = appendBasis(p, s.Basis)
	p = binary.AppendUvarint(p, uint64(s.Total))
	return AppendFrame(dst, FrameSign, append(p, s.Params...))
}

// ParseSign reads the payload of a sign frame. Params aliases b.
func ParseSign(b []byte) (Sign, error) {
	r := newFields(b)
	s := Sign{Index: r.index(), Basis: r.basis(), Total: r.size()}
	s.Params = r.Rest()
	return s, r.Err()
}

// AppendWant appends a want frame: for the entry at index, the first signatures of
// this view of its bases are wanted.
func AppendWant(dst []byte, index int, v View) []byte {
	p := binary.AppendUvarint(nil, uint64(index))
	return AppendFrame(dst, FrameWant, append(p, byte(v)))
}

// ParseWant reads the payload of a want frame.
func ParseWant(b []byte) (index int, v View, err error) {
	r := newFields(b)
	index, v = r.index(), r.view()
	return index, v, r.End()
}

// AppendSignature appends a signature or hashes frame.
func AppendSignature(dst []byte, t FrameType, s Signature) []byte {
	p := binary.AppendUvarint(nil, uint64(s.Index))
	p = appendBasis(p, s.Basis)
	p = binary.AppendUvarint(p, uint64(s.Basis.Size))
	return AppendFrame(dst, t, append(p, s.Body...))
}

// ParseSignature reads the payload of a signature or hashes frame. Body aliases b.
func ParseSignature(b []byte) (Signature, error) {
	r := newFields(b)
	s := Signature{Index: r.index(), Basis: r.basis()}
	s.Basis.Size = r.size()
	s.Body = r.Rest()
	return s, r.Err()
}

// Drops reports whether the part is one that has the views of an archive dropped.
func (p *Part) Drops() bool { return p.View == Plain && p.Total == 0 && len(p.Body) == 0 }

// AppendPart appends a part frame.
func AppendPart(dst []byte, p Part) []byte {
	head := binary.AppendUvarint(make([]byte, 0, 64+len(p.Bases)*(manifest.DigestSize+1)), uint64(p.Index))
	head = append(head, byte(p.View))
	head = binary.AppendUvarint(head, uint64(p.Offset))
	head = binary.AppendUvarint(head, uint64(p.Total))
	head = binary.AppendUvarint(head, uint64(len(p.Bases)))
	for _, basis := range p.Bases {
		head = appendBasis(head, basis)
	}
	dst = append(dst, byte(FramePart))
	dst = binary.AppendUvarint(dst, uint64(len(head)+len(p.Body)))
	return append(append(dst, head...), p.Body...)
}

// ParsePart reads the payload of a part frame. Body aliases b.
func ParsePart(b []byte) (Part, error) {
	r := newFields(b)
	p := Part{Index: r.index(), View: r.view(), Offset: r.size(), Total: r.size()}
	for n := r.count(MaxBases); n > 0; n-- {
		p.Bases = append(p.Bases, r.basis())
	}
	p.Body = r.Rest()
	return p, r.Err()
}

// AppendFile appends a file frame.
func AppendFile(dst []byte, f File) []byte {
	return append(AppendFileHead(dst, f.Index, len(f.Content)), f.Content...)
}

// AppendFileHead appends a file frame but for its content, size bytes that the
// caller appends.
func AppendFileHead(dst []byte, index, size int) []byte {
	var head [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(head[:], uint64(index))
	dst = append(dst, byte(FrameFile))
	dst = binary.AppendUvarint(dst, uint64(n+size))
	return append(dst, head[:n]...)
}

// ParseFile reads the payload of a file frame. Content aliases b.
func ParseFile(b []byte) (File, error) {
	r := newFields(b)
	f := File{Index: r.index()}
	f.Content = r.Rest()
	return f, r.Err()
}

// AppendStored appends a stored frame; indices need not ascend.
func AppendStored(dst []byte, ss []Storing) []byte {
	var p []byte
	for _, s := range ss {
		p = binary.AppendUvarint(p, uint64(s.Index))
		p = append(p, byte(s.Outcome))
	}
	return AppendFrame(dst, FrameStored, p)
}

// ParseStored reads the payload of a stored frame.
func ParseStored(b []byte) ([]Storing, error) {
	r := newFields(b)
	var ss []Storing
	for r.Len() > 0 {
		s := Storing{Index: r.index(), Outcome: Outcome(r.Byte())}
		if r.Err() != nil {
			return nil, r.Err()
		}
		ss = append(ss, s)
	}
	return ss, nil
}

// Rebuilt says how long a server was at making an archive of its views.
type Rebuilt struct {
	Index int
	Took  time.Duration // in whole milliseconds
}

// maxRebuild is the longest time that a rebuilt frame may tell, in milliseconds.
const maxRebuild = 1 << 32

// AppendRebuilt appends a rebuilt frame.
func AppendRebuilt(dst []byte, rs ...Rebuilt) []byte {
	var p []byte
	for _, r := range rs {
		p = binary.AppendUvarint(p, uint64(r.Index))
		p = binary.AppendUvarint(p, uint64(min(max(r.Took.Milliseconds(), 0), maxRebuild)))
	}
	return AppendFrame(dst, FrameRebuilt, p)
}

// ParseRebuilt reads the payload of a rebuilt frame.
func ParseRebuilt(b []byte) ([]Rebuilt, error) {
	r := newFields(b)
	var rs []Rebuilt
	for r.Len() > 0 {
		one := Rebuilt{Index: r.index(), Took: time.Duration(r.Uvarint(maxRebuild)) * time.Millisecond}
		if r.Err() != nil {
			return nil, r.Err()
		}
		rs = append(rs, one)
	}
	return rs, nil
}

// namedView is added to the view of a basis of which a few bytes of the digest follow.
const namedView = 4

func appendBasis(dst []byte, b Basis) []byte {
	if b.Named {
		return append(append(dst, byte(b.View)+namedView), b.Digest[:namedBytes]...)
	}
	return append(append(dst, byte(b.View)), b.Digest[:]...)
}
