package server_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pubsync/pubsync/server/token"
)

// TestHaste pushes changes of few and of many files next door: of the few hardly more
// goes than what is new, of most of the many what one round of matching leaves.
func TestHaste(t *testing.T) {
	const size, edit = 150_000, 13
	for _, c := range []struct {
		files       int
		least, most int64 // bytes a file
	}{{32, edit, 500}, {40, 2000, 10_000}, {128, 2000, 10_000}} {
		t.Run(fmt.Sprint(c.files), func(t *testing.T) {
			s := newSite(t)
			first, second := t.TempDir(), t.TempDir()
			r := rand.New(rand.NewPCG(4, 4))
			for i := range c.files {
				content, name := noise(r, size), fmt.Sprintf("file-%d", i)
				s.write(first, name, content)
				s.write(second, name, slices.Concat(content[:size/2], noise(r, edit), content[size/2:]))
			}
			s.builder(s.issue(token.Grant{Target: "a/1"}), first).mustPush()
			got := s.builder(s.issue(token.Grant{Target: "a/1", Overwrite: true}), second).mustPush().Delta
			if n := got.Sent / int64(c.files); got.Files != int64(c.files) || n < c.least || n > c.most {
				t.Errorf("%+v, want %d files of %d to %d bytes", got, c.files, c.least, c.most)
			}
			s.wantTree("a/1", second)
		})
	}
}
