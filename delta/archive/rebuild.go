package archive

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/pubsync/pubsync/delta/deflate"
)

// rebuilder turns one view back into its archive. Contents and columns are
// read strictly forwards.
type rebuilder struct {
	ctx     context.Context
	lim     Limits
	plain   io.ReaderAt
	streams streams
	cols    *columnReaders
	names   nameReader
	tar     tarDecoder
	rec     *recipeReader
	head    head

	pos   int64 // of the next content byte in plain
	end   int64 // of the contents
	steps int
	buf   []byte

	guide  *basis
	gzips  int     // seen so far
	layout *layout // if only the places of contents are wanted
}

func newRebuilder(ctx context.Context, plain io.ReaderAt, plainSize int64, recipe []byte, lim Limits, st streams) (*rebuilder, error) {
	if len(recipe) > lim.RecipeBytes+lim.NameLen+256 || plainSize < 0 || plainSize > lim.PlainSize+int64(lim.ColumnBytes) {
		return nil, badRecipe("view exceeds the limits")
	}
	j := &rebuilder{ctx: ctx, lim: lim, plain: plain, streams: st, rec: newRecipeReader(recipe)}
	var err error
	if j.head, err = readHead(j.rec, lim); err != nil {
		return nil, err
	}
	if j.end = plainSize - j.head.total; j.end < 0 {
		return nil, badRecipe("columns larger than the plain stream")
	}
	j.cols = newColumnReaders(plain, j.end, j.head.columns)
	j.names = nameReader{root: j.head.root, max: lim.NameLen}
	j.tar = tarDecoder{
		j:       j,
		shapes:  shapeReader{max: 2*lim.ColumnBytes + 4096},
		patch:   sparseReader{id: colPatch},
		pattern: sparseReader{id: colPattern},
	}
	return j, nil
}

// run writes the archive.
func (j *rebuilder) run(w io.Writer) error {
	var err error
	switch j.head.format {
	case Tar:
		if p := readTarPart(j.rec, j.lim); j.rec.Err() == nil {
			err = j.tar.stream(w, p)
		}
	case Gzip, TarGzip:
		err = j.gzip(w)
	case Zip:
		err = j.zip(w)
	case Ar:
		err = j.ar(w)
	default:
		err = badRecipe("unknown format")
	}
	switch {
	case err != nil:
		return err
	case j.rec.Err() == nil && j.pos != j.end:
		return badRecipe("something is left over")
	}
	return j.rec.End()
}

// step counts a member.
func (j *rebuilder) step() error {
	if j.steps++; j.steps > j.lim.Members {
		return badRecipe("too many members")
	}
	if j.steps%64 == 0 {
		return j.ctx.Err()
	}
	return nil
}

// take returns the next n bytes of content as a range of plain.
func (j *rebuilder) take(n int64) (Range, error) {
	if n < 0 || n > j.end-j.pos {
		return Range{}, badRecipe("more content than the plain stream has")
	}
	r := span(j.pos, n)
	j.pos += n
	return r, nil
}

// content writes the next n bytes of content to w.
func (j *rebuilder) content(w io.Writer, n int64) error {
	r, err := j.take(n)
	if err != nil || n == 0 {
		return err
	}
	if j.layout != nil {
		j.layout.content(r)
		return nil
	}
	return j.copyRange(w, r)
}

func (j *rebuilder) copyRange(w io.Writer, r Range) error {
	if j.buf == nil {
		j.buf = make([]byte, 64<<10)
	}
	for r.Len > 0 {
		b := j.buf[:min(int64(len(j.buf)), r.Len)]
		if n, err := j.plain.ReadAt(b, r.Off); n < len(b) {
			return fmt.Errorf("read plain stream at %d: %w", r.Off, noEOF(err))
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
		r.Off, r.Len = r.Off+int64(len(b)), r.Len-int64(len(b))
		if err := j.ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// join writes the deflate stream of plain and recipe.
func (j *rebuilder) join(w io.Writer, plain io.Reader, recipe []byte, g *deflate.Guide) error {
	err := j.streams.join(j.ctx, w, plain, recipe, g)
	if errors.Is(err, deflate.ErrRecipe) || errors.Is(err, deflate.ErrLimit) {
		return fmt.Errorf("%w: %w", ErrBadRecipe, err)
	}
	return err
}
