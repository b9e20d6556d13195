package token

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

func TestParallelOpensOneWins(t *testing.T) {
	for _, publications := range []int64{1, 3} {
		w := newWorld(t)
		bearer, r := w.issue(Grant{Publications: publications, Parallel: 64})
		var wg sync.WaitGroup
		errs := make([]error, 64)
		for i := range errs {
			wg.Go(func() { _, _, errs[i] = w.open(bearer, fmt.Sprint("secret ", i), 1, 1) })
		}
		wg.Wait()
		codes := make(map[Code]int64)
		for _, err := range errs {
			codes[code(err)]++
		}
		if codes[""] != publications || codes[CodeInUse] != 64-publications {
			t.Errorf("%v", codes)
		}
		if got := w.show(r.Accessor).Spent; got.InUse != publications || got.Files != publications {
			t.Errorf("spent %+v", got)
		}
		if got := len(w.sink.kinds()); int64(got) != 64-publications {
			t.Errorf("%d alerts", got)
		}
	}
}

func TestSameSecretSameSession(t *testing.T) {
	w := newWorld(t)
	bearer, r := w.issue(Grant{})
	_, first, err := w.open(bearer, "s", 5, 50)
	w.want(err, "")
	w.restart()
	h := connect.HashSession("s")
	p, err := w.admit(Request{Bearer: bearer, Session: h})
	w.want(err, "")
	if p.Use == nil || p.Use.Session != first.Session {
		t.Fatalf("admission finds %+v", p.Use)
	}
	err = w.records.Update(t.Context(), func(tx store.Tx) error {
		u, err := w.Open(tx, p, Opening{Hash: h, Session: "another name", Target: r.Grant.Target, Files: 9, Bytes: 90})
		if err == nil && u.Session != first.Session {
			t.Errorf("the repeat opened %q", u.Session)
		}
		return err
	})
	w.want(err, "")
	if got := w.show(r.Accessor).Spent; got.InUse != 1 || got.Files != 5 {
		t.Errorf("spent %+v", got)
	}
}

func TestThiefFindsTokenInUse(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{})
	_, _, err := w.open(bearer, "builder", 1, 1)
	w.want(err, "")
	_, _, err = w.open(bearer, "thief", 1, 1)
	w.want(err, CodeInUse)
	for _, ph := range []Phase{Within, Finish} {
		_, err = w.admit(Request{Bearer: bearer, Phase: ph, Session: connect.HashSession("thief")})
		w.want(err, CodeInUse)
		_, err = w.admit(Request{Bearer: bearer, Phase: ph})
		w.want(err, CodeInUse)
	}
	if _, err = w.commit(bearer, "builder", Redemption{}); err != nil {
		t.Fatal(err)
	}
	_, _, err = w.open(bearer, "thief", 1, 1)
	w.want(err, CodeConsumed)
	_, err = w.commit(bearer, "thief", Redemption{})
	w.want(err, CodeConsumed)
	want := slices.Repeat([]Kind{AlertReuse}, 7)
	if got := w.sink.kinds(); !slices.Equal(got, want) {
		t.Errorf("alerts %v", got)
	}
}

func TestCommitIsIdempotent(t *testing.T) {
	w := newWorld(t)
	bearer, r := w.issue(Grant{})
	_, _, err := w.open(bearer, "s", 1, 10)
	w.want(err, "")
	_, err = w.commit(bearer, "s", Redemption{Files: 1, Bytes: 10})
	w.want(err, "")
	if got := w.show(r.Accessor); got.Spent.Publications != 1 || got.Spent.InUse != 0 || got.State(w.now) != StateConsumed {
		t.Errorf("spent %+v", got.Spent)
	}
	w.restart()
	w.now = start.Add(24 * time.Hour) // long past NotAfter
	for _, ph := range []Phase{Outside, Within, Finish} {
		p, err := w.admit(Request{Bearer: bearer, Phase: ph, Session: connect.HashSession("s")})
		w.want(err, "")
		if string(p.Use.Receipt) != string(receipt) {
			t.Errorf("receipt %s", p.Use.Receipt)
		}
	}
	// Two commits that were both admitted before either was done.
	p := &Pass{Record: r, service: w.Service}
	err = w.records.Update(t.Context(), func(tx store.Tx) error {
		return w.Redeem(tx, p, Redemption{Hash: connect.HashSession("s")}, receipt)
	})
	var done *Redeemed
	if !errors.As(err, &done) || string(done.Receipt) != string(receipt) {
		t.Errorf("got %v", err)
	}
	if got := w.show(r.Accessor).Spent.Publications; got != 1 {
		t.Errorf("%d publications", got)
	}
}

func TestCommitRolledBackSpendsNothing(t *testing.T) {
	w := newWorld(t)
	bearer, r := w.issue(Grant{})
	p, _, err := w.open(bearer, "s", 1, 10)
	w.want(err, "")
	full := errors.New("disk full")
	err = w.records.Update(t.Context(), func(tx store.Tx) error {
		if err := w.Redeem(tx, p, Redemption{Hash: connect.HashSession("s"), Files: 1}, receipt); err != nil {
			return err
		}
		return full
	})
	if !errors.Is(err, full) {
		t.Fatal(err)
	}
	if got := w.show(r.Accessor).Spent; got.Publications != 0 || got.InUse != 1 {
		t.Errorf("spent %+v", got)
	}
	_, err = w.commit(bearer, "s", Redemption{Files: 1})
	w.want(err, "")
}

func TestReceiptMustBeJSON(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{})
	p, _, err := w.open(bearer, "s", 0, 0)
	w.want(err, "")
	for _, bad := range []string{"", "{"} {
		err = w.records.Update(t.Context(), func(tx store.Tx) error {
			return w.Redeem(tx, p, Redemption{Hash: connect.HashSession("s")}, []byte(bad))
		})
		if err == nil {
			t.Errorf("receipt %q was stored", bad)
		}
	}
}

func TestReleaseGivesBack(t *testing.T) {
	w := newWorld(t)
	bearer, r := w.issue(Grant{Files: 10, Bytes: 10})
	release := func(secret string) {
		t.Helper()
		err := w.records.Update(t.Context(), func(tx store.Tx) error {
			return w.Release(tx, r.Accessor, connect.HashSession(secret))
		})
		w.want(err, "")
	}
	_, _, err := w.open(bearer, "s", 10, 10)
	w.want(err, "")
	release("nobody")
	release("s")
	release("s")
	if got := w.show(r.Accessor); got.Spent.InUse != 0 || got.Spent.Files != 0 || got.Spent.Bytes != 0 || got.State(w.now) != StateLive {
		t.Errorf("spent %+v", got.Spent)
	}
	_, err = w.admit(Request{Bearer: bearer, Phase: Within, Session: connect.HashSession("s")})
	if !errors.Is(err, ErrNoSession) {
		t.Errorf("after a release: %v", err)
	}
	_, _, err = w.open(bearer, "s", 10, 10)
	w.want(err, "")
	_, err = w.commit(bearer, "s", Redemption{Files: 1, Bytes: 1})
	w.want(err, "")
	release("s") // spent for good
	if got := w.show(r.Accessor).Spent; got.Publications != 1 || got.InUse != 0 || got.Files != 1 {
		t.Errorf("spent %+v", got)
	}
	_, err = w.commit(bearer, "s", Redemption{}) // still has its receipt
	w.want(err, "")
}

func TestResetByItsSchedulerOnly(t *testing.T) {
	w := newWorld(t)
	bearer, r := w.issue(Grant{Publications: 2})
	for _, s := range []string{"lost", "done"} {
		_, _, err := w.open(bearer, s, 1, 1)
		w.want(err, "")
	}
	_, err := w.commit(bearer, "done", Redemption{Files: 1})
	w.want(err, "")
	_, err = w.ResetSession(t.Context(), Scheduler{Name: "other"}, r.Accessor)
	w.want(err, CodeInvalid)
	_, _, err = w.open(bearer, "new", 1, 1)
	w.want(err, CodeInUse)
	sessions, err := w.ResetSession(t.Context(), w.farm, r.Accessor)
	w.want(err, "")
	if !slices.Equal(sessions, []store.SessionID{"lost"}) {
		t.Errorf("sessions %v", sessions)
	}
	_, _, err = w.open(bearer, "new", 1, 1)
	w.want(err, "")
	_, err = w.commit(bearer, "lost", Redemption{})
	w.want(err, CodeInUse)
	_, err = w.commit(bearer, "done", Redemption{}) // its receipt
	w.want(err, "")
	if got := w.show(r.Accessor).Spent; got.Publications != 1 || got.InUse != 1 {
		t.Errorf("spent %+v", got)
	}
}

func TestRevokedMidway(t *testing.T) {
	w := newWorld(t)
	bearer, r := w.issue(Grant{})
	h := connect.HashSession("s")
	_, _, err := w.open(bearer, "s", 1, 1)
	w.want(err, "")
	p, err := w.Admit(t.Context(), Request{Bearer: bearer, From: here, Phase: Within, Session: h})
	w.want(err, "")
	w.want(p.Live(t.Context()), "")
	w.want(w.Revoke(t.Context(), Scheduler{Name: "other"}, r.Accessor), CodeInvalid)
	w.want(p.Live(t.Context()), "")
	w.want(w.Revoke(t.Context(), w.farm, r.Accessor), "")
	w.want(p.Live(t.Context()), CodeInvalid) // at once, in the same process
	for name, f := range map[string]func(store.Tx) error{
		"charge": func(tx store.Tx) error { return w.Charge(tx, p, h, 2, 2) },
		"redeem": func(tx store.Tx) error { return w.Redeem(tx, p, Redemption{Hash: h}, receipt) },
		"reopen": func(tx store.Tx) error {
			_, err := w.Open(tx, p, Opening{Hash: h, Session: "s", Target: r.Grant.Target})
			return err
		},
		"open": func(tx store.Tx) error {
			_, err := w.Open(tx, p, Opening{Hash: connect.HashSession("z"), Session: "z", Target: r.Grant.Target})
			return err
		},
	} {
		if got := code(w.records.Update(t.Context(), f)); got != CodeInvalid {
			t.Errorf("%s after revocation: %q", name, got)
		}
	}
	_, err = w.admit(Request{Bearer: bearer, Phase: Within, Session: h})
	w.want(err, CodeInvalid)
	if len(w.sink.waited) > 0 || w.sink.counts["bans "] > 0 {
		t.Error("who holds a revoked token was taken for one who guesses")
	}
}

func TestRevokedByAnotherServer(t *testing.T) {
	w := newWorld(t)
	bearer, r := w.issue(Grant{})
	p, err := w.Admit(t.Context(), Request{Bearer: bearer, From: here})
	w.want(err, "")
	other, err := New(Config{Records: w.records, Clock: func() time.Time { return w.now }})
	w.want(err, "")
	w.want(other.Revoke(t.Context(), w.farm, r.Accessor), "")
	w.now = w.now.Add(999 * time.Millisecond)
	w.want(p.Live(t.Context()), CodeInvalid)
}

func TestLiveEnds(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{})
	p, err := w.Admit(t.Context(), Request{Bearer: bearer, From: here})
	w.want(err, "")
	w.now = start.Add(time.Hour)
	w.want(p.Live(t.Context()), "")
	w.now = start.Add(time.Hour + time.Second)
	w.want(p.Live(t.Context()), CodeSessionExpired)
}

// TestLiveIsCheap counts the looks at the records of a body of many chunks.
func TestLiveIsCheap(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{})
	p, err := w.Admit(t.Context(), Request{Bearer: bearer, From: here})
	w.want(err, "")
	counted := &viewCounter{Records: w.records}
	w.cfg.Records = counted
	for range 1000 { // one second
		w.now = w.now.Add(time.Millisecond)
		w.want(p.Live(t.Context()), "")
	}
	if counted.views != 2 {
		t.Errorf("%d looks in a second", counted.views)
	}
}

type viewCounter struct {
	store.Records
	views int
}

func (v *viewCounter) View(ctx context.Context, f func(store.Tx) error) error {
	v.views++
	return v.Records.View(ctx, f)
}

// TestTransactionsOfAPush holds down what a token costs: each transaction is a
// sync of the disk.
func TestTransactionsOfAPush(t *testing.T) {
	w := newWorld(t)
	before := w.records.updates
	bearer, _ := w.issue(Grant{})
	_, _, err := w.open(bearer, "s", 1, 1)
	w.want(err, "")
	for range 20 {
		_, err := w.admit(Request{Bearer: bearer, Phase: Within, Session: connect.HashSession("s")})
		w.want(err, "")
	}
	_, err = w.commit(bearer, "s", Redemption{})
	w.want(err, "")
	if got := w.records.updates - before; got != 3 {
		t.Errorf("%d transactions to issue, open and commit", got)
	}
}

func TestSecretIsNowhere(t *testing.T) {
	w := newWorld(t)
	var said strings.Builder
	say := func(v ...any) {
		for _, x := range v {
			fmt.Fprintf(&said, "%v %+v %#v\n", x, x, x)
		}
	}
	bearer, r := w.issue(Grant{Publications: 2})
	child, cr := w.derive(r.Accessor, Grant{})
	credential, err := w.NewKey(t.Context(), "farm")
	w.want(err, "")
	c, err := w.Scheduler(t.Context(), credential, here)
	say(c, err, r, cr)
	for _, b := range []string{bearer, child, bearer[:60], bearer + "x", wrongSecret(bearer), credential, "psb_"} {
		p, u, err := w.open(b, "session secret", 1, 1)
		say(u, err)
		if p != nil {
			say(p, p.Record)
		}
		_, err = w.commit(b, "session secret", Redemption{})
		say(err)
		_, _, err = w.open(b, "another secret", 1, 1)
		say(err)
		_, err = w.Scheduler(t.Context(), b, here)
		say(err)
	}
	for _, a := range w.sink.alerts {
		say(a)
	}
	all := said.String() + w.records.dump()
	for _, b := range []string{bearer, child, credential} {
		_, accessor, secret, err := connect.SplitBearer(b)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(all, accessor) {
			t.Error("the accessor is nowhere: the test looks in the wrong place")
		}
		for i := 0; i+12 <= len(secret); i++ {
			if strings.Contains(all, secret[i:i+12]) {
				t.Fatal("a part of a secret is kept or said somewhere")
			}
		}
	}
}
