package codec_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
	"pgregory.net/rapid"
)

// drawRequest draws a request and the size of a basis that it fits.
func drawRequest(t *rapid.T) (delta.Request, int64) {
	r := delta.Request{StrongBits: rapid.IntRange(8, 24).Draw(t, "strong")}
	if rapid.Bool().Draw(t, "blocks") {
		r.BlockSize = rapid.IntRange(1, 5000).Draw(t, "block size")
		r.WeakBits = rapid.IntRange(8, 40).Draw(t, "weak")
	}
	unit := int64(1) << rapid.IntRange(0, 12).Draw(t, "unit")
	end := int64(0)
	r.Ranges = []delta.Range{}
	for range rapid.IntRange(0, 10).Draw(t, "ranges") {
		g := delta.Range{Off: end + unit*rapid.Int64Range(0, 9).Draw(t, "gap"), Len: unit * rapid.Int64Range(1, 9).Draw(t, "length")}
		r.Ranges, end = append(r.Ranges, g), g.End()
	}
	return r, end + rapid.Int64Range(0, 3).Draw(t, "more")
}

func TestRequestsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, size := drawRequest(t)
		if n := len(r.Ranges); n > 0 && rapid.Bool().Draw(t, "odd end") && r.Ranges[n-1].Len > 1 {
			r.Ranges[n-1].Len--
			size = r.Ranges[n-1].End()
		}
		got, err := codec.DecodeRequest(codec.AppendRequest(nil, &r, size), size)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, r) {
			t.Fatalf("%+v comes back as %+v", r, got)
		}
	})
}

func TestSignaturesComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r, size := drawRequest(t)
		s := &delta.Signature{Request: r, Hashes: []uint64{}}
		for range r.Blocks() {
			h := rapid.Uint64Range(0, 3).Draw(t, "hash") * 0x9E3779B97F4A7C15
			s.Hashes = append(s.Hashes, h>>(64-r.HashBits()))
		}
		got, err := codec.DecodeSignature(codec.AppendSignature(nil, s, size), size)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, s) {
			t.Fatalf("%+v comes back as %+v", s, got)
		}
	})
}

func TestEqualBlocksCostLittle(t *testing.T) {
	basis := make([]byte, 4<<20)
	s, err := delta.Sign(source(basis), delta.Request{BlockSize: 4096, WeakBits: 20, StrongBits: 20, Ranges: []delta.Range{{Len: 4 << 20}}})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(codec.AppendHashes(nil, s)); n > 16 {
		t.Errorf("hashes of 1024 equal blocks take %d bytes, want 16 at most", n)
	}
}

func TestSignatureDecodersRefuse(t *testing.T) {
	r := delta.Request{BlockSize: 1000, WeakBits: 20, StrongBits: 20, Ranges: []delta.Range{{Len: 4000}}}
	s, err := delta.Sign(source(randomBytes(1, 5000)), r)
	if err != nil {
		t.Fatal(err)
	}
	request, hashes := codec.AppendRequest(nil, &r, 5000), codec.AppendHashes(nil, s)
	refused := func(name string, err error) {
		if !errors.Is(err, codec.ErrMalformed) && !errors.Is(err, codec.ErrTooLarge) && !errors.Is(err, delta.ErrBadRequest) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for i := range request {
		_, err := codec.DecodeRequest(request[:i], 5000)
		refused("request cut short", err)
	}
	_, err = codec.DecodeRequest(append(request, 0), 5000)
	refused("request with more", err)
	_, err = codec.DecodeRequest(request, 3000)
	refused("request for a smaller basis", err)
	_, err = codec.DecodeRequest([]byte{0x11, 1, 20, 20, 0, 0xff, 0xff, 0xff, 0x7f}, 5000)
	refused("a multitude of ranges", err)
	for i := range hashes {
		_, err := codec.DecodeHashes(hashes[:i], r)
		refused("hashes cut short", err)
	}
	_, err = codec.DecodeHashes(append(hashes, 0), r)
	refused("hashes with more", err)
	_, err = codec.DecodeHashes([]byte{0x32, 1, 3, 0, 0, 0, 0, 0}, r)
	refused("runs of too few", err)
	_, err = codec.DecodeHashes([]byte{0x32, 2, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, r)
	refused("an empty run", err)
}
