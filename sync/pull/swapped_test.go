package pull_test

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pubsync/pubsync/sync/walk/swaptest"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/pull"
)

// TestSwappedFolder pulls while a folder of the tree and a link to one outside
// take turns at one name (threats, row 19): nothing outside is written, and what
// arrives is inside. A pull may fail.
func TestSwappedFolder(t *testing.T) {
	root, outside := victims(t)
	var (
		flips atomic.Int64
		stop  = make(chan struct{})
		wg    sync.WaitGroup
	)
	if err := root.Mkdir("sub", 0o755); err != nil {
		t.Fatal(err)
	}
	wg.Go(func() { swaptest.Flip(stop, root.Name(), outside, &flips) })
	const rounds = 200
	for i := 0; i < rounds || flips.Load() < rounds; i++ {
		// Other bytes each time, so that each time both files are fetched.
		content := bytes.Repeat([]byte{'a' + byte(i%2)}, len(good))
		l := manifest.List{dir("sub"), file("sub/f"), file("sub/g")}
		for k := range l[1:] {
			l[1+k].Digest, l[1+k].MTime = manifest.DigestOf(content), int64(i+1)
		}
		_, _ = pull.Pull(t.Context(), hostile{l, func() io.Reader { return bytes.NewReader(content) }}, root, pull.Options{Checksum: true})
	}
	close(stop)
	wg.Wait()
	unchanged(t, outside)
	l := manifest.List{dir("sub"), file("sub/f")}
	if _, err := pull.Pull(t.Context(), hostile{l, func() io.Reader { return bytes.NewReader([]byte(good)) }}, root, pull.Options{Delete: true}); err != nil {
		t.Fatal(err)
	}
	if b, err := root.ReadFile("sub/f"); err != nil || string(b) != good {
		t.Errorf("at rest: %q, %v", b, err)
	}
}

// TestSwappedFolderAtOnce swaps the folder for the link just before a file is written,
// whatever the machine's pace.
func TestSwappedFolderAtOnce(t *testing.T) {
	root, outside := victims(t)
	sub := filepath.Join(root.Name(), "sub")
	l := manifest.List{dir("sub"), file("sub/f")}
	swapped := false
	o := pull.Options{Event: func(manifest.Path, string) {
		swapped = os.Rename(sub, sub+".aside") == nil && os.Symlink(outside, sub) == nil
	}}
	_, err := pull.Pull(t.Context(), hostile{l, func() io.Reader { return bytes.NewReader([]byte(good)) }}, root, o)
	if !swapped || err == nil {
		t.Errorf("swapped %v, and the pull ends with %v", swapped, err)
	}
	unchanged(t, outside)
}
