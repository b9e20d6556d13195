package push

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// What is compressed as one is looked for by its bytes in what the server has over a slow
// link only, if it is for the push to choose; anything else is over any.
func TestPackedMatch(t *testing.T) {
	noise := make([]byte, minLane)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.Write(noise)
	w.Close()
	for _, c := range []struct {
		name    string
		content []byte
		rate    float64
		how     Through
		want    bool
	}{
		{"a slow link", packed.Bytes(), 2.5e6, Auto, true},
		{"a quick link", packed.Bytes(), 12.5e6, Auto, false},
		{"a quick link, and no archive is to be taken apart", packed.Bytes(), 12.5e6, Never, true},
		{"no archive", noise, 12.5e6, Auto, true},
	} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "f"), c.content, 0o644); err != nil {
			t.Fatal(err)
		}
		tree, err := walk.Walk(t.Context(), walk.Options{Sources: []walk.Source{{Dir: dir}}})
		if err != nil {
			t.Fatal(err)
		}
		defer tree.Close()
		f, err := tree.Open(0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		p := &pusher{tree: tree, opts: Options{Through: c.how, Now: time.Now}}
		p.rate.learn(40*time.Millisecond, c.rate)
		m := &match{verdict: wire.Verdict{Bases: []wire.Basis{{Size: 1}}}, file: f}
		if err := (&sender{p: p, failed: newFailures()}).useBytes(m, nil); err != nil {
			t.Fatal(err)
		}
		if got := len(m.streams[0].bases) > 0; got != c.want {
			t.Errorf("%s: looked for %v", c.name, got)
		}
	}
}
