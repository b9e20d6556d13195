package token

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

func TestEverythingIsWrittenDown(t *testing.T) {
	w := newWorld(t)
	bearer, r, err := w.Issue(t.Context(), w.farm, Grant{Target: "a/b"}, IssueOptions{Note: "job 7", From: here})
	w.want(err, "")
	_, _, err = w.open(bearer, "s", 3, 30)
	w.want(err, "")
	_, _, err = w.open(bearer, "s", 3, 30) // a repeat is no event
	w.want(err, "")
	_, _, err = w.open(bearer, "thief", 3, 30)
	w.want(err, CodeInUse)
	_, err = w.commit(bearer, "s", Redemption{Files: 2, Bytes: 20})
	w.want(err, "")
	_, err = w.ResetSession(t.Context(), w.farm, r.Accessor)
	w.want(err, "")
	w.want(w.Revoke(t.Context(), w.farm, r.Accessor), "")
	w.want(w.Revoke(t.Context(), w.farm, r.Accessor), "")
	_, err = w.admit(Request{Bearer: bearer})
	w.want(err, CodeInvalid)
	want := []string{
		"scheduler", "issue", "open", "refuse token_in_use", "alert token_reuse", "commit", "reset", "revoke", "refuse token_invalid",
	}
	if got := w.events(Query{}); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	var all []Event
	w.want(Events(t.Context(), w.records, Query{Accessor: r.Accessor}, func(e Event) bool { all = append(all, e); return true }), "")
	if len(all) != 8 {
		t.Fatalf("%d events of the token", len(all))
	}
	for _, e := range all {
		if e.Scheduler != "farm" || e.Target != "a/b" || !e.Time.Equal(start) {
			t.Errorf("%+v", e)
		}
	}
	if e := all[0]; e.Note != "job 7" || e.From != here || e.Publications != 1 {
		t.Errorf("%+v", e)
	}
	if e := all[4]; e.Kind != EventCommit || e.Files != 2 || e.Bytes != 20 || e.From != here || e.Session != "s" {
		t.Errorf("%+v", e)
	}
}

// TestRolledBackIsNotWrittenDown: what did not happen leaves no event.
func TestRolledBackIsNotWrittenDown(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{})
	p, err := w.admit(Request{Bearer: bearer})
	w.want(err, "")
	err = w.records.Update(t.Context(), func(tx store.Tx) error {
		if _, err := w.Open(tx, p, Opening{Hash: [32]byte{1}, Session: "s", Target: p.Record.Grant.Target}); err != nil {
			return err
		}
		return fmt.Errorf("no")
	})
	w.want(err, "no")
	if got := w.events(Query{Kind: EventOpen}); len(got) > 0 {
		t.Errorf("%q", got)
	}
}

func fill(t *testing.T, w *world) {
	t.Helper()
	for i := range 10 {
		w.now = start.Add(time.Duration(i) * time.Hour)
		w.want(w.records.Update(t.Context(), func(tx store.Tx) error {
			return w.audit(tx, Event{
				Kind: []EventKind{EventIssue, EventOpen}[i%2], Accessor: fmt.Sprint("a", i), Parent: fmt.Sprint("a", i-1),
				Scheduler: []string{"x", "y"}[i%2], From: netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), Note: fmt.Sprint(i),
				Target: manifest.Path(fmt.Sprintf("t%d/u", i%3)), Code: []Code{"", CodeBanned}[i/9],
			})
		}), "")
	}
}

func TestQueries(t *testing.T) {
	w := &world{t: t, records: newMemory(), now: start}
	w.restart()
	fill(t, w)
	h := func(n int) time.Time { return start.Add(time.Duration(n) * time.Hour) }
	for _, tt := range []struct {
		q    Query
		want string
	}{
		{Query{}, "0123456789"},
		{Query{Since: h(7)}, "789"},
		{Query{Until: h(2)}, "012"},
		{Query{Since: h(3), Until: h(4)}, "34"},
		{Query{Since: h(3).Add(1), Until: h(4).Add(-1)}, ""},
		{Query{Kind: EventOpen}, "13579"},
		{Query{Code: CodeBanned}, "9"},
		{Query{Accessor: "a4"}, "45"},
		{Query{Scheduler: "x"}, "02468"},
		{Query{From: netip.MustParsePrefix("::ffff:10.0.0.4/126")}, "4567"},
		{Query{Target: "t1"}, "147"},
		{Query{Target: "t"}, ""},
		{Query{Newest: 3}, "789"},
		{Query{Newest: 30}, "0123456789"},
		{Query{Newest: 2, Scheduler: "x"}, "68"},
	} {
		got := ""
		w.want(Events(t.Context(), w.records, tt.q, func(e Event) bool { got += e.Note; return true }), "")
		if got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.q, got, tt.want)
		}
	}
	n := 0
	w.want(Events(t.Context(), w.records, Query{}, func(Event) bool { n++; return n < 2 }), "")
	if n != 2 {
		t.Errorf("called %d times", n)
	}
}

func TestPruneEvents(t *testing.T) {
	w := &world{t: t, records: newMemory(), now: start}
	w.restart()
	fill(t, w)
	n, err := PruneEvents(t.Context(), w.records, start.Add(4*time.Hour))
	if n != 4 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	if got := w.events(Query{}); len(got) != 6 {
		t.Errorf("%q", got)
	}
}

func TestPruneManyEvents(t *testing.T) {
	w := &world{t: t, records: newMemory(), now: start}
	w.restart()
	const many = 2*pruneBatch + 1
	w.want(w.records.Update(t.Context(), func(tx store.Tx) error {
		for range many {
			if err := w.audit(tx, Event{Kind: EventOpen}); err != nil {
				return err
			}
		}
		return nil
	}), "")
	n, err := PruneEvents(t.Context(), w.records, start.Add(time.Hour))
	if n != many || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

func TestListAndPruneTokens(t *testing.T) {
	w := newWorld(t)
	var made []string
	for i := range 5 {
		_, r := w.issue(Grant{Target: manifest.Path(fmt.Sprintf("t%d/u", i%2)), NotAfter: start.Add(time.Duration(i+1) * time.Hour)})
		made = append([]string{r.Accessor}, made...)
		w.now = w.now.Add(time.Second)
	}
	list := func(q ListQuery) []string {
		t.Helper()
		rs, err := w.List(t.Context(), w.farm, q)
		w.want(err, "")
		var got []string
		for _, r := range rs {
			got = append(got, r.Accessor)
		}
		return got
	}
	if got := list(ListQuery{}); !slices.Equal(got, made) {
		t.Errorf("%v, want %v", got, made)
	}
	if got := list(ListQuery{Limit: 2, After: made[1]}); !slices.Equal(got, made[2:4]) {
		t.Errorf("page %v", got)
	}
	if got := list(ListQuery{Target: "t1"}); !slices.Equal(got, []string{made[1], made[3]}) {
		t.Errorf("below t1 %v", got)
	}
	w.want(w.Revoke(t.Context(), w.farm, made[0]), "")
	if got := list(ListQuery{State: StateRevoked}); !slices.Equal(got, made[:1]) {
		t.Errorf("revoked %v", got)
	}
	_, child := w.derive(made[1], Grant{})
	if got := list(ListQuery{Parent: made[1]}); !slices.Equal(got, []string{child.Accessor}) {
		t.Errorf("derived %v", got)
	}
	n, err := w.PruneTokens(t.Context(), start.Add(3*time.Hour+1))
	if n != 3 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	if got := list(ListQuery{}); !slices.Equal(got, append([]string{child.Accessor}, made[:2]...)) {
		t.Errorf("%v left", got)
	}
	w.now = start.Add(2 * time.Hour)
	n, err = w.RevokeAll(t.Context(), w.farm)
	if n != 2 || err != nil {
		t.Errorf("revoked %d, %v", n, err)
	}
	w.now = start
	bearer, _ := w.issue(Grant{})
	_, _, err = w.open(bearer, "s", 1, 1)
	w.want(err, "")
	if _, err := w.PruneTokens(t.Context(), start.Add(1000*time.Hour)); err != nil {
		t.Fatal(err)
	}
	for k := range w.records.m {
		if strings.HasPrefix(k, "token") && !strings.HasPrefix(k, bucketDecoy) {
			t.Errorf("left over: %q", k)
		}
	}
}

func TestOrphansDoNotSpoilTheList(t *testing.T) {
	w := newWorld(t)
	_, parent := w.issue(Grant{})
	_, child := w.derive(parent.Accessor, Grant{})
	_, other := w.issue(Grant{})
	w.want(w.records.Update(t.Context(), func(tx store.Tx) error { return dropToken(tx, parent.Accessor) }), "")
	list, err := w.List(t.Context(), w.farm, ListQuery{})
	if err != nil || len(list) != 1 || list[0].Accessor != other.Accessor {
		t.Errorf("%+v, %v", list, err)
	}
	n, err := w.PruneTokens(t.Context(), start.Add(2*time.Hour))
	if n != 3 || err != nil {
		t.Errorf("pruned %d, %v", n, err)
	}
	if _, _, err := w.Show(t.Context(), w.farm, child.Accessor); code(err) != CodeInvalid {
		t.Errorf("%v", err)
	}
}

func TestStates(t *testing.T) {
	g := Grant{NotBefore: start, NotAfter: start.Add(time.Hour), FinishBy: start.Add(2 * time.Hour), Publications: 1}
	for _, tt := range []struct {
		r    Record
		at   time.Duration
		want State
	}{
		{Record{Grant: g}, -1, StatePending},
		{Record{Grant: g}, 0, StateLive},
		{Record{Grant: g, Spent: Spent{InUse: 1}}, 0, StateInUse},
		{Record{Grant: g, Spent: Spent{InUse: 1}}, 90 * time.Minute, StateInUse},
		{Record{Grant: g}, 90 * time.Minute, StateExpired},
		{Record{Grant: g, Spent: Spent{InUse: 1}}, 2*time.Hour + 1, StateExpired},
		{Record{Grant: g, Spent: Spent{Publications: 1}}, 0, StateConsumed},
		{Record{Grant: g, Revoked: start, Spent: Spent{Publications: 1}}, 0, StateRevoked},
	} {
		if got := tt.r.State(start.Add(tt.at)); got != tt.want {
			t.Errorf("%+v after %v: %s, want %s", tt.r.Spent, tt.at, got, tt.want)
		}
	}
}

func TestGrantJSON(t *testing.T) {
	in := `{"target":"a/b","reads":["c"],"verbs":["publish","link"],"not_after":"2026-03-01T13:00:00Z",` +
		`"sources":["10.0.0.0/8"],"pin_source":true,"publications":2,"visibility":"public"}`
	var g Grant
	if err := json.Unmarshal([]byte(in), &g); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(g)
	if err != nil || string(out) != in {
		t.Errorf("%s, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"verbs":["steal"]}`), &g); err == nil {
		t.Error("an unknown verb was read")
	}
}
