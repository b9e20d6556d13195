package token

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

func TestTimes(t *testing.T) {
	at := func(d time.Duration) time.Time { return start.Add(d) }
	m, s := time.Minute, time.Second
	times := Grant{NotBefore: at(10 * m), NotAfter: at(70 * m), FinishBy: at(40 * m)}
	late := Grant{NotBefore: at(10 * m), NotAfter: at(70 * m), FinishBy: at(90 * m)}
	tests := []struct {
		name  string
		grant Grant
		phase Phase
		now   time.Duration
		want  Code
	}{
		{"a second early", times, Outside, 10*m - s, CodeNotYetValid},
		{"first instant", times, Outside, 10 * m, ""},
		{"within, a second early", times, Within, 10*m - s, CodeNotYetValid},
		{"default not after", Grant{}, Outside, 60 * m, ""},
		{"default not after, past", Grant{}, Outside, 60*m + s, CodeExpired},
		{"default, commit", Grant{}, Finish, 60 * m, ""},
		{"default, commit past", Grant{}, Finish, 60*m + s, CodeExpired},
		{"default, in the session", Grant{}, Within, 60 * m, ""},
		{"default, in the session, past", Grant{}, Within, 60*m + s, CodeSessionExpired},
		{"finish by", times, Within, 40 * m, ""},
		{"finish by, past", times, Within, 40*m + s, CodeSessionExpired},
		{"finish by, open past", times, Outside, 40*m + s, CodeSessionExpired},
		{"finish by, commit past", times, Finish, 40*m + s, CodeSessionExpired},
		{"late finish, open", late, Outside, 70 * m, ""},
		{"late finish, open past not after", late, Outside, 70*m + s, CodeExpired},
		{"late finish, commit past not after", late, Finish, 70*m + s, CodeExpired},
		{"late finish, sending past not after", late, Within, 90 * m, ""},
		{"late finish, sending past", late, Within, 90*m + s, CodeSessionExpired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			bearer, r := w.issue(tt.grant)
			w.now = r.Grant.NotBefore
			if _, _, err := w.open(bearer, "s", 0, 0); err != nil {
				t.Fatal(err)
			}
			w.now = at(tt.now)
			_, err := w.admit(Request{Bearer: bearer, Phase: tt.phase, Session: connect.HashSession("s")})
			w.want(err, tt.want)
			var d *Denied
			if errors.As(err, &d) && d.Code == CodeNotYetValid && d.RetryAfter != r.Grant.NotBefore.Sub(w.now) {
				t.Errorf("RetryAfter = %v", d.RetryAfter)
			}
		})
	}
}

func TestExpiresBetweenAdmissionAndCommit(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{})
	p, _, err := w.open(bearer, "s", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	w.now = start.Add(time.Hour + time.Second)
	err = w.records.Update(t.Context(), func(tx store.Tx) error {
		return w.Redeem(tx, p, Redemption{Hash: connect.HashSession("s")}, receipt)
	})
	w.want(err, CodeExpired)
}

func TestSources(t *testing.T) {
	nets := func(ss ...string) (ps []netip.Prefix) {
		for _, s := range ss {
			ps = append(ps, netip.MustParsePrefix(s))
		}
		return ps
	}
	tests := []struct {
		sources []netip.Prefix
		from    string
		want    Code
	}{
		{nil, "203.0.113.5", ""},
		{nets("10.0.0.7/32"), "10.0.0.7", ""},
		{nets("10.0.0.7/32"), "10.0.0.8", CodeSourceDenied},
		{nets("10.0.0.7/32"), "::ffff:10.0.0.7", ""},
		{nets("10.0.0.7/32"), "::ffff:10.0.0.6", CodeSourceDenied},
		{nets("::ffff:10.0.0.0/120"), "10.0.0.255", ""},
		{nets("::ffff:10.0.0.0/120"), "10.0.1.0", CodeSourceDenied},
		{nets("10.0.0.9/24"), "10.0.0.1", ""},
		{nets("10.0.0.0/8", "2001:db8::/32"), "2001:db8:1::1", ""},
		{nets("10.0.0.0/8", "2001:db8::/32"), "2001:db9::1", CodeSourceDenied},
		{nets("::/0"), "10.0.0.1", CodeSourceDenied},
		{nets("fe80::/10"), "fe80::1%eth0", ""},
	}
	for _, tt := range tests {
		w := newWorld(t)
		bearer, _ := w.issue(Grant{Sources: tt.sources})
		_, err := w.admit(Request{Bearer: bearer, From: netip.MustParseAddr(tt.from)})
		if code(err) != tt.want {
			t.Errorf("%v from %s: %v, want %q", tt.sources, tt.from, err, tt.want)
		}
	}
}

func TestPinSource(t *testing.T) {
	w := newWorld(t)
	bearer, r := w.issue(Grant{PinSource: true, Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}})
	_, err := w.admit(Request{Bearer: bearer, From: there})
	w.want(err, CodeSourceDenied) // and pins nothing
	_, err = w.admit(Request{Bearer: bearer, From: netip.MustParseAddr("::ffff:10.0.0.7")})
	w.want(err, "")
	_, err = w.admit(Request{Bearer: bearer, From: here})
	w.want(err, "")
	_, err = w.admit(Request{Bearer: bearer, From: netip.MustParseAddr("10.0.0.8")})
	w.want(err, CodeSourceDenied)
	w.restart()
	_, err = w.admit(Request{Bearer: bearer, From: netip.MustParseAddr("10.0.0.8")})
	w.want(err, CodeSourceDenied)
	if got := w.show(r.Accessor).Pinned; got != here {
		t.Errorf("pinned to %v", got)
	}
}

func TestPinIsTakenOnce(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{PinSource: true})
	// A second request that was looked at before the first had pinned.
	second := &Pass{From: plainAddr(there), service: w.Service}
	err := w.records.View(t.Context(), func(tx store.Tx) error {
		return w.look(tx, Request{Bearer: bearer}, second)
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.admit(Request{Bearer: bearer, From: here})
	w.want(err, "")
	w.want(w.enter(t.Context(), second), CodeSourceDenied)
}

func TestFilesAndBytes(t *testing.T) {
	tests := []struct {
		name                     string
		openFiles, openBytes     int64
		commitFiles, commitBytes int64
		openWant, commitWant     Code
		leftoverFiles, leftBytes int64 // spent afterwards
	}{
		{"exactly", 10, 1000, 10, 1000, "", "", 10, 1000},
		{"one file too many announced", 11, 0, 0, 0, CodeFilesExhausted, "", 0, 0},
		{"one byte too many announced", 0, 1001, 0, 0, CodeBytesExhausted, "", 0, 0},
		{"one file too many committed", 10, 10, 11, 10, "", CodeFilesExhausted, 10, 10},
		{"one byte too many committed", 10, 10, 10, 1001, "", CodeBytesExhausted, 10, 10},
		{"fewer committed", 10, 1000, 3, 30, "", "", 3, 30},
		{"more committed than announced", 1, 1, 10, 1000, "", "", 10, 1000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t)
			bearer, r := w.issue(Grant{Files: 10, Bytes: 1000})
			_, _, err := w.open(bearer, "s", tt.openFiles, tt.openBytes)
			w.want(err, tt.openWant)
			if tt.openWant == "" {
				_, err = w.commit(bearer, "s", Redemption{Files: tt.commitFiles, Bytes: tt.commitBytes})
				w.want(err, tt.commitWant)
			}
			got := w.show(r.Accessor).Spent
			if got.Files != tt.leftoverFiles || got.Bytes != tt.leftBytes {
				t.Errorf("spent %+v", got)
			}
		})
	}
}

func TestCharge(t *testing.T) {
	w := newWorld(t)
	bearer, r := w.issue(Grant{Files: 10, Bytes: 1000})
	p, _, err := w.open(bearer, "s", 1, 100)
	if err != nil {
		t.Fatal(err)
	}
	charge := func(secret string, files, bytes int64) error {
		return w.records.Update(t.Context(), func(tx store.Tx) error {
			return w.Charge(tx, p, connect.HashSession(secret), files, bytes)
		})
	}
	w.want(charge("s", 10, 1000), "")
	w.want(charge("s", 5, 5), "") // lowers nothing
	w.want(charge("s", 11, 1000), CodeFilesExhausted)
	w.want(charge("s", 10, 1001), CodeBytesExhausted)
	w.want(charge("thief", 1, 1), CodeInUse)
	if got := w.show(r.Accessor).Spent; got.Files != 10 || got.Bytes != 1000 {
		t.Errorf("spent %+v", got)
	}
}

func TestVerbsPathsVisibility(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{Target: "share", Verbs: Publish | Read, Reads: []manifest.Path{"android/panda"}, Visibility: Licensed})
	p, err := w.admit(Request{Bearer: bearer})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		verb Verbs
		path manifest.Path
		want Code
	}{
		{Publish, "share", ""},
		{Publish, "share/x/y", ""},
		{Publish, "share2", CodePathDenied},
		{Publish, "shar", CodePathDenied},
		{Publish, "", CodePathDenied},
		{Publish, "android/panda", CodePathDenied},
		{Publish | Read, "android/panda", CodePathDenied},
		{Read, "android/panda/41/x", ""},
		{Read, "android/pandas", CodePathDenied},
		{Read, "share/x", ""},
		{Check, "share", CodeVerbDenied},
		{Publish | Check, "share", CodeVerbDenied},
		{Link, "share", CodeVerbDenied},
	}
	for _, tt := range tests {
		if got := code(p.May(tt.verb, tt.path)); got != tt.want {
			t.Errorf("%s at %q: %q, want %q", tt.verb, tt.path, got, tt.want)
		}
	}
	w.want(p.MayShow(""), "")
	w.want(p.MayShow(Private), "")
	w.want(p.MayShow(Licensed), "")
	w.want(p.MayShow(Public), CodeVisibilityDenied)
	w.want(p.MayShow("everyone"), CodeVisibilityDenied)
	see := p.Sight()
	for path, want := range map[manifest.Path]bool{"share/a": true, "share2": false, "android/panda/1": true, "android": false} {
		if see(path) != want {
			t.Errorf("sees %q: %v", path, !want)
		}
	}
	for _, path := range []manifest.Path{"share/a", "share2", "android/panda/1", "android"} {
		if may := p.Downloads()(path); may != see(path) {
			t.Errorf("with read, may download %q: %v", path, may)
		}
	}
	blind, _ := w.issue(Grant{Target: "share", Reads: []manifest.Path{"android/panda"}})
	p, err = w.admit(Request{Bearer: blind})
	if err != nil {
		t.Fatal(err)
	}
	if p.Downloads()("share/a") {
		t.Error("a token without read may download")
	}
	if p.Sight()("android/panda/1") || !p.Sight()("share/a") {
		t.Error("a token without read and link sees further than its target, or not its target")
	}
}

func TestVerbOfOpenAndCommit(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{Verbs: Check})
	_, _, err := w.open(bearer, "s", 0, 0)
	w.want(err, CodeVerbDenied)
	bearer, _ = w.issue(Grant{})
	p, err := w.admit(Request{Bearer: bearer})
	if err != nil {
		t.Fatal(err)
	}
	err = w.records.Update(t.Context(), func(tx store.Tx) error {
		_, err := w.Open(tx, p, Opening{Hash: connect.HashSession("s"), Session: "s", Target: "android/panda/43"})
		return err
	})
	w.want(err, CodePathDenied)
}

func TestManifestAndVisibilityOfCommit(t *testing.T) {
	want := manifest.DigestOf([]byte("expected"))
	w := newWorld(t)
	bearer, r := w.issue(Grant{Manifest: want})
	if _, _, err := w.open(bearer, "s", 0, 0); err != nil {
		t.Fatal(err)
	}
	_, err := w.commit(bearer, "s", Redemption{Manifest: manifest.DigestOf([]byte("other"))})
	w.want(err, CodeManifestMismatch)
	_, err = w.commit(bearer, "s", Redemption{Manifest: want, Visibility: Public})
	w.want(err, CodeVisibilityDenied)
	if got := w.show(r.Accessor).Spent; got.Publications != 0 || got.InUse != 1 {
		t.Errorf("refused commits spent %+v", got)
	}
	_, err = w.commit(bearer, "s", Redemption{Manifest: want})
	w.want(err, "")
}

func TestExists(t *testing.T) {
	err := Exists(&store.ConflictError{Paths: []manifest.Path{"a\x1b"}, Total: 3})
	if code(err) != CodeExists || !errors.Is(err, CodeExists) {
		t.Errorf("got %v", err)
	}
	if want := `already published with other content, and the token may not overwrite: "a\x1b" and 2 more`; err.Error() != want {
		t.Errorf("got %s", err)
	}
	if other := errors.New("x"); Exists(other) != other {
		t.Error("another error was changed")
	}
}

func TestParallel(t *testing.T) {
	w := newWorld(t)
	bearer, _ := w.issue(Grant{Parallel: 2})
	admit := func() (*Pass, error) {
		return w.Admit(context.Background(), Request{Bearer: bearer, From: here})
	}
	a, err := admit()
	w.want(err, "")
	_, err = admit()
	w.want(err, "")
	_, err = admit()
	w.want(err, CodeParallel)
	a.Release()
	a.Release() // only once
	_, err = admit()
	w.want(err, "")
	_, err = admit()
	w.want(err, CodeParallel)
	if got := w.sink.counts["refusals parallel"]; got != 2 {
		t.Errorf("%d refusals counted", got)
	}
}

// TestCodesTravel holds the codes to those of the protocol.
func TestCodesTravel(t *testing.T) {
	for _, c := range []Code{
		CodeInvalid, CodeNotYetValid, CodeExpired, CodeSessionExpired, CodeSourceDenied, CodeConsumed, CodeInUse,
		CodeCallsExhausted, CodeParallel, CodeFilesExhausted, CodeBytesExhausted, CodePathDenied, CodeVerbDenied,
		CodeVisibilityDenied, CodeExists, CodeManifestMismatch, CodeBanned, CodeCredential, CodeCeiling, CodeBadGrant,
	} {
		if wire.Code(c).Status() >= 500 {
			t.Errorf("%s is no code of the protocol", c)
		}
	}
}

func TestBadGrants(t *testing.T) {
	for field, g := range map[string]Grant{
		"target":       {Target: "../x"},
		"reads":        {Target: "a", Reads: []manifest.Path{"/etc"}},
		"not_after":    {Target: "a", NotAfter: start.Add(-time.Second)},
		"finish_by":    {Target: "a", FinishBy: start.Add(-time.Second)},
		"publications": {Target: "a", Publications: -1},
		"calls":        {Target: "a", Calls: -1},
		"parallel":     {Target: "a", Parallel: -1},
		"files":        {Target: "a", Files: -1},
		"bytes":        {Target: "a", Bytes: -1},
		"verbs":        {Target: "a", Verbs: 64},
		"visibility":   {Target: "a", Visibility: "all"},
		"sources":      {Target: "a", Sources: []netip.Prefix{{}}},
	} {
		w := newWorld(t)
		_, _, err := w.Issue(t.Context(), w.farm, g, IssueOptions{})
		var d *Denied
		if !errors.As(err, &d) || d.Code != CodeBadGrant || d.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
	w := newWorld(t)
	for _, g := range []Grant{
		{},
		{Target: "a\xff"},
		{Target: "a", NotAfter: start.Add(MaxLifetime + time.Second)},
		{Target: "a", NotBefore: start.Add(2 * time.Hour), NotAfter: start.Add(time.Hour)},
		{Target: "a", NotBefore: start.Add(2 * time.Hour), FinishBy: start.Add(time.Hour)},
	} {
		_, _, err := w.Issue(t.Context(), w.farm, g, IssueOptions{})
		w.want(err, CodeBadGrant)
	}
	_, _, err := w.Issue(t.Context(), w.farm, Grant{Target: "a"}, IssueOptions{Note: string(make([]byte, MaxNote+1))})
	w.want(err, CodeBadGrant)
}

func TestDefaults(t *testing.T) {
	w := newWorld(t)
	_, r := w.issue(Grant{Target: "a"})
	g := r.Grant
	if g.Verbs != Publish|Check || !g.NotBefore.Equal(start) || !g.NotAfter.Equal(start.Add(time.Hour)) ||
		!g.FinishBy.Equal(g.NotAfter) || g.Publications != 1 || g.Calls != 10_000 || g.Parallel != 8 ||
		g.Files != 100_000 || g.Bytes != 100_000_000_000 || g.Visibility != Private || g.Overwrite || g.PinSource {
		t.Errorf("%+v", g)
	}
}
