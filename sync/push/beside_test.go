package push

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// Of windows of one file two are hashed at once, of others one, and all are given on in
// their order. An error ends it once nothing is hashed any more.
func TestHashWindows(t *testing.T) {
	failed := errors.New("failed")
	for _, c := range []struct {
		name  string
		files []int // of each window
		fails int   // the window that fails; -1: none
		most  int64 // windows hashed at once
		given int
	}{
		{"of one file", []int{1, 1, 1, 1}, -1, 2, 4},
		{"of several", []int{2, 3, 2}, -1, 1, 3},
		{"mixed", []int{2, 1, 2, 2}, -1, 2, 4},
		{"failing", []int{1, 1, 1, 1}, 1, 2, 1},
		{"none", nil, -1, 0, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var given []int
				next := 0
				var at, most atomic.Int64
				var over atomic.Bool        // one has failed
				step := make(chan struct{}) // lets one window be hashed to its end
				late := make(chan struct{}) // lets those end that are not to be hashed any more
				done := make(chan error, 1)
				go func() {
					done <- hashWindows(t.Context(), func() (w window, ok bool) {
						if next == len(c.files) {
							return w, false
						}
						for range c.files[next] {
							w.indices = append(w.indices, next)
						}
						next++
						return w, true
					}, func(ctx context.Context, w *window) error {
						most.Store(max(most.Load(), at.Add(1)))
						defer at.Add(-1)
						select {
						case <-step:
							if w.indices[0] == c.fails {
								over.Store(true)
								return failed
							}
							if over.Load() && w.indices[0] > c.fails {
								t.Errorf("window %d is hashed to its end all the same", w.indices[0])
							}
							return nil
						case <-ctx.Done():
							<-late
							return ctx.Err()
						}
					}, func(w *window) error {
						given = append(given, w.indices[0])
						return nil
					})
				}()
				for ended := false; !ended; {
					synctest.Wait()
					select {
					case err := <-done:
						if ended = true; errors.Is(err, failed) != (c.fails >= 0) || err != nil && c.fails < 0 {
							t.Errorf("%v", err)
						}
					case step <- struct{}{}:
					default: // nobody goes on but who waits for those
						close(late)
					}
				}
				if at.Load() > 0 || most.Load() != c.most || len(given) != c.given || !slices.IsSorted(given) {
					t.Errorf("%d are hashed still, %d were at once, %v given on", at.Load(), most.Load(), given)
				}
			})
		})
	}
}
