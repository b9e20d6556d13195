package archive

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/pubsync/pubsync/delta/deflate"
)

// memSpool is a spool in memory.
type memSpool struct{ b []byte }

func (s *memSpool) WriteAt(p []byte, off int64) (int, error) {
	if n := int(off) + len(p); n > len(s.b) {
		s.b = append(s.b, make([]byte, n-len(s.b))...)
	}
	return copy(s.b[off:], p), nil
}

func (s *memSpool) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(s.b).ReadAt(p, off)
}

// verbatim is a stand-in for package deflate whose recipe is the compressed
// stream itself.
type verbatim struct{}

type guideOfStream = deflate.Guide

func (verbatim) split(_ context.Context, r *io.SectionReader, plain io.Writer) ([]byte, int64, error) {
	all, err := io.ReadAll(r)
	if err != nil {
		return nil, 0, err
	}
	br := bytes.NewReader(all)
	if _, err := io.Copy(plain, flate.NewReader(br)); err != nil {
		var c flate.CorruptInputError
		if errors.As(err, &c) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, 0, deflate.ErrCorrupt
		}
		return nil, 0, err
	}
	used := int64(len(all) - br.Len())
	return all[:used], used, nil
}

func (verbatim) join(_ context.Context, w io.Writer, plain io.Reader, recipe []byte, _ *guideOfStream) error {
	if _, err := io.Copy(io.Discard, plain); err != nil {
		return err
	}
	_, err := w.Write(recipe)
	return err
}

// roundTrip expands b, checks the view's shape, and rebuilds it.
func roundTrip(t testing.TB, b []byte, st streams) *View {
	t.Helper()
	v, err := expand(t.Context(), bytes.NewReader(b), int64(len(b)), &memSpool{}, DefaultLimits(), st)
	if errors.Is(err, ErrNotArchive) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	checkView(t, v)
	var out bytes.Buffer
	j, err := newRebuilder(t.Context(), v.Plain, v.PlainSize, v.Recipe, DefaultLimits(), st)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.run(&out); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(out.Bytes(), b) {
		t.Fatal("rebuilt archive differs")
	}
	return v
}

func checkView(t testing.TB, v *View) {
	t.Helper()
	at := int64(0)
	for _, s := range v.Segments {
		if s.Off != at || s.Len <= 0 {
			t.Fatalf("segment %v at %d", s, at)
		}
		at = s.End()
	}
	if at != v.PlainSize || len(v.Keys) != len(v.Segments) || v.Columns > len(v.Segments) {
		t.Fatalf("segments end at %d of %d; %d keys for %d", at, v.PlainSize, len(v.Keys), len(v.Segments))
	}
}
