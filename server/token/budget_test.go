package token

import (
	"fmt"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire/connect"
	"pgregory.net/rapid"
)

// TestBudgetsAlwaysAddUp does things in any order to a family of tokens, and
// after each compares what every token has spent with what its own and its
// descendants' sessions hold, and with its grant.
func TestBudgetsAlwaysAddUp(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		grant := func() Grant {
			return Grant{
				Publications: rapid.Int64Range(1, 4).Draw(rt, "publications"),
				Files:        rapid.Int64Range(1, 20).Draw(rt, "files"),
				Bytes:        rapid.Int64Range(1, 20).Draw(rt, "bytes"),
				Parallel:     64,
			}
		}
		var bearers []string
		bearer, root := w.issue(grant())
		bearers = append(bearers, bearer)
		records := []Record{root}
		token := func() int { return rapid.IntRange(0, len(bearers)-1).Draw(rt, "token") }
		secret := func() string { return fmt.Sprint("s", rapid.IntRange(0, 2).Draw(rt, "secret")) }
		amount := func() int64 { return rapid.Int64Range(0, 12).Draw(rt, "amount") }
		inTx := func(i int, f func(store.Tx, *Pass) error) {
			p := &Pass{Record: records[i], From: here, service: w.Service}
			_ = w.records.Update(rt.Context(), func(tx store.Tx) error { return f(tx, p) })
		}
		rt.Repeat(map[string]func(*rapid.T){
			"derive": func(*rapid.T) {
				b, r, err := w.Derive(rt.Context(), w.farm, records[token()].Accessor, grant(), IssueOptions{})
				if err == nil && len(bearers) < 4 {
					bearers, records = append(bearers, b), append(records, r)
				}
			},
			"open": func(*rapid.T) { _, _, _ = w.open(bearers[token()], secret(), amount(), amount()) },
			"commit": func(*rapid.T) {
				_, _ = w.commit(bearers[token()], secret(), Redemption{Files: amount(), Bytes: amount()})
			},
			"charge": func(*rapid.T) {
				h := connect.HashSession(secret())
				inTx(token(), func(tx store.Tx, p *Pass) error { return w.Charge(tx, p, h, amount(), amount()) })
			},
			"release": func(*rapid.T) {
				h := connect.HashSession(secret())
				inTx(token(), func(tx store.Tx, p *Pass) error { return w.Release(tx, p.Record.Accessor, h) })
			},
			"reset":   func(*rapid.T) { _, _ = w.ResetSession(rt.Context(), w.farm, records[token()].Accessor) },
			"restart": func(*rapid.T) { w.restart() },
			"":        func(rt *rapid.T) { checkBudgets(rt, w, records) },
		})
	})
}

func checkBudgets(rt *rapid.T, w *world, records []Record) {
	parents := make(map[string]string)
	for _, r := range records {
		parents[r.Accessor] = r.Parent
	}
	want := make(map[string]Spent)
	for _, r := range records {
		_, uses, err := w.Show(rt.Context(), w.farm, r.Accessor)
		if err != nil {
			rt.Fatal(err)
		}
		for a := r.Accessor; a != ""; a = parents[a] {
			s := want[a]
			for _, u := range uses {
				s.Files += u.Files
				s.Bytes += u.Bytes
				if u.Receipt != nil {
					s.Publications++
				} else {
					s.InUse++
				}
			}
			want[a] = s
		}
	}
	for _, r := range records {
		got := w.show(r.Accessor)
		s := got.Spent
		s.Calls = 0
		if s != want[r.Accessor] {
			rt.Fatalf("token %s has spent %+v, its sessions %+v", r.Accessor, s, want[r.Accessor])
		}
		g := got.Grant
		if s.Publications+s.InUse > g.Publications || s.Files > g.Files || s.Bytes > g.Bytes {
			rt.Fatalf("token %s of %d, %d, %d has spent %+v", r.Accessor, g.Publications, g.Files, g.Bytes, s)
		}
		if strings.Contains(r.Accessor, "/") {
			rt.Fatal("an accessor would break the keys")
		}
	}
}

// TestDerivedWithin checks by trial that whatever is derived, at any depth,
// allows no request that its ancestors refuse.
func TestDerivedWithin(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := func(name string) int64 { return rapid.Int64Range(0, 3).Draw(rt, name) }
		draw := func() Grant {
			return Grant{
				Target: rapid.SampledFrom([]manifest.Path{"", "a", "a/b", "a/b/c", "a2", "a/b2"}).Draw(rt, "target"),
				Verbs:  Verbs(rapid.IntRange(0, 15).Draw(rt, "verbs")), Publications: n("p"), Calls: n("c"), Files: n("f"), Bytes: n("b"),
				Overwrite:  rapid.Bool().Draw(rt, "overwrite"),
				Visibility: rapid.SampledFrom([]Visibility{"", Private, Licensed, Public}).Draw(rt, "visibility"),
			}
		}
		w := newWorld(t)
		root := draw()
		if root.Target == "" {
			root.Target = "a"
		}
		_, parent := w.issue(root)
		_, child, err := w.Derive(rt.Context(), w.farm, parent.Accessor, draw(), IssueOptions{})
		if err != nil {
			if code(err) != CodeCeiling {
				rt.Fatal(err)
			}
			return
		}
		g, h := &child.Grant, &parent.Grant
		for _, at := range []manifest.Path{"a", "a/b", "a/b/c/d", "a2", "a/b2/x", "z"} {
			for _, v := range []Verbs{Publish, Check, Read, Link} {
				c, p := Pass{Record: child}, Pass{Record: parent}
				if c.May(v, at) == nil && p.May(v, at) != nil {
					rt.Fatalf("%s at %q: the child may, the parent may not", v, at)
				}
			}
		}
		if g.Publications > h.Publications || g.Calls > h.Calls || g.Files > h.Files || g.Bytes > h.Bytes ||
			g.Overwrite && !h.Overwrite || h.mayShow(g.Visibility) != nil {
			rt.Fatalf("%+v from %+v", g, h)
		}
	})
}
