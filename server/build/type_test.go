package build_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pubsync/pubsync/server/build"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

func types() build.Types {
	return build.Types{
		"any":  {Aliases: []string{"latest"}, Named: []string{"good"}},
		"one":  {Depth: 1, Aliases: []string{"latest"}},
		"two":  {Depth: 2, Aliases: []string{"latest"}},
		"none": {},
	}
}

func TestBuildOfTarget(t *testing.T) {
	for target, want := range map[manifest.Path]manifest.Path{
		"any": "", "any/1": "any/1", "any/a/1": "any/a/1",
		"one": "", "one/1": "one/1", "one/1/images": "one/1",
		"two/a": "", "two/a/1": "two/a/1", "two/a/1/x/y": "two/a/1",
		"none/1": "none/1", "other/1": "",
	} {
		got, ok := types().Of(target)
		if got != want || ok != (want != "") {
			t.Errorf("Of(%q) = %q, %v; want %q", target, got, ok, want)
		}
	}
}

func TestNamesThatPushesMayUse(t *testing.T) {
	for _, c := range []struct {
		target manifest.Path
		names  []string
		want   wire.Code
	}{
		{"any/1", nil, ""},
		{"any/1", []string{"good"}, ""},
		{"any/1", []string{"good", "latest"}, ""},
		{"any/1", []string{"good", "good"}, wire.CodeBadRequest},
		{"any/1", []string{"bad"}, wire.CodeBadRequest},
		{"any", []string{"good"}, wire.CodeBadRequest},
		{"other/1", []string{"good"}, wire.CodeBadRequest},
		{"other/latest", nil, ""},
		{"any/latest", nil, wire.CodeBadPath},
		{"any/good", nil, wire.CodeBadPath},
		{"any/latest/1", nil, wire.CodeBadPath},
		{"any/a/good", nil, wire.CodeBadPath},
		{"one/latest/x", nil, wire.CodeBadPath},
		{"one/1/latest", nil, ""}, // within the build
		{"latest/1", nil, ""},
	} {
		err := types().Check(c.target, c.names)
		var got *wire.Error
		if errors.As(err, &got); (err == nil) != (c.want == "") || err != nil && got.Code != c.want {
			t.Errorf("Check(%q, %q): %v, want %q", c.target, c.names, err, c.want)
		}
	}
}

// A number that is higher is newer; where names differ in more than numbers, none
// is.
func TestNewer(t *testing.T) {
	for _, c := range []struct{ newer, older string }{
		{"42", "41"}, {"10", "9"}, {"100", "099"}, {"v1.10", "v1.9"}, {"v2.0-rc1", "v1.9-rc7"}, {"2026-05-02", "2026-04-30"},
		{"b1.2.3", "b1.2.2"}, {"build-7_x", "build-6_x"}, {"18446744073709551617", "18446744073709551616"},
	} {
		if ts := types(); !ts.Newer(c.newer, c.older) || ts.Newer(c.older, c.newer) {
			t.Errorf("%q is newer than %q: %v, the reverse: %v", c.newer, c.older, ts.Newer(c.newer, c.older), ts.Newer(c.older, c.newer))
		}
	}
	for _, c := range []struct{ a, b string }{
		{"42", "42"}, {"042", "42"}, {"x", "y"}, {"v2", "w1"}, {"v2", "v"}, {"2", ""}, {"1.2.1", "1.1"}, {"2a", "1b"}, {"9f2c", "8e1d"}, {"2-rc1", "1"},
	} {
		if ts := types(); ts.Newer(c.a, c.b) || ts.Newer(c.b, c.a) {
			t.Errorf("one of %q and %q is newer", c.a, c.b)
		}
	}
}

func TestLinksOfAPublication(t *testing.T) {
	at := time.Unix(5, 6)
	link := func(path manifest.Path, to string) manifest.Entry {
		return manifest.Entry{Path: path, Kind: manifest.Symlink, Mode: 0o777, MTime: 5_000_000_006, Link: to}
	}
	for _, c := range []struct {
		target       manifest.Path
		names        []string
		build        manifest.Path
		follow, move manifest.List
	}{
		{"any/a/1", nil, "any/a/1", manifest.List{link("any/a/latest", "1")}, nil},
		{"any/1", []string{"good"}, "any/1", manifest.List{link("any/latest", "1")}, manifest.List{link("any/good", "1")}},
		{"any/1", []string{"latest"}, "any/1", nil, manifest.List{link("any/latest", "1")}},
		{"one/1/images", nil, "one/1", manifest.List{link("one/latest", "1")}, nil},
		{"one", nil, "", nil, nil},
		{"none/1", nil, "none/1", nil, nil},
	} {
		b, follow, move := types().Names(c.target, c.names, at)
		if b != c.build || !cmp.Equal(follow, c.follow) || !cmp.Equal(move, c.move) {
			t.Errorf("Names(%q, %q) = %q, %v, %v", c.target, c.names, b, follow, move)
		}
	}
}
