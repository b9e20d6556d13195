package archive

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/flate"

	"github.com/pubsync/pubsync/delta/deflate"
)

// Replay writes to spool, from offset 0, the plain stream of an archive whose
// recipe is known from an earlier [Expand]: src must be the same size bytes. It
// only inflates, so it is many times faster than Expand. It returns the plain
// size; an [ErrBadRecipe] means that recipe is not one of src. lim must be as it
// was for Expand.
func Replay(ctx context.Context, src io.ReaderAt, size int64, recipe []byte, spool Spool, lim Limits) (int64, error) {
	r := newRecipeReader(recipe)
	h, err := readHead(r, lim)
	if err != nil {
		return 0, err
	}
	p := readPlan(r, h.format, lim)
	if r.Err() != nil {
		return 0, r.Err()
	}
	f := h.format
	if f == TarGzip {
		f = Gzip
	}
	e := newExpander(ctx, src, size, spool, lim, inflater{})
	v, err := e.run(f, p)
	var raw *rawMember
	if errors.Is(err, ErrNotArchive) || keepsRaw(err) || errors.As(err, &raw) {
		return 0, fmt.Errorf("%w: %w", ErrBadRecipe, err)
	}
	if err != nil {
		return 0, err
	}
	got, err := readHead(newRecipeReader(v.Recipe), lim)
	if err != nil || got.format != h.format || got.columns != h.columns {
		return 0, badRecipe("it is of another archive")
	}
	return v.PlainSize, nil
}

// readPlan reads out of a recipe what was taken apart.
func readPlan(r *recipeReader, f Format, lim Limits) *plan {
	p := &plan{gzips: map[int]int{}, raw: map[int]bool{}}
	switch f {
	case Tar:
	case Gzip, TarGzip:
		var kind byte
		p.gzips[0], kind = skipGzip(r, lim)
		p.noTar = kind == innerRaw
	case Zip:
		p.raw = readZipPart(r, lim).kept
	case Ar:
		readArPlan(r, p, lim)
	default:
		r.Fail("unknown format")
	}
	return p
}

// skipGzip takes the recipe of a gzip off r and returns its number of members
// and inner kind.
func skipGzip(r *recipeReader, lim Limits) (members int, kind byte) {
	kind = r.Byte()
	n := int(r.Uvarint(uint64(lim.Members)))
	for range n {
		r.same(nil, gzipHeaderMax)
		readGzipPart(r, lim)
		if r.Err() != nil {
			return 0, kind
		}
	}
	r.Uvarint(uint64(lim.PlainSize))
	if kind == innerTar {
		readTarPart(r, lim)
	}
	return n, kind
}

func readArPlan(r *recipeReader, p *plan, lim Limits) {
	p.noTar = true
	for i := range int(r.Uvarint(maxArMembers)) {
		r.Bytes(arHeader)
		if r.Byte() == arRaw {
			p.gzips[i] = 0
			r.Uvarint(uint64(lim.PlainSize))
		} else {
			n, kind := skipGzip(r, lim)
			p.gzips[i] = n
			p.noTar = p.noTar && kind == innerRaw
		}
		r.Byte()
	}
}

// inflater is [streams] for plain bytes only.
type inflater struct{}

func (inflater) split(_ context.Context, r *io.SectionReader, plain io.Writer) ([]byte, int64, error) {
	in := &counted{r: r}
	br := bufio.NewReaderSize(in, 64<<10)
	f := flate.NewReader(br)
	_, err := io.Copy(plain, f)
	var corrupt flate.CorruptInputError
	if errors.As(err, &corrupt) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, 0, fmt.Errorf("%w: %w", deflate.ErrCorrupt, err)
	}
	return nil, in.n - int64(br.Buffered()), err
}

func (inflater) join(context.Context, io.Writer, io.Reader, []byte, *deflate.Guide) error {
	return badRecipe("nothing to join")
}

// counted counts what is read through it.
type counted struct {
	r io.Reader
	n int64
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
