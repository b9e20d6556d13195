package export

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pubsync/pubsync/sync/manifest"
)

func sampleList() manifest.List {
	return manifest.List{dir("d", 0o755), file("d/a", "a", 0o644, 0), file("d/b", "b", 0o600, 5), link("d/l", "../x")}
}

// No damage to a list can pass: a version would be taken to hold what it does
// not.
func TestIndexIsChecked(t *testing.T) {
	b := appendIndex(nil, sampleList())
	if l, err := parseIndex(b); err != nil || !cmp.Equal(l, sampleList()) {
		t.Fatalf("%v %s", err, cmp.Diff(l, sampleList()))
	}
	if l, err := parseIndex(appendIndex(nil, nil)); err != nil || len(l) != 0 {
		t.Errorf("an empty list: %v %v", l, err)
	}
	for i := range b {
		if _, err := parseIndex(b[:i]); err == nil {
			t.Errorf("cut at %d of %d: no error", i, len(b))
		}
		for bit := range 8 {
			b[i] ^= 1 << bit
			if _, err := parseIndex(b); err == nil {
				t.Errorf("bit %d of byte %d flipped: no error", bit, i)
			}
			b[i] ^= 1 << bit
		}
	}
	if _, err := parseIndex(append(b, 0)); err == nil {
		t.Error("a byte too many: no error")
	}
}

func FuzzParseIndex(f *testing.F) {
	f.Add(appendIndex(nil, nil))
	f.Add(appendIndex(nil, sampleList()))
	f.Fuzz(func(t *testing.T, b []byte) {
		l, err := parseIndex(b)
		if err != nil {
			return
		}
		if l2, err := parseIndex(appendIndex(nil, l)); err != nil || !cmp.Equal(l, l2) {
			t.Fatalf("%v %s", err, cmp.Diff(l, l2))
		}
	})
}
