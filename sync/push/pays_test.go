package push

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/pubsync/pubsync/delta"
)

const mb = 1_000_000

// An archive goes by what is inside it where the server will have it so, by what was
// measured, before the link has carried what it has to.
func TestPays(t *testing.T) {
	loopback, slow := &rate{link: 1e9}, &rate{link: 2.5e6}
	for _, c := range []struct {
		name  string
		rate  *rate
		pace  *pace
		size  int64
		ahead int64 // bytes that the link has to carry besides
		want  bool
	}{
		{"nothing measured, next door", loopback, &pace{}, 50 * mb, 0, false},
		{"nothing measured, a slow link", slow, &pace{}, 50 * mb, 0, true},
		{"slower than the link", loopback, &pace{take: speed{20 * mb, 1}}, 100 * mb, 0, false},
		{"slower than the link, which has much to carry", loopback, &pace{take: speed{20 * mb, 1}}, 2 * mb, 1000 * mb, true},
		{"quicker than the link", slow, &pace{take: speed{20 * mb, 1}}, 100 * mb, 0, true},
		{"quicker here, a slow server", slow, &pace{take: speed{20 * mb, 1}, serve: lag{1, 10}}, 100 * mb, 0, false},
		{"the same, while the link has much to carry", slow, &pace{take: speed{20 * mb, 1}, serve: lag{1, 10}}, 100 * mb, 400 * mb, true},
		{"an unknown link", &rate{}, &pace{take: speed{50 * mb, 1}}, 10 * mb, 0, true},
		{"a server next door, nothing sent yet", &rate{trip: time.Millisecond / 10}, &pace{take: speed{20 * mb, 1}}, 10 * mb, 0, false},
		{"no more than the questions take", &rate{link: 2.5e6, trip: time.Second / 10, through: mb}, &pace{}, mb / 2, 0, false},
		{"more, with the time in which TCP looks for the rate", &rate{link: 2.5e6, trip: time.Second / 10}, &pace{}, mb / 2, 0, true},
	} {
		if _, ok := c.pace.pays(c.size, c.rate.trip, c.rate.wholeTime(c.size+c.ahead)); ok != c.want {
			t.Errorf("%s: pays %v", c.name, ok)
		}
	}
}

// What was matched goes whole where the server is expected to search for what
// changed, or is known to be slow, for longer than the link takes.
func TestWorth(t *testing.T) {
	const size = 100 * mb
	for _, c := range []struct {
		name            string
		pace            *pace
		missing, places int64
		steps           float64 // of search for a byte
		drained         time.Duration
		want            bool
	}{
		{"unchanged", &pace{}, 0, 1, 7, 4 * time.Second, true},
		{"half of it changed", &pace{}, 50 * mb, 1, 7, 4 * time.Second, false},
		{"half of it, by an encoder that hardly searches", &pace{}, 50 * mb, 1, 0, 4 * time.Second, true},
		{"a twentieth of it, by one that searches long", &pace{}, 5 * mb, 1, 40, 4 * time.Second, true},
		{"a quarter, by one that searches long", &pace{}, 25 * mb, 1, 40, 4 * time.Second, false},
		{"half of it, but the link has much to carry", &pace{}, 50 * mb, 1, 7, 10 * time.Second, true},
		{"a place in every window", &pace{}, 0, 10_000, 7, 4 * time.Second, false},
		{"two hundred places", &pace{}, 0, 200, 7, 4 * time.Second, true},
		{"others are to be rebuilt before", &pace{owed: 4 * time.Second}, 0, 1, 7, 4 * time.Second, false},
		{"a slow server", &pace{serve: lag{2, 20}}, 0, 1, 7, 4 * time.Second, false},
		{"a server that was slow with a small archive", &pace{serve: lag{0.2, 1.1}}, 0, 1, 7, 2 * time.Second, true},
		{"a quick server", &pace{serve: lag{10, 1}}, 50 * mb, 1, 7, 4 * time.Second, true},
	} {
		ops := []delta.Op{{Basis: delta.Literal, Len: c.missing}}
		for range c.places {
			ops = append(ops, delta.Op{Len: (size - c.missing) / c.places})
		}
		if got := c.pace.until(rebuildTime(size, searchedOf(ops), c.steps), 0) <= c.drained; got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// A copy is searched anew for a window behind what is new, unless that took the place of
// as many bytes, and of few.
func TestSearchedOf(t *testing.T) {
	const long = 10 * reach
	literal := func(n int64) delta.Op { return delta.Op{Basis: delta.Literal, Len: n} }
	for _, c := range []struct {
		name string
		ops  []delta.Op
		want int64
	}{
		{"a copy", []delta.Op{{Len: long}}, 0},
		{"a short one from elsewhere", []delta.Op{{Off: 5, Len: 100}}, 100},
		{"a few bytes replaced", []delta.Op{{Len: long}, literal(7), {Off: long + 7, Len: long}}, 7},
		{"many", []delta.Op{{Len: long}, literal(inPlace + 1), {Off: long + inPlace + 1, Len: long}}, inPlace + 1 + reach},
		{"as many, by two literals", []delta.Op{{Len: long}, literal(inPlace), literal(1), {Off: long + inPlace + 1, Len: long}}, inPlace + 1 + reach},
		{"a few inserted", []delta.Op{{Len: long}, literal(7), {Off: long, Len: long}}, 7 + reach},
		{"a few left out", []delta.Op{{Len: long}, {Off: long + 7, Len: long}}, reach},
		{"another basis", []delta.Op{{Len: long}, literal(7), {Basis: 1, Off: long + 7, Len: long}}, 7 + reach},
		{"new bytes at the start, and a copy", []delta.Op{literal(7), {Off: 7, Len: long}}, 7},
	} {
		if got := searchedOf(c.ops); got != c.want {
			t.Errorf("%s: %d bytes, want %d", c.name, got, c.want)
		}
	}
}

// What is on its way to be rebuilt is waited for until it has been.
func TestPaceCountsWhatIsOwed(t *testing.T) {
	var p pace
	alone := p.until(time.Second, 0)
	p.owe(4 * time.Second)
	p.owe(2 * time.Second)
	if got := p.until(time.Second, 0); got != alone+6*time.Second {
		t.Errorf("%v behind 6 s of others, %v alone", got, alone)
	}
	p.serves(3)
	if got := p.until(time.Second, 0); got != alone+2*time.Second {
		t.Errorf("%v behind 6 s of others of which three are rebuilt at once, %v alone", got, alone)
	}
	p.owe(-4 * time.Second)
	p.owe(-2 * time.Second)
	if got := p.until(time.Second, 0); got != alone {
		t.Errorf("%v once they are rebuilt, %v alone", got, alone)
	}
}

// Of a push whose archives have changed a lot, those that come later are expected to
// have as well: to find out costs more than it gains.
func TestPaceExpectsWhatItFound(t *testing.T) {
	p := pace{take: speed{20 * mb, 1}}
	if _, ok := p.pays(20*mb, 0, 6*time.Second); !ok {
		t.Error("5 s against 6, and it does not pay")
	}
	p.found(time.Second, 10*time.Second)
	if _, ok := p.pays(20*mb, 0, 6*time.Second); ok {
		t.Error("12 s, if it is as the one before, against 6, and it pays")
	}
	if _, ok := p.pays(20*mb, 0, 20*time.Second); !ok {
		t.Error("12 s against 20, and it does not pay")
	}
}

// Until much has got through it is taken into account that TCP begins slowly, be the rate
// known or not.
func TestSlowStart(t *testing.T) {
	const trip = 100 * time.Millisecond
	for _, c := range []struct {
		through float64 // bytes, before
		size    int64
		want    int // round trips
	}{
		{0, mb, 5}, // the link holds half a megabyte
		{firstWindow, mb, 4},
		{10 * mb, mb, 0},
		{0, firstWindow / 2, 0},
		{0, 4 * firstWindow, 2},
	} {
		for _, link := range []float64{0, farLink} {
			r := &rate{trip: trip, link: link, through: c.through}
			if got, want := r.wholeTime(c.size)-r.sending(c.size), time.Duration(c.want+1)*trip; got != want {
				t.Errorf("%d bytes after %.0f, link %.0f: %v longer, want %v", c.size, c.through, link, got, want)
			}
		}
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

// However small an archive is, a server takes a while over it: where the link is free
// sooner it does not go by what is inside it.
func TestSmallArchivesTakeAWhile(t *testing.T) {
	var p pace
	if got := p.until(0, 0); got != besides {
		t.Errorf("an archive of nothing is there after %v, want %v", got, besides)
	}
	if _, ok := p.pays(100<<10, 0, besides); ok {
		t.Error("a small one is taken apart though the link carries it as soon")
	}
	if _, ok := p.pays(100<<10, 0, 2*besides); !ok {
		t.Error("one that the link takes longer over is not")
	}
}
