package push

import (
	"sync"

	"github.com/pubsync/pubsync/sync/wire"
)

// failures say what has come to nothing in a window, by index. They are safe for
// concurrent use.
type failures struct {
	mu     sync.Mutex
	recipe map[int]bool // of an archive, from samples: the server has the plain view and wants another
	delta  map[int]bool // the file goes whole
}

func newFailures() *failures { return &failures{recipe: map[int]bool{}, delta: map[int]bool{}} }

// note takes note of what the server made of a delta that is not the file.
func (f *failures) note(index int, o wire.Outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o == wire.Remodel && !f.recipe[index] {
		f.recipe[index] = true
		return
	}
	f.delta[index] = true
}

// whole reports whether the file is to go whole.
func (f *failures) whole(index int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.delta[index]
}

// remodel reports whether another recipe of the archive is wanted.
func (f *failures) remodel(index int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.recipe[index]
}
