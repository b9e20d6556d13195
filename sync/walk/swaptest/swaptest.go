// Package swaptest plays the attacker of threats, row 19, in tests of what reads or
// writes below a folder.
package swaptest

import (
	"os"
	"path/filepath"
	"sync/atomic"
)

// Flip lets dir/sub be in turn a folder and a link to outside, counts how often, and
// ends, with the folder in place, when stop is closed. It uses the name dir/aside.
func Flip(stop <-chan struct{}, dir, outside string, flips *atomic.Int64) {
	sub, aside := filepath.Join(dir, "sub"), filepath.Join(dir, "aside")
	for {
		select {
		case <-stop:
			return
		default:
		}
		os.Rename(sub, aside)
		os.Symlink(outside, sub)
		os.Remove(sub)
		os.Rename(aside, sub)
		flips.Add(1)
	}
}
