package wire

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pubsync/pubsync/sync/manifest"
)

func TestOutlineRoundTrip(t *testing.T) {
	l := manifest.List{{Path: "a", Kind: manifest.File, Size: 1}, {Path: "b", Kind: manifest.Dir}, {Path: "c", Kind: manifest.File}}
	o := Outline{Cut: 1, Groups: l.Groups(1)}
	got, err := ParseOutline(payload(t, AppendOutline(nil, o)))
	if err != nil || !cmp.Equal(got, o) {
		t.Errorf("outline: %v %s", err, cmp.Diff(o, got))
	}
	for _, o := range []Outlined{
		{Groups: []Standing{Stands, Unknown, OtherStats, OtherDirs, Stands}, Rest: l, HasRest: true},
		{Groups: []Standing{OtherStats}, HasRest: true},
		{Groups: []Standing{Unknown, Stands}},
	} {
		got, err := ParseOutlined(payload(t, AppendOutlined(nil, o)), 10)
		if err != nil || !cmp.Equal(got, o) {
			t.Errorf("outlined: %v %s", err, cmp.Diff(o, got))
		}
	}
	for name, b := range map[string][]byte{
		"a group of nothing": {1, 0, 1, 2, 3, 4, 5, 6, 1, 2, 3, 1, 2, 3},
		"a sum cut short":    {1, 9, 1, 2, 3, 4, 5, 6, 1, 2, 3, 1, 2},
		"more than all":      {1, 0xff, 0xff, 0xff, 0xff, 1, 1, 2, 3, 4, 5, 6, 1, 2, 3, 1, 2, 3},
	} {
		if o, err := ParseOutline(b); err == nil {
			t.Errorf("%s: %v", name, o)
		}
	}
	if o, err := ParseOutlined([]byte{0xff, 0xff, 3, 0}, 10); err == nil {
		t.Errorf("more groups than bits: %v", o)
	}
}
