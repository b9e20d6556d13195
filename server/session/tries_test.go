package session_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/pubsync/pubsync/delta/archive"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/delta/deflate"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// tiresome is a gzip, as its plain view and a recipe by which it takes long to rebuild:
// every byte is a literal, though an encoder would have found matches, and every search
// meets hundreds of candidates that are alike for a hundred bytes.
func tiresome(t *testing.T) (content, plain, recipe []byte) {
	t.Helper()
	text := bytes.Repeat([]byte("a"), 12_000)
	r := rand.New(rand.NewPCG(11, 4))
	for i := 0; i < len(text); i += 60 + r.IntN(180) {
		text[i] = byte('b' + r.IntN(3))
	}
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, 9)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	spool, err := os.Create(filepath.Join(t.TempDir(), "plain"))
	if err != nil {
		t.Fatal(err)
	}
	defer spool.Close()
	src := bytes.NewReader(z.Bytes())
	view, err := archive.Expand(t.Context(), src, src.Size(), spool, archive.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	plain = make([]byte, view.PlainSize)
	if _, err := spool.ReadAt(plain, 0); err != nil {
		t.Fatal(err)
	}
	honest, _, err := deflate.Split(t.Context(), bytes.NewReader(z.Bytes()[10:]), &bytes.Buffer{}, deflate.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	_, model := binary.Uvarint(honest[1:])
	listed := append(bytes.Clone(honest[:1+model]), 1|16) // the last segment, with tokens listed
	listed = binary.AppendUvarint(listed, uint64(2*len(text)))
	for i := range text {
		listed = append(listed, byte(min(i, 1)), 0)
	}
	sized := func(b []byte) []byte { return append(binary.AppendUvarint(nil, uint64(len(b))), b...) }
	recipe = bytes.Replace(view.Recipe, sized(honest), sized(listed), 1)
	var out bytes.Buffer
	if err := archive.Rebuild(t.Context(), bytes.NewReader(plain), view.PlainSize, recipe, &out, archive.DefaultLimits(), nil); err != nil {
		t.Fatal(err)
	}
	if out.Len() < len(text)/8 {
		t.Fatalf("%d bytes of literals are %d", len(text), out.Len())
	}
	return out.Bytes(), plain, recipe
}

// An archive is tried several times, which together may search for no longer than one
// try: here a first, by a recipe that is wrong, leaves too little for the second.
func TestTriesSearchTogether(t *testing.T) {
	content, plain, recipe := tiresome(t)
	wrong := bytes.Replace(recipe, []byte{0x1f, 0x8b, 8, 0, 0, 0}, []byte{0x1f, 0x8b, 8, 0, 1, 0}, 1) // another time
	c := codec.NewCoder()
	part := func(v wire.View, b []byte) []byte {
		return wire.AppendPart(nil, wire.Part{View: v, Total: int64(len(b)), Body: c.AppendWhole(nil, b, codec.Fast)})
	}
	for _, x := range []struct {
		recipes [][]byte
		want    wire.Outcome
	}{
		{[][]byte{recipe}, wire.Stored},
		{[][]byte{wrong, recipe}, wire.Resend},
	} {
		s := newServer(t)
		l := manifest.List{file("a.gz", content)}
		s.open(l)
		s.mustExchange(wire.AppendList(nil, 0, l), digests(l), part(wire.Plain, plain))
		for i, r := range x.recipes {
			want := x.want
			if i+1 < len(x.recipes) {
				want = wire.Remodel
			}
			if got := s.outcomes(s.mustExchange(part(wire.Recipe, r)))[0]; got != want {
				t.Errorf("recipe %d of %d: outcome %v, want %v", i+1, len(x.recipes), got, want)
			}
		}
	}
}
