package codec_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
)

// Frozen vectors of version 1: what is in testdata/v1 decodes to the same for
// ever. -add writes the files that are not there yet and changes none.
var addVectors = flag.Bool("add", false, "write vectors that are missing from testdata/v1")

const vectorDir = "testdata/v1"

// hexBytes are bytes that are hexadecimal in JSON.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(h)), nil }
func (h *hexBytes) UnmarshalText(b []byte) (err error) {
	*h, err = hex.DecodeString(string(b))
	return err
}

type partVector struct {
	Note   string     `json:"note"`
	Bases  []hexBytes `json:"bases"`
	Part   hexBytes   `json:"part"`
	Output hexBytes   `json:"output,omitempty"`
	Error  string     `json:"error,omitempty"` // malformed, too large, bad copy
}

type signatureVector struct {
	Note      string        `json:"note"`
	Basis     hexBytes      `json:"basis"`
	Request   delta.Request `json:"request"`
	Coded     hexBytes      `json:"coded_request"`
	Signature hexBytes      `json:"coded_signature"`
}

// load reads a vector, or writes made first if it is missing and -add is given.
func load(t *testing.T, path string, made func() any, v any) {
	t.Helper()
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && *addVectors && made != nil {
		if b, err = json.MarshalIndent(made(), "", "  "); err == nil {
			err = os.WriteFile(path, append(b, '\n'), 0o644)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

// vectorParts makes the parts of the vectors.
func vectorParts(t *testing.T) map[string]func() any {
	c := codec.NewCoder()
	old, other := text(1, 600), text(2, 300)
	encode := func(note string, src []byte, ops []delta.Op, bases ...[]byte) func() any {
		return func() any {
			v := partVector{Note: note, Output: src}
			for _, b := range bases {
				v.Bases = append(v.Bases, b)
			}
			ps, _ := parts(t, c, src, ops, codec.EncodeOptions{NumBases: len(bases)})
			v.Part = ps[0]
			return v
		}
	}
	mixed := func(note string, bases []delta.Source, src []byte, ops []delta.Op) func() any {
		return func() any {
			v := encode(note, src, ops, old)().(partVector)
			ps, _ := parts(t, c, src, ops, codec.EncodeOptions{Level: codec.Dense, NumBases: 1, Bases: bases})
			v.Part = ps[0]
			return v
		}
	}
	lit := func(off, n int64) delta.Op { return delta.Op{Basis: delta.Literal, Off: off, Len: n} }
	edited := append(append(append(bytes.Clone(old[:200]), "EDITED"...), old[206:400]...), "inserted"...)
	edited = append(edited, old[400:]...)
	edits := []delta.Op{{Len: 200}, lit(200, 6), {Off: 206, Len: 194}, lit(400, 8), {Off: 400, Len: 200}}
	twice := append(bytes.Clone(edited), edited[150:450]...)
	two := append(bytes.Clone(other[100:]), old[:300]...)
	primed := append(append(bytes.Clone(old[:300]), old[200:280]...), old[300:]...)
	replaced := bytes.Clone(old)
	for i := 200; i < 400; i += 40 {
		replaced[i] = '#'
	}
	bad := func(note, what string, change func(p []byte) []byte) func() any {
		return func() any {
			v := encode(note, edited, edits, old)().(partVector)
			v.Part, v.Output, v.Error = change(v.Part), nil, what
			return v
		}
	}
	return map[string]func() any{
		"whole-stored":     encode("a short literal, stored", []byte("twenty bytes at most"), []delta.Op{lit(0, 20)}),
		"whole-compressed": encode("a literal as a zstd frame", bytes.Repeat([]byte("again "), 50), []delta.Op{lit(0, 300)}),
		"edits":            encode("a replacement of equal length and an insertion", edited, edits, old),
		"self":             encode("a copy of own output across literals", twice, append(edits[:5:5], delta.Op{Basis: delta.Self, Off: 150, Len: 300}), old),
		"two-bases":        encode("copies from two bases", two, []delta.Op{{Basis: 1, Off: 100, Len: 200}, {Basis: 0, Off: 0, Len: 300}}, old, other),
		"primed":           encode("a literal that its neighbours foretell", primed, []delta.Op{{Len: 300}, lit(300, 80), {Off: 300, Len: 300}}, old),
		"mixed":            mixed("a literal mixed from what its neighbours have", nil, primed, []delta.Op{{Len: 300}, lit(300, 80), {Off: 300, Len: 300}}),
		"mixed-outside":    mixed("a literal mixed from what it replaces", []delta.Source{source(old)}, replaced, []delta.Op{{Len: 200}, lit(200, 200), {Off: 400, Len: 200}}),
		"bad-version":      bad("another version", "malformed", func(p []byte) []byte { p[0]++; return p }),
		"bad-flag":         bad("an unknown flag", "malformed", func(p []byte) []byte { p[1] |= 0x40; return p }),
		"bad-short":        bad("cut short", "malformed", func(p []byte) []byte { return p[:len(p)-1] }),
		"bad-long":         bad("with a byte too many", "malformed", func(p []byte) []byte { return append(p, 0) }),
		"bad-basis": func() any {
			v := encode("a basis that ends before the copy", edited, edits, old)().(partVector)
			v.Bases, v.Output, v.Error = []hexBytes{old[:599]}, nil, "bad copy"
			return v
		},
	}
}

func TestPartVectors(t *testing.T) {
	kinds := map[string]error{"malformed": codec.ErrMalformed, "too large": codec.ErrTooLarge, "bad copy": codec.ErrBadCopy}
	for name, made := range vectorParts(t) {
		t.Run(name, func(t *testing.T) {
			var v partVector
			load(t, filepath.Join(vectorDir, "part-"+name+".json"), made, &v)
			var bases []delta.Source
			for _, b := range v.Bases {
				bases = append(bases, source(b))
			}
			var out bytes.Buffer
			_, err := codec.NewCoder().Apply(v.Part, bases, &out, 1<<20)
			if v.Error != "" {
				if !errors.Is(err, kinds[v.Error]) {
					t.Fatalf("error %v, want %s", err, v.Error)
				}
				return
			}
			if err != nil || !bytes.Equal(out.Bytes(), v.Output) {
				t.Fatalf("made %q (error %v), want %q", out.Bytes(), err, v.Output)
			}
		})
	}
}

func vectorSignatures() map[string]func() any {
	basis := append(text(3, 500), make([]byte, 300)...)
	sign := func(note string, r delta.Request) func() any {
		return func() any {
			s, err := delta.Sign(source(basis), r)
			if err != nil {
				return err
			}
			size := int64(len(basis))
			return signatureVector{note, basis, r, codec.AppendRequest(nil, &r, size), codec.AppendSignature(nil, s, size)}
		}
	}
	return map[string]func() any{
		"blocks": sign("all of a basis, the last block short", delta.Request{BlockSize: 64, WeakBits: 20, StrongBits: 21, Ranges: []delta.Range{{Off: 0, Len: 800}}}),
		"ranges": sign("two ranges, counted in units of 16", delta.Request{BlockSize: 32, WeakBits: 13, StrongBits: 17, Ranges: []delta.Range{{Off: 16, Len: 64}, {Off: 96, Len: 80}}}),
		"whole":  sign("whole ranges", delta.Request{StrongBits: 40, Ranges: []delta.Range{{Off: 0, Len: 500}, {Off: 500, Len: 1}, {Off: 501, Len: 299}}}),
		"runs":   sign("runs of equal blocks", delta.Request{BlockSize: 16, WeakBits: 16, StrongBits: 24, Ranges: []delta.Range{{Off: 496, Len: 304}}}),
	}
}

func TestSignatureVectors(t *testing.T) {
	for name, made := range vectorSignatures() {
		t.Run(name, func(t *testing.T) {
			var v signatureVector
			load(t, filepath.Join(vectorDir, "signature-"+name+".json"), made, &v)
			size := int64(len(v.Basis))
			s, err := delta.Sign(source(v.Basis), v.Request)
			if err != nil {
				t.Fatal(err)
			}
			if got := codec.AppendRequest(nil, &v.Request, size); !bytes.Equal(got, v.Coded) {
				t.Errorf("request coded as %x, frozen as %x", got, v.Coded)
			}
			if got := codec.AppendSignature(nil, s, size); !bytes.Equal(got, v.Signature) {
				t.Errorf("signature coded as %x, frozen as %x", got, v.Signature)
			}
			got, err := codec.DecodeSignature(v.Signature, size)
			if err != nil || !reflect.DeepEqual(got, s) {
				t.Errorf("signature decoded as %+v (error %v), want %+v", got, err, s)
			}
			req, err := codec.DecodeRequest(v.Coded, size)
			if err != nil || !reflect.DeepEqual(req, v.Request) {
				t.Errorf("request decoded as %+v (error %v), want %+v", req, err, v.Request)
			}
		})
	}
}
