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
	short  map[int]bool // hashes: something was taken for a copy that is none
	delta  map[int]bool // the file goes whole
}

func newFailures() *failures {
	return &failures{recipe: map[int]bool{}, short: map[int]bool{}, delta: map[int]bool{}}
}

// note takes note of what the server made of a delta that is not the file; raw says
// that it was one of the file's bytes.
func (f *failures) note(index int, o wire.Outcome, raw bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case o == wire.Remodel && !f.recipe[index]:
		f.recipe[index] = true
	case raw && !f.short[index]:
		f.short[index] = true
	default:
		f.delta[index] = true
	}
}

// mismatched takes note that short hashes have failed for a file, and reports whether
// that is news.
func (f *failures) mismatched(index int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	known := f.short[index]
	f.short[index] = true
	return !known
}

// careful reports whether the file is to be matched with long hashes.
func (f *failures) careful(index int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.short[index]
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
