package push_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

// durable is an empty server next door that answers content once most requests with
// content wait for that, or nothing else happens for a second.
type durable struct {
	entries int
	most    int
	enough  chan struct{} // closed once so many have come

	mu      sync.Mutex
	waiting int
	arrived map[int]manifest.Digest // what came, by index
}

func (d *durable) Link() (time.Duration, float64)        { return time.Millisecond / 8, 1 << 30 }
func (d *durable) Abandon(context.Context, string) error { return nil }
func (d *durable) Again() func(context.Context, error) error {
	return func(_ context.Context, err error) error { return err }
}

func (d *durable) Open(_ context.Context, _ wire.Open, _ []byte, to func(wire.Frame) error) error {
	o := wire.Opened{Status: wire.StatusOpen, Session: "s", Target: "t", Empty: true, Limits: wire.Limits{Body: 256 << 10, Parallel: 8}}
	return replyWith(wire.AppendOpened(nil, o), to)
}

func (d *durable) Exchange(_ context.Context, _ string, body []byte, to func(wire.Frame) error) error {
	return replyWith(d.answer(body), to)
}

// Send takes the content in, as a connection does, before it says that it has it.
func (d *durable) Send(_ context.Context, _ string, body []byte, _ int64, gone func(), to func(wire.Frame) error) error {
	answer := d.answer(body)
	gone()
	d.mu.Lock()
	if d.waiting++; d.waiting == d.most {
		close(d.enough)
	}
	d.mu.Unlock()
	select {
	case <-d.enough:
	case <-time.After(time.Second):
	}
	return replyWith(answer, to)
}

// answer says that nothing is here, and that what comes is stored.
func (d *durable) answer(body []byte) (frames []byte) {
	var stored []wire.Storing
	for r := wire.NewReader(bytes.NewReader(body)); ; {
		f, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			panic(err)
		}
		switch f.Type {
		case wire.FrameList:
			frames = wire.AppendUnsettled(frames, 0, d.entries, bytes.Repeat([]byte{0xff}, (d.entries+7)/8))
		case wire.FrameDigests:
			ds, _ := wire.ParseDigests(f.Payload)
			vs := make([]wire.Verdict, len(ds))
			for i := range ds {
				vs[i].Index = ds[i].Index
			}
			frames = wire.AppendVerdicts(frames, vs)
		case wire.FrameFile:
			file, _ := wire.ParseFile(f.Payload)
			stored = append(stored, wire.Storing{Index: file.Index, Outcome: wire.Stored})
			d.mu.Lock()
			d.arrived[file.Index] = sha256.Sum256(file.Content)
			d.mu.Unlock()
		case wire.FrameCommit:
			return wire.AppendReceipt(frames, &wire.Receipt{Publication: 1}, wire.Receipt{})
		}
	}
	if len(stored) > 0 {
		frames = wire.AppendStored(frames, stored)
	}
	return frames
}

func replyWith(frames []byte, to func(wire.Frame) error) error {
	for r := wire.NewReader(bytes.NewReader(frames)); ; {
		f, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err == nil {
			err = to(f)
		}
		if err != nil {
			return err
		}
	}
}

// TestWindowsTrail pushes to a server next door that takes its time to make content
// durable: meanwhile two more windows are on their way, in the room of those that wait,
// and no more.
func TestWindowsTrail(t *testing.T) {
	const files, size = 40, 60 << 10 // four to a body
	dir := t.TempDir()
	for i := range files {
		content := bytes.Repeat([]byte(fmt.Sprintf("%7d", i)), size/7)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%02d", i)), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := walk.Walk(t.Context(), walk.Options{Sources: []walk.Source{{Dir: dir}}})
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for most, want := range map[int]bool{4: true, 5: false} {
		synctest.Test(t, func(t *testing.T) {
			d := &durable{entries: len(tree.Entries), most: most, enough: make(chan struct{}), arrived: map[int]manifest.Digest{}}
			began := time.Now()
			if _, err := push.Push(t.Context(), d, tree, push.Options{Now: time.Now}); err != nil {
				t.Fatal(err)
			}
			if at := time.Since(began) == 0; at != want {
				t.Errorf("%d requests with content wait at once: %v, want %v", most, at, want)
			}
			for i, e := range tree.Entries {
				if e.Kind == manifest.File && d.arrived[i] != e.Digest {
					t.Errorf("%s came as something else", e.Path)
				}
			}
		})
	}
}
