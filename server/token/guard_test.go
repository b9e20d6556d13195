package token

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/sync/wire/connect"
)

func TestUnknownWrongAndRevokedLookAlike(t *testing.T) {
	w := newWorld(t)
	good, r := w.issue(Grant{})
	revoked, rr := w.issue(Grant{})
	w.want(w.Revoke(t.Context(), w.farm, rr.Accessor), "")
	wrong := wrongSecret(good)
	if _, a, _, err := connect.SplitBearer(wrong); err != nil || a != r.Accessor {
		t.Fatalf("the forged token does not reach the comparison: %v", err)
	}
	var first error
	for name, b := range map[string]string{
		"unknown": connect.NewBearer(connect.Token), "wrong": wrong, "revoked": revoked, "revoked and wrong": wrongSecret(revoked),
		"empty": "", "no token": "hello", "cut": good[:40], "credential": connect.NewBearer(connect.Credential),
	} {
		_, err := w.admit(Request{Bearer: b})
		if first == nil {
			first = err
		}
		if !reflect.DeepEqual(err, first) || code(err) != CodeInvalid {
			t.Errorf("%s: %#v, another got %#v", name, err, first)
		}
	}
	// Nor does a wrong secret learn of a time or a source.
	early, _ := w.issue(Grant{NotBefore: start.Add(time.Hour), Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	_, err := w.admit(Request{Bearer: wrongSecret(early)})
	w.want(err, CodeInvalid)
}

// TestSameWorkForUnknownAndWrong compares what is looked up, decoded and
// written; the comparison of the hashes itself is in constant time.
func TestSameWorkForUnknownAndWrong(t *testing.T) {
	w := newWorld(t)
	good, _ := w.issue(Grant{})
	trace := func(b string) []string {
		w := &world{t: t, records: w.records, now: w.now}
		w.restart()
		spy := &spy{Records: w.records}
		w.cfg.Records = spy
		_, err := w.admit(Request{Bearer: b})
		w.want(err, CodeInvalid)
		return spy.seen
	}
	unknown, wrong := trace(connect.NewBearer(connect.Token)), trace(wrongSecret(good))
	if !slices.Equal(unknown, wrong) || len(unknown) == 0 {
		t.Errorf("unknown: %v\nwrong: %v", unknown, wrong)
	}
}

func TestGuessing(t *testing.T) {
	w := newWorld(t)
	good, _ := w.issue(Grant{})
	for range 20 {
		_, err := w.admit(Request{Bearer: connect.NewBearer(connect.Token)})
		w.want(err, CodeInvalid)
	}
	ms := time.Millisecond
	want := []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms}
	if got := w.sink.waited; len(got) < 5 || !slices.Equal(got[:5], want) || slices.Max(got) != 2*time.Second {
		t.Errorf("answers delayed by %v", got)
	}
	if !slices.Equal(w.sink.kinds(), []Kind{AlertBan}) || w.sink.counts["bans "] != 1 {
		t.Errorf("alerts %v", w.sink.kinds())
	}
	_, err := w.admit(Request{Bearer: good})
	w.want(err, CodeBanned)
	_, err = w.Scheduler(t.Context(), "psc_", here)
	w.want(err, CodeBanned)
	var d *Denied
	if w.now = start.Add(4 * time.Minute); errors.As(w.Blocked(here), &d) && d.RetryAfter != 6*time.Minute {
		t.Errorf("RetryAfter = %v", d.RetryAfter)
	}
	_, err = w.admit(Request{Bearer: good, From: there})
	w.want(err, "")
	w.now = start.Add(10*time.Minute - time.Second)
	_, err = w.admit(Request{Bearer: good})
	w.want(err, CodeBanned)
	w.now = start.Add(10 * time.Minute)
	_, err = w.admit(Request{Bearer: good})
	w.want(err, "")
}

func TestBanIsForgottenAndBegunAnew(t *testing.T) {
	w := newWorld(t)
	bad := func(n int) {
		for range n {
			_, err := w.admit(Request{Bearer: "psb_"})
			w.want(err, CodeInvalid)
		}
	}
	bad(19)
	w.now = w.now.Add(10*time.Minute + time.Second)
	bad(19)
	w.want(w.Blocked(here), "")
	bad(1)
	w.want(w.Blocked(here), CodeBanned)
	w.now = w.now.Add(10 * time.Minute)
	bad(19)
	w.want(w.Blocked(here), "")
}

func TestGuessersByNetwork(t *testing.T) {
	w := newWorld(t)
	for i := range 20 {
		_, err := w.admit(Request{Bearer: "psb_", From: netip.MustParseAddr(fmt.Sprintf("2001:db8:1:2::%x", i+1))})
		w.want(err, CodeInvalid)
	}
	w.want(w.Blocked(netip.MustParseAddr("2001:db8:1:2:ffff::")), CodeBanned)
	w.want(w.Blocked(netip.MustParseAddr("2001:db8:1:3::1")), "")
	for range 20 {
		_, err := w.admit(Request{Bearer: "psb_", From: netip.MustParseAddr("::ffff:192.0.2.1")})
		w.want(err, CodeInvalid)
	}
	w.want(w.Blocked(netip.MustParseAddr("192.0.2.1")), CodeBanned)
	w.want(w.Blocked(netip.MustParseAddr("192.0.2.2")), "")
}

func TestUnknownAddressIsNeverBanned(t *testing.T) {
	w := newWorld(t)
	for range 100 {
		if _, err := w.Admit(t.Context(), Request{Bearer: "psb_"}); code(err) != CodeInvalid {
			t.Fatal(err)
		}
	}
}

func TestGuardIsBounded(t *testing.T) {
	g := newGuard(Guard{Addresses: 100}.withDefaults())
	for i := range 1000 {
		g.wrong(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), start)
	}
	if n := len(g.seen.at); n != 100 || g.seen.order.Len() != 100 {
		t.Errorf("%d addresses remembered", n)
	}
}

// TestFloodOfRefusals holds down what a flood costs in transactions.
func TestFloodOfRefusals(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{Sources: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}})
	before := w.records.updates
	for range 10_000 {
		_, err := w.admit(Request{Bearer: bearer})
		w.want(err, CodeSourceDenied)
	}
	if got := w.records.updates - before; got != refusalsBurst {
		t.Errorf("%d transactions", got)
	}
	w.now = w.now.Add(time.Second)
	_, err := w.admit(Request{Bearer: bearer})
	w.want(err, CodeSourceDenied)
	var last Event
	w.want(Events(t.Context(), w.records, Query{Newest: 1}, func(e Event) bool { last = e; return true }), "")
	if last.Suppressed != 10_000-refusalsBurst {
		t.Errorf("%+v", last)
	}
	if got := w.sink.counts["refusals source_denied"]; got != 10_001 {
		t.Errorf("%d counted", got)
	}
}

func TestFishing(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{})
	p, err := w.admit(Request{Bearer: bearer})
	w.want(err, "")
	for range 100 { // an honest builder: much is absent, and is sent
		w.Asked(t.Context(), p, 9000)
		w.Sent(p, 9000)
	}
	w.Asked(t.Context(), p, 20_000)
	if len(w.sink.alerts) > 0 {
		t.Errorf("alerts %v", w.sink.alerts)
	}
	for range 3 {
		w.Asked(t.Context(), p, 1)
	}
	if !slices.Equal(w.sink.kinds(), []Kind{AlertFishing}) {
		t.Errorf("alerts %v", w.sink.kinds())
	}
}

func TestUnusualVolume(t *testing.T) {
	w := newWorld(t)
	w.watch.Tokens, w.watch.Bytes = 10, 1000
	for range 10 {
		w.issue(Grant{})
	}
	if len(w.sink.alerts) > 0 {
		t.Errorf("alerts %v", w.sink.alerts)
	}
	w.issue(Grant{})
	w.issue(Grant{})
	if !slices.Equal(w.sink.kinds(), []Kind{AlertVolume}) {
		t.Errorf("alerts %v", w.sink.kinds())
	}
	w.now = w.now.Add(time.Hour)
	bearer, _ := w.issue(Grant{NotAfter: w.now.Add(time.Hour)})
	_, _, err := w.open(bearer, "s", 0, 1001)
	w.want(err, "")
	_, err = w.commit(bearer, "s", Redemption{Bytes: 1001})
	w.want(err, "")
	if !slices.Equal(w.sink.kinds(), []Kind{AlertVolume, AlertVolume}) {
		t.Errorf("alerts %v", w.sink.kinds())
	}
	if a := w.sink.alerts[1]; a.Scheduler != "farm" || !strings.Contains(a.Text, "hour") {
		t.Errorf("%+v", a)
	}
}
