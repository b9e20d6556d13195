package token

import (
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// narrow is a grant that every field of which can be widened.
func narrow() Grant {
	return Grant{
		Target: "android/panda", Reads: []manifest.Path{"shared/tools"}, Verbs: Publish | Link,
		NotBefore: start.Add(-time.Minute), NotAfter: start.Add(time.Hour), FinishBy: start.Add(2 * time.Hour),
		Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}, PinSource: true,
		Publications: 3, Calls: 1000, Parallel: 4, Files: 100, Bytes: 1000,
		Manifest: manifest.DigestOf([]byte("m")), Visibility: Licensed,
	}
}

func TestDerivedIsNeverWider(t *testing.T) {
	for field, widen := range map[string]func(*Grant){
		"target":       func(g *Grant) { g.Target = "android" },
		"target ":      func(g *Grant) { g.Target = "android/panda2" },
		"reads":        func(g *Grant) { g.Reads = []manifest.Path{"shared"} },
		"reads ":       func(g *Grant) { g.Reads = []manifest.Path{"shared/tools", "shared/tools2"} },
		"verbs":        func(g *Grant) { g.Verbs |= Read },
		"not_before":   func(g *Grant) { g.NotBefore = g.NotBefore.Add(-time.Second) },
		"not_after":    func(g *Grant) { g.NotAfter = g.NotAfter.Add(time.Second) },
		"finish_by":    func(g *Grant) { g.FinishBy = g.FinishBy.Add(time.Second) },
		"sources":      func(g *Grant) { g.Sources = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/15")} },
		"sources ":     func(g *Grant) { g.Sources = append(g.Sources, netip.MustParsePrefix("10.1.0.0/32")) },
		"publications": func(g *Grant) { g.Publications++ },
		"calls":        func(g *Grant) { g.Calls++ },
		"parallel":     func(g *Grant) { g.Parallel++ },
		"files":        func(g *Grant) { g.Files++ },
		"bytes":        func(g *Grant) { g.Bytes++ },
		"overwrite":    func(g *Grant) { g.Overwrite = true },
		"manifest":     func(g *Grant) { g.Manifest[0]++ },
		"visibility":   func(g *Grant) { g.Visibility = Public },
	} {
		w := newWorld(t)
		_, parent := w.issue(narrow())
		g := narrow()
		widen(&g)
		_, _, err := w.Derive(t.Context(), w.farm, parent.Accessor, g, IssueOptions{})
		var d *Denied
		if want := trim(field); !errors.As(err, &d) || d.Code != CodeCeiling || d.Field != want {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func trim(s string) string {
	for len(s) > 0 && s[len(s)-1] == ' ' {
		s = s[:len(s)-1]
	}
	return s
}

func TestDerivedInheritsAndNarrows(t *testing.T) {
	w := newWorld(t)
	_, parent := w.issue(narrow())
	_, same := w.derive(parent.Accessor, Grant{})
	if !same.Grant.PinSource || same.Grant.Manifest != parent.Grant.Manifest || same.Grant.within(&parent.Grant) != nil ||
		parent.Grant.within(&same.Grant) != nil || same.Parent != parent.Accessor {
		t.Errorf("%+v", same)
	}
	g := narrow()
	g.Target, g.Reads, g.Verbs = "android/panda/42", []manifest.Path{"android/panda", "shared/tools/x"}, Publish
	g.NotBefore, g.NotAfter, g.FinishBy = start, start.Add(time.Minute), start.Add(time.Minute)
	g.Sources = []netip.Prefix{netip.MustParsePrefix("10.0.9.0/24"), netip.MustParsePrefix("::ffff:10.0.8.1/128")}
	g.Publications, g.Calls, g.Parallel, g.Files, g.Bytes, g.Visibility = 1, 1, 1, 1, 1, Private
	_, r := w.derive(parent.Accessor, g)
	if r.Grant.within(&parent.Grant) != nil {
		t.Errorf("%+v", r.Grant)
	}
}

func TestDeriveFromWhatIsNotThere(t *testing.T) {
	w := newWorld(t)
	_, r := w.issue(Grant{})
	for _, tt := range []struct {
		by     Scheduler
		parent string
	}{{w.farm, "0000000000000000"}, {Scheduler{Name: "other"}, r.Accessor}} {
		_, _, err := w.Derive(t.Context(), tt.by, tt.parent, Grant{}, IssueOptions{})
		w.want(err, CodeInvalid)
	}
	w.want(w.Revoke(t.Context(), w.farm, r.Accessor), "")
	_, _, err := w.Derive(t.Context(), w.farm, r.Accessor, Grant{}, IssueOptions{})
	w.want(err, CodeInvalid)
}

func TestDeriveKeepsTheCeiling(t *testing.T) {
	w := newWorld(t)
	_, r := w.issue(Grant{Bytes: 1000})
	w.farm.Ceiling.Bytes = 500
	_, _, err := w.Derive(t.Context(), w.farm, r.Accessor, Grant{}, IssueOptions{})
	w.want(err, CodeCeiling)
	_, _, err = w.Derive(t.Context(), w.farm, r.Accessor, Grant{Bytes: 500}, IssueOptions{})
	w.want(err, "")
}

func TestDepthIsBounded(t *testing.T) {
	w := newWorld(t)
	bearer, r := w.issue(Grant{})
	for range MaxDepth {
		bearer, r = w.derive(r.Accessor, Grant{})
	}
	_, _, err := w.Derive(t.Context(), w.farm, r.Accessor, Grant{}, IssueOptions{})
	w.want(err, CodeCeiling)
	_, _, err = w.open(bearer, "s", 1, 1)
	w.want(err, "")
}

func TestSiblingsShareTheBudget(t *testing.T) {
	w := newWorld(t)
	bearer, parent := w.issue(Grant{Publications: 2, Files: 10, Bytes: 100})
	one, _ := w.derive(parent.Accessor, Grant{})
	two, child := w.derive(parent.Accessor, Grant{})
	_, _, err := w.open(one, "1", 6, 60)
	w.want(err, "")
	_, _, err = w.open(two, "2", 5, 10)
	w.want(err, CodeFilesExhausted)
	_, _, err = w.open(two, "2", 1, 41)
	w.want(err, CodeBytesExhausted)
	_, _, err = w.open(two, "2", 4, 40)
	w.want(err, "")
	if len(w.sink.kinds()) > 0 {
		t.Errorf("alerts %v", w.sink.kinds())
	}
	third, _ := w.derive(parent.Accessor, Grant{})
	_, _, err = w.open(third, "3", 0, 0)
	w.want(err, CodeInUse)
	_, _, err = w.open(bearer, "4", 0, 0)
	w.want(err, CodeInUse)
	for _, s := range []struct{ bearer, secret string }{{one, "1"}, {two, "2"}} {
		_, err = w.commit(s.bearer, s.secret, Redemption{Files: 1, Bytes: 1})
		w.want(err, "")
	}
	_, _, err = w.open(third, "3", 0, 0)
	w.want(err, CodeConsumed)
	// A sibling that comes too late is no thief; the parent shown beside its
	// children may be one.
	if got := w.sink.kinds(); len(got) != 1 {
		t.Errorf("alerts %v", got)
	}
	if got := w.show(parent.Accessor).Spent; got.Publications != 2 || got.Files != 2 || got.Bytes != 2 || got.InUse != 0 {
		t.Errorf("parent spent %+v", got)
	}
	if got := w.show(child.Accessor).Spent; got.Publications != 1 || got.Files != 1 {
		t.Errorf("child spent %+v", got)
	}
}

func TestRevokingTheParent(t *testing.T) {
	w := newWorld(t)
	_, grandparent := w.issue(Grant{Publications: 5})
	_, parent := w.derive(grandparent.Accessor, Grant{})
	bearer, child := w.derive(parent.Accessor, Grant{})
	other, _ := w.derive(grandparent.Accessor, Grant{})
	p, err := w.Admit(t.Context(), Request{Bearer: bearer, From: here})
	w.want(err, "")
	w.want(w.Revoke(t.Context(), w.farm, parent.Accessor), "")
	w.want(p.Live(t.Context()), CodeInvalid)
	_, err = w.admit(Request{Bearer: bearer})
	w.want(err, CodeInvalid)
	_, err = w.admit(Request{Bearer: other})
	w.want(err, "")
	if got := w.show(child.Accessor).State(w.now); got != StateRevoked {
		t.Errorf("the child is shown as %s", got)
	}
}

func TestPinAndParallelOfTheParent(t *testing.T) {
	w := newWorld(t)
	_, parent := w.issue(Grant{PinSource: true, Parallel: 1})
	one, _ := w.derive(parent.Accessor, Grant{})
	two, _ := w.derive(parent.Accessor, Grant{})
	p, err := w.Admit(t.Context(), Request{Bearer: one, From: here})
	w.want(err, "")
	_, err = w.admit(Request{Bearer: two, From: there})
	w.want(err, CodeSourceDenied)
	_, err = w.admit(Request{Bearer: two, From: here})
	w.want(err, CodeParallel)
	p.Release()
	_, err = w.admit(Request{Bearer: two, From: here})
	w.want(err, "")
	three, _ := w.derive(parent.Accessor, Grant{})
	_, err = w.admit(Request{Bearer: three, From: there})
	w.want(err, CodeSourceDenied)
}

func TestSiblingsRaceForTheLastPublication(t *testing.T) {
	w := newWorld(t)
	_, parent := w.issue(Grant{})
	var bearers [16]string
	for i := range bearers {
		bearers[i], _ = w.derive(parent.Accessor, Grant{})
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	won := 0
	for _, b := range bearers {
		wg.Go(func() {
			if _, _, err := w.open(b, b, 1, 1); err == nil {
				mu.Lock()
				won++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	// Parallel is 8 for the parent too, so that some may not even get to try;
	// what counts is that never two win.
	if won != 1 {
		t.Errorf("%d siblings won", won)
	}
}

func TestReleaseOfAChildWhoseParentIsGone(t *testing.T) {
	w := newWorld(t)
	_, parent := w.issue(Grant{})
	bearer, child := w.derive(parent.Accessor, Grant{})
	_, _, err := w.open(bearer, "s", 1, 1)
	w.want(err, "")
	err = w.records.Update(t.Context(), func(tx store.Tx) error {
		if err := tx.Delete(bucketToken, parent.Accessor); err != nil {
			return err
		}
		return w.Release(tx, child.Accessor, connect.HashSession("s"))
	})
	w.want(err, "")
	_, err = w.admit(Request{Bearer: bearer})
	w.want(err, CodeInvalid)
}
