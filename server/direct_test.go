package server_test

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/push"
)

// TestTouchedFarAway gives all files of a tree new times, some of them another line and
// one other bytes of the same number, and pushes it over a long link. What differs from
// what stands goes by the signatures that came with the answer to the stats, or to the
// short digests, with its digests: nobody asks about those. No round of matching follows,
// as it would save less than the link carries in the time.
func TestTouchedFarAway(t *testing.T) {
	s := newSite(t)
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(9, 9))
	const files, every = 1600, 160
	name := func(i int) string { // one that does not compress, so that the list is too long for the open
		sum := sha256.Sum256(fmt.Append(nil, i))
		return fmt.Sprintf("%x/%x.txt", sum[0]%16, sum[1:20])
	}
	stamp := time.Unix(1_700_000_000, 0)
	touch := func() {
		stamp = stamp.Add(time.Hour)
		for i := range files {
			s.check(os.Chtimes(filepath.Join(dir, name(i)), stamp, stamp))
		}
	}
	for i := range files {
		if i%every == 0 {
			s.write(dir, name(i), noise(r, 20_000)) // rounds would save some of it
			continue
		}
		s.write(dir, name(i), text(r, 2000))
	}
	touch()
	push1 := func() []string {
		var kinds []string
		s.requestKinds(&kinds)
		b := s.builder(s.issue(token.Grant{Target: "t", Overwrite: true}), dir)
		b.opts.Parallel = 1 // in a settled order
		b.between = func(r push.Remote) push.Remote { return onLink{r, 100 * time.Millisecond, 2.5e6} }
		b.mustPush()
		s.put(nil)
		s.wantTree("t", dir)
		return kinds
	}
	push1()
	for i := 0; i < files; i += every {
		b, err := os.ReadFile(filepath.Join(dir, name(i)))
		s.check(err)
		if i == 0 {
			copy(b[3000:], "other")
		} else {
			for at := 18_000; at > 0; at -= 5000 {
				b = slices.Insert(b, at, []byte("a new line")...)
			}
		}
		s.write(dir, name(i), b)
	}
	touch()
	kinds := push1()
	for i := range kinds {
		kinds[i] = strings.Join(slices.Compact(strings.Fields(strings.ReplaceAll(kinds[i], "0f 07", "0f+07"))), " ")
	}
	want := []string{"01 0a", "0e", "0b 0f+07", "0d", "0f+07 08"}
	if !slices.Equal(kinds, want) {
		t.Errorf("requests %q, want %q", kinds, want)
	}
}
