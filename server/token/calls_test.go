package token

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
)

func TestCallsExactly(t *testing.T) {
	for _, limit := range []int64{1, 2, 7, 199, 200, 1000} {
		w := newWorld(t)
		bearer, r := w.issue(Grant{Calls: limit})
		for i := range limit {
			if _, err := w.admit(Request{Bearer: bearer}); err != nil {
				t.Fatalf("call %d of %d: %v", i+1, limit, err)
			}
			if got := w.show(r.Accessor).Spent.Calls; got != i+1 {
				t.Fatalf("after call %d: %d spent", i+1, got)
			}
		}
		_, err := w.admit(Request{Bearer: bearer})
		w.want(err, CodeCallsExhausted)
	}
}

func TestRefusalsSpendNoCall(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{Calls: 1, NotBefore: start.Add(1)})
	for range 3 {
		_, err := w.admit(Request{Bearer: bearer})
		w.want(err, CodeNotYetValid)
	}
	w.now = start.Add(1)
	_, err := w.admit(Request{Bearer: bearer})
	w.want(err, "")
}

// TestCallsAcrossCrashes restarts before every call: the token never gains,
// and loses nothing if its calls are few, else a hundredth with each crash.
func TestCallsAcrossCrashes(t *testing.T) {
	for _, tt := range []struct{ limit, least int64 }{{1, 1}, {3, 3}, {150, 150}, {1000, 99}} {
		w := newWorld(t)
		bearer, _ := w.issue(Grant{Calls: tt.limit})
		admitted := int64(0)
		for admitted <= tt.limit {
			w.restart()
			if _, err := w.admit(Request{Bearer: bearer}); err != nil {
				w.want(err, CodeCallsExhausted)
				break
			}
			admitted++
		}
		if admitted > tt.limit || admitted < tt.least {
			t.Errorf("%d of %d calls admitted", admitted, tt.limit)
		}
	}
}

func TestCloseGivesCallsBack(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{Calls: 1000})
	for i := range 1000 {
		if _, err := w.admit(Request{Bearer: bearer}); err != nil {
			t.Fatalf("call %d: %v", i+1, err)
		}
		w.want(w.Close(t.Context()), "")
		w.restart()
	}
	_, err := w.admit(Request{Bearer: bearer})
	w.want(err, CodeCallsExhausted)
}

// TestCallsOfTwoServers lets two services on the same records race.
func TestCallsOfTwoServers(t *testing.T) {
	w := newWorld(t)
	bearer, parent := w.issue(Grant{Calls: 1000, Parallel: 100})
	child, _ := w.derive(parent.Accessor, Grant{})
	one := w.Service
	w.restart()
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		s, b := one, bearer
		if i%2 == 1 {
			s = w.Service
		}
		if i%4 > 1 {
			b = child
		}
		wg.Go(func() {
			for range 300 {
				p, err := s.Admit(context.Background(), Request{Bearer: b, From: here})
				if err == nil {
					admitted.Add(1)
					p.Release()
				}
			}
		})
	}
	wg.Wait()
	// The services share 1000; each may end with an unused block of 10 per
	// token that the other cannot have.
	if n := admitted.Load(); n > 1000 || n < 1000-2*10 {
		t.Errorf("%d calls admitted", n)
	}
}

func TestChildrenSpendTheParentsCalls(t *testing.T) {
	w := newWorld(t)
	bearer, parent := w.issue(Grant{Calls: 5})
	one, _ := w.derive(parent.Accessor, Grant{})
	two, _ := w.derive(parent.Accessor, Grant{Calls: 2})
	for i, b := range []string{one, two, two, one, bearer} {
		if _, err := w.admit(Request{Bearer: b}); err != nil {
			t.Fatalf("call %d: %v", i, err)
		}
	}
	for _, b := range []string{one, two, bearer} {
		_, err := w.admit(Request{Bearer: b})
		w.want(err, CodeCallsExhausted)
	}
}
