package session

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/pubsync/pubsync/server/store"
)

// A push has all turns while it is alone, and holds up no other: one that has none gets
// the one more, and of those that wait who has the fewest is next.
func TestTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 2
		turns := newTurns(n)
		inWork := map[store.SessionID][]func(){}
		var order []string
		began := make(chan string, 100)
		take := func(who store.SessionID, ctx context.Context) {
			go func() {
				done, err := turns.take(ctx, who)
				if err != nil {
					return
				}
				inWork[who] = append(inWork[who], done)
				began <- string(who)
			}()
			synctest.Wait()
		}
		giveBack := func(who store.SessionID) {
			t.Helper()
			if len(inWork[who]) == 0 {
				t.Fatalf("%q has no turn; so far %v", who, order)
			}
			inWork[who][0]()
			inWork[who] = inWork[who][1:]
			synctest.Wait()
		}
		check := func(want string) {
			t.Helper()
			var got []string
			for len(began) > 0 {
				got = append(got, <-began)
			}
			slices.Sort(got)
			if order = append(order, got...); strings.Join(got, "") != want {
				t.Errorf("%q began, want %q; before that %v", got, want, order)
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		take("b", gone)
		for range 4 {
			take("a", t.Context())
		}
		check("ab") // those two are all there are
		take("c", t.Context())
		check("c") // but for the one more
		take("d", gone)
		check("")
		cancel()
		synctest.Wait()
		giveBack("b")
		check("") // the one more is back, which a is not to have
		take("e", t.Context())
		check("e")
		take("f", t.Context())
		giveBack("c")
		check("f") // before a, who came first
		giveBack("e")
		giveBack("f")
		check("a")
		giveBack("a")
		giveBack("a")
		check("aa")
		if turns.free != 0 || len(turns.waiting) != 0 || len(turns.taken) != 1 {
			t.Errorf("%d turns left, %d wait, %v are taken", turns.free, len(turns.waiting), turns.taken)
		}
		giveBack("a")
		giveBack("a")
		if turns.free != n || len(turns.taken) != 0 {
			t.Errorf("%d turns left of %d, %v are taken", turns.free, n, turns.taken)
		}
	})
}

// Who gives up just as a turn has come gives it back.
func TestTurnGivenUp(t *testing.T) {
	turns := newTurns(1)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 1000 { // of two things that have both come to pass, select takes either
		if done, err := turns.take(gone, "a"); err == nil {
			done()
		}
	}
	if turns.free != 1 || len(turns.waiting)+len(turns.taken) != 0 {
		t.Errorf("%d turns left, %d wait, %v are taken", turns.free, len(turns.waiting), turns.taken)
	}
}
