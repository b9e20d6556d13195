package push

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/pubsync/pubsync/delta"
)

const mb = 1_000_000

// Archives go by what is inside them where that is quicker by what was measured,
// or while the allowance lasts.
func TestPays(t *testing.T) {
	loopback, slow := &rate{link: 1e9}, &rate{link: 2.5e6}
	for _, c := range []struct {
		name string
		rate *rate
		pace *pace
		size int64
		want bool
	}{
		{"nothing measured, next door", loopback, &pace{}, 50 * mb, true},
		{"nothing measured, nothing left to try with", loopback, &pace{spent: allowance}, 50 * mb, false},
		{"slower than the link", loopback, &pace{take: speed{20 * mb, 1}}, 100 * mb, false},
		{"slower than the link, but not by much", loopback, &pace{take: speed{20 * mb, 1}}, 30 * mb, true},
		{"the same, once the allowance is spent", loopback, &pace{take: speed{20 * mb, 1}, spent: allowance}, 3 * mb, false},
		{"quicker than the link", slow, &pace{take: speed{20 * mb, 1}, spent: allowance}, 100 * mb, true},
		{"quicker here, a slow server", slow, &pace{take: speed{20 * mb, 1}, serve: lag{1, 10}, spent: allowance}, 100 * mb, false},
		{"an unknown link", &rate{}, &pace{take: speed{20 * mb, 1}, spent: allowance}, 10 * mb, true},
		{"a server next door, nothing sent yet", &rate{trip: time.Millisecond / 10}, &pace{take: speed{20 * mb, 1}, spent: allowance}, 10 * mb, false},
	} {
		if _, ok := c.pace.pays(time.Unix(1, 0), c.size, c.rate.wholeTime(c.size)); ok != c.want {
			t.Errorf("%s: pays %v", c.name, ok)
		}
	}
}

// What was matched goes whole where the server is expected to search for what
// changed, or is known to be slow, for longer than the link takes.
func TestWorth(t *testing.T) {
	e := &expanded{size: 100 * mb, took: time.Second}
	for _, c := range []struct {
		name            string
		pace            *pace
		missing, places int64
		whole           time.Duration
		want            bool
	}{
		{"unchanged", &pace{spent: allowance}, 0, 1, 2 * time.Second, true},
		{"half of it changed", &pace{spent: allowance}, 50 * mb, 1, 2 * time.Second, false},
		{"a place in every window", &pace{spent: allowance}, 0, 10_000, 2 * time.Second, false},
		{"two hundred places", &pace{spent: allowance}, 0, 200, 2 * time.Second, true},
		{"half of it, within the allowance", &pace{}, 50 * mb, 1, 2 * time.Second, true},
		{"a slow server", &pace{spent: allowance, serve: lag{1, 3}}, 0, 1, 2 * time.Second, false},
		{"a quick server", &pace{spent: allowance, serve: lag{10, 1}}, 50 * mb, 1, 2 * time.Second, true},
	} {
		ops := []delta.Op{{Basis: delta.Literal, Len: c.missing}}
		for range c.places {
			ops = append(ops, delta.Op{Len: (e.size - c.missing) / c.places})
		}
		before := c.pace.spent
		if got := c.pace.worth(time.Unix(1, 0), 30*mb, e.took, e.rebuilding(searchedOf(ops)), c.whole); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
		if !c.want && c.pace.spent != before {
			t.Errorf("%s: %v spent on what goes whole", c.name, c.pace.spent-before)
		}
	}
}

// However archives come out, a push spends no more than the allowance on those
// that the link would have carried in no time.
func TestAllowanceIsSpentOnce(t *testing.T) {
	var p pace
	spent := time.Duration(0)
	for range 100 {
		limit, ok := p.pays(time.Unix(1, 0), 8*mb, 1)
		if !ok {
			continue
		}
		spent += limit // given up at the last moment
		p.took(mb, limit, false)
	}
	if spent == 0 || spent > allowance {
		t.Errorf("%v spent, of %v", spent, allowance)
	}
}

func TestTrialEnds(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/spool")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	now := time.Unix(1000, 0)
	tr := &trial{File: f, now: func() time.Time { return now }, until: now.Add(time.Second)}
	if _, err := tr.WriteAt([]byte("in time"), 0); err != nil {
		t.Error(err)
	}
	now = now.Add(2 * time.Second)
	if _, err := tr.WriteAt([]byte("late"), 0); !errors.Is(err, errSlow) {
		t.Errorf("late: %v", err)
	}
}

// However long archives were expected to take, a push that is behind by the allowance
// takes no more of them apart, and goes on once it has caught up.
func TestAllowanceGoesByTheClock(t *testing.T) {
	start := time.Unix(1, 0)
	p := pace{take: speed{20 * mb, 1}}
	if _, ok := p.pays(start, 10*mb, time.Second); !ok {
		t.Error("nothing was spent, and the archive does not pay")
	}
	late := start.Add(allowance + 3*time.Second)
	if _, ok := p.pays(late, 10*mb, time.Second); ok {
		t.Error("the push is behind, and an archive that takes longer than sending it pays")
	}
	if p.worth(late, 10*mb, time.Second/2, 2*time.Second, time.Second) {
		t.Error("the push is behind, and a rebuild that takes longer than sending is worth it")
	}
	if !p.worth(late, 10*mb, time.Second/2, time.Second/2, time.Second) {
		t.Error("a rebuild that takes less time than sending is not worth it")
	}
	p.dealt(7 * time.Second)
	if _, ok := p.pays(late, 10*mb, time.Second); !ok {
		t.Error("the push has caught up, and the archive does not pay")
	}
}

// Many archives share the allowance by their sizes; once most turn out to be there,
// the rest have more of it.
func TestAllowanceIsShared(t *testing.T) {
	p := pace{take: speed{20 * mb, 1}}
	p.expect(100 * mb)
	if _, ok := p.pays(time.Unix(1, 0), 10*mb, 1); ok {
		t.Error("an archive takes 1.5 s of the 0.5 that are its share")
	}
	p.passed(80 * mb)
	if _, ok := p.pays(time.Unix(1, 0), 10*mb, 1); !ok {
		t.Error("half of the allowance is the share of the archive, and it does not pay")
	}
}

// Of a push whose archives have changed a lot, those that come later are expected to
// have as well: to find out costs more than it gains.
func TestPaceExpectsWhatItFound(t *testing.T) {
	p := pace{take: speed{20 * mb, 1}, spent: allowance}
	if _, ok := p.pays(time.Unix(1, 0), 20*mb, 4*time.Second); !ok {
		t.Error("3 s against 4, and it does not pay")
	}
	if p.worth(time.Unix(1, 0), 20*mb, time.Second, 10*time.Second, 4*time.Second) {
		t.Error("10 s of rebuilding against 4 of sending are worth it")
	}
	if _, ok := p.pays(time.Unix(1, 0), 20*mb, 4*time.Second); ok {
		t.Error("12 s, if it is as the one before, against 4, and it pays")
	}
	if _, ok := p.pays(time.Unix(1, 0), 20*mb, 20*time.Second); !ok {
		t.Error("12 s against 20, and it does not pay")
	}
}
