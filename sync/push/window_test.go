package push

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// windowPusher walks a directory of the files, all of which need a digest, and is
// next door to its server.
func windowPusher(t *testing.T, body int64, files map[string][]byte) *pusher {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := walk.Walk(t.Context(), walk.Options{Sources: []walk.Source{{Dir: dir}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	p := &pusher{tree: tree, needs: make([]bool, len(tree.Entries)), alike: make([]bool, len(tree.Entries)), shelves: make(chan []byte, 1), fresh: true}
	for i := range p.needs {
		p.needs[i] = true
	}
	p.body.Store(body)
	p.limits.Parallel = 8
	p.rate.learn(time.Millisecond, 2e9)
	return p
}

// While the server answers for the list those files are hashed that windows do not read
// once more, to keep them: next door that is the large ones.
func TestAhead(t *testing.T) {
	p := windowPusher(t, 4<<20, map[string][]byte{"large": make([]byte, smallFile+1), "small": make([]byte, smallFile)})
	p.runs = []run{{n: len(p.tree.Entries)}}
	for _, c := range []struct {
		trip time.Duration
		want string
	}{{time.Millisecond, "large"}, {longTrip, "large small"}} {
		p.rate.learn(c.trip, 2e9)
		var names []string
		for _, i := range p.ahead() {
			names = append(names, string(p.tree.Entries[i].Path))
		}
		if got := strings.Join(names, " "); got != c.want {
			t.Errorf("%v away: %q hashed ahead, want %q", c.trip, got, c.want)
		}
	}
}

// Every file is in one window; those that are small are kept from their hashing, in
// frames that hold what the file holds.
func TestWindowsKeepContent(t *testing.T) {
	const body = 64 << 10
	files := map[string][]byte{"empty": nil, "large": bytes.Repeat([]byte("l"), smallFile+1), "over": bytes.Repeat([]byte("o"), body)}
	for i := range 40 {
		files[fmt.Sprintf("f%02d", i)] = bytes.Repeat([]byte{byte(i)}, 5000)
	}
	p := windowPusher(t, body, files)
	c, seen, windows := p.cutter(), map[int]bool{}, 0
	for w, ok := c.cut(); ok; w, ok = c.cut() {
		windows++
		if err := p.hash(t.Context(), &w); err != nil {
			t.Fatal(err)
		}
		for _, i := range w.indices {
			e := &p.tree.Entries[i]
			content := files[string(e.Path)]
			if seen[i] {
				t.Errorf("%q is in two windows", e.Path)
			}
			seen[i] = true
			if want := manifest.DigestOf(content); e.Digest != want {
				t.Errorf("%q: digest %v, want %v", e.Path, e.Digest, want)
			}
			frame := w.shelf.frame(i)
			if kept := len(content) <= 5000; kept != (frame != nil) {
				t.Errorf("%q: kept %v, want %v", e.Path, frame != nil, kept)
			}
			if want := wire.AppendFile(nil, wire.File{Index: i, Content: content}); frame != nil && !bytes.Equal(frame, want) {
				t.Errorf("%q: another frame is kept", e.Path)
			}
		}
		p.putBack(w.shelf)
	}
	if len(seen) != len(files) || windows < 4 || windows > 6 {
		t.Errorf("%d of %d files in %d windows", len(seen), len(files), windows)
	}
}

// What the shelf holds becomes the body in place, whatever of it is not wanted.
func TestMoveUp(t *testing.T) {
	files := map[string][]byte{}
	for i := range 9 {
		files[fmt.Sprint(i)] = bytes.Repeat([]byte{byte('a' + i)}, 100*i)
	}
	p := windowPusher(t, 1<<20, files)
	c := p.cutter()
	w, _ := c.cut()
	if err := p.hash(t.Context(), &w); err != nil {
		t.Fatal(err)
	}
	w.shelf.drop(4)
	s := newSender(t.Context(), p, newFailures())
	s.shelf = w.shelf
	want := wire.AppendNumber(nil, wire.FrameNumber, 1)
	var vs []wire.Verdict
	for i := 0; i < 9; i++ {
		if i == 2 || i == 6 {
			continue // held
		}
		vs = append(vs, wire.Verdict{Index: i})
		if i != 4 {
			want = wire.AppendFile(want, wire.File{Index: i, Content: files[fmt.Sprint(i)]})
		}
	}
	rest := s.moveUp(vs, nil)
	if !bytes.Equal(s.body, want) || len(s.on) != 6 || len(rest) != 1 || rest[0].Index != 4 {
		t.Errorf("%d bytes of body, want %d; %d on it; left %v", len(s.body), len(want), len(s.on), rest)
	}
}

// Where most of what is asked about is held, nothing is kept, and windows are large.
func TestWindowsOfWhatIsHeld(t *testing.T) {
	p := windowPusher(t, 1<<20, map[string][]byte{"f": []byte("x")})
	if !p.keeps() {
		t.Error("nothing is kept of a first push")
	}
	p.had.Store(2)
	p.lacked.Store(1)
	c := p.cutter()
	if w, ok := c.cut(); !ok || w.shelf != nil {
		t.Errorf("window %+v", w)
	}
}

// Where a round trip takes long all windows are under way at once, unless they would
// be very large; where it does not they are of the usual size.
func TestWindowsAtOnce(t *testing.T) {
	for _, c := range []struct {
		trip  time.Duration
		sizes []int64 // MiB
		want  int
	}{
		{100 * time.Millisecond, slices.Repeat([]int64{7}, 75), manyWindows}, // 9 of the usual size
		{100 * time.Millisecond, slices.Repeat([]int64{60}, 1), 1},
		{100 * time.Millisecond, slices.Repeat([]int64{6}, 600), 16}, // 3.5 GiB
		{time.Millisecond, slices.Repeat([]int64{7}, 75), 9},
	} {
		p := &pusher{tree: &walk.Tree{}}
		for _, size := range c.sizes {
			p.tree.Entries = append(p.tree.Entries, manifest.Entry{Kind: manifest.File, Size: size << 20})
			p.needs = append(p.needs, true)
		}
		p.alike = make([]bool, len(p.needs))
		p.limits.Parallel = 8
		p.rate.learn(c.trip, 2e6)
		if got := p.countWindows(); got > c.want || got < c.want-1 {
			t.Errorf("round trip %v, %d files: %d windows, want %d", c.trip, len(c.sizes), got, c.want)
		}
	}
}

// Files that go by signatures that came unasked are in the first window, those as long as
// what stands there in the last ones, whose bytes do not count once they are hashed; each
// is in one. Where the latter are few they go with the others, and a window is the only one.
func TestWindowsByKind(t *testing.T) {
	const files, size = 3 * manyAlike, 1 << 20
	p := &pusher{tree: &walk.Tree{}, alike: make([]bool, files), needs: make([]bool, files), direct: map[int]bool{}}
	p.rate.learn(100*time.Millisecond, 2e6)
	p.limits.Parallel = 8
	var want [kinds][]int
	for i := range files {
		e := manifest.Entry{Kind: manifest.File, Size: size, Digest: manifest.DigestOf([]byte{1})}
		p.tree.Entries, p.needs[i] = append(p.tree.Entries, e), true
		k := likely
		switch {
		case i%100 == 3:
			k, p.direct[i] = matchable, true
		case i%100 == 7:
			k = unlike
		}
		p.alike[i] = k == likely
		want[k] = append(want[k], i)
	}
	c := p.cutter()
	for k, indices := range want {
		w, ok := c.cut()
		if !ok || w.only || w.direct != (kind(k) == matchable) || !slices.Equal(w.indices, indices) {
			t.Errorf("kind %d: %d files, of which %d are wanted; only: %v, direct: %v", k, len(w.indices), len(indices), w.only, w.direct)
		}
	}
	if w, ok := c.cut(); ok {
		t.Errorf("another window of %d files", len(w.indices))
	}
	clear(p.needs)
	for i := range 9 {
		p.needs[i] = i != 3
	}
	c = p.cutter()
	if w, ok := c.cut(); !ok || !w.only || len(w.indices) != 8 {
		t.Errorf("%d files, only: %v", len(w.indices), w.only)
	}
}
