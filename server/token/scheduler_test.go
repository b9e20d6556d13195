package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"net/netip"
	"testing"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

func TestCredentialsAndTheirRotation(t *testing.T) {
	w := newWorld(t)
	first, err := w.NewKey(t.Context(), "farm")
	w.want(err, "")
	second, err := w.NewKey(t.Context(), "farm")
	w.want(err, "")
	if _, err := w.NewKey(t.Context(), "farm"); !errors.Is(err, ErrKeys) {
		t.Errorf("a third key: %v", err)
	}
	for _, c := range []string{first, second} {
		got, err := w.Scheduler(t.Context(), c, here)
		if err != nil || got.Name != "farm" {
			t.Errorf("%+v, %v", got, err)
		}
	}
	_, id, _, err := connect.SplitBearer(first)
	w.want(err, "")
	w.want(w.RemoveKey(t.Context(), "farm", id), "")
	w.want(w.RemoveKey(t.Context(), "farm", id), "")
	_, err = w.Scheduler(t.Context(), first, here)
	w.want(err, CodeCredential)
	if err := w.EnsureKey(t.Context(), "farm", first); !errors.Is(err, ErrKeyRemoved) {
		t.Errorf("a removed key comes back: %v", err)
	}
	_, err = w.Scheduler(t.Context(), second, here)
	w.want(err, "")
	_, err = w.NewKey(t.Context(), "farm")
	w.want(err, "")
	if _, err := w.NewKey(t.Context(), "nobody"); !errors.Is(err, ErrNoScheduler) {
		t.Errorf("%v", err)
	}
}

func TestCredentialsThatAreNone(t *testing.T) {
	w := newWorld(t)
	good, err := w.NewKey(t.Context(), "farm")
	w.want(err, "")
	token, _ := w.issue(Grant{})
	for _, c := range []string{"", "psc_", connect.NewBearer(connect.Credential), wrongSecret(good), token, good[:50]} {
		_, err := w.Scheduler(t.Context(), c, there)
		w.want(err, CodeCredential)
	}
	if w.sink.counts["refusals credential_invalid"] != 6 {
		t.Errorf("%v", w.sink.counts)
	}
}

func TestEnsureKey(t *testing.T) {
	w := newWorld(t)
	c := connect.NewBearer(connect.Credential)
	for range 3 {
		w.want(w.EnsureKey(t.Context(), "farm", c), "")
	}
	got, err := w.Scheduler(t.Context(), c, here)
	if err != nil || len(got.Keys) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	for _, bad := range []string{wrongSecret(c), "x", connect.NewBearer(connect.Token)} {
		if err := w.EnsureKey(t.Context(), "farm", bad); err == nil {
			t.Errorf("accepted a bad credential")
		}
	}
}

func TestSchedulerSource(t *testing.T) {
	w := newWorld(t)
	w.farm.From = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24")}
	w.want(w.PutScheduler(t.Context(), w.farm), "")
	c, err := w.NewKey(t.Context(), "farm")
	w.want(err, "")
	_, err = w.Scheduler(t.Context(), c, netip.MustParseAddr("::ffff:10.0.0.7"))
	w.want(err, "")
	_, err = w.Scheduler(t.Context(), c, netip.MustParseAddr("10.0.1.7"))
	w.want(err, CodeSourceDenied)
}

func TestCertificates(t *testing.T) {
	w := newWorld(t)
	cert := certificate(t, "builder-master")
	w.farm.SPKI = []manifest.Digest{sha256.Sum256(cert.RawSubjectPublicKeyInfo)}
	w.want(w.PutScheduler(t.Context(), w.farm), "")
	lab := Scheduler{Name: "lab", Subjects: []string{"CN=lab,O=Example"}}
	w.want(w.PutScheduler(t.Context(), lab), "")
	labCert := certificate(t, "lab")
	tests := []struct {
		cert     *x509.Certificate
		verified bool
		name     string
	}{
		{cert, false, "farm"},
		{cert, true, "farm"},
		{labCert, true, "lab"},
		{labCert, false, ""}, // anybody can write that name into a certificate
		{certificate(t, "builder-master"), true, ""},
	}
	for i, tt := range tests {
		got, err := w.SchedulerOfCert(t.Context(), tt.cert, tt.verified, here)
		if got.Name != tt.name || (tt.name == "") != (code(err) == CodeCredential) {
			t.Errorf("%d: %+v, %v", i, got, err)
		}
	}
	if err := w.PutScheduler(t.Context(), Scheduler{Name: "thief", SPKI: w.farm.SPKI}); err == nil {
		t.Error("a certificate was given to a second scheduler")
	}
	w.farm.SPKI = nil
	w.want(w.PutScheduler(t.Context(), w.farm), "")
	_, err := w.SchedulerOfCert(t.Context(), cert, false, here)
	w.want(err, CodeCredential)
}

func certificate(t *testing.T, name string) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name, Organization: []string{"Example"}},
		NotBefore: start, NotAfter: start.Add(time.Hour),
	}, &x509.Certificate{}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func TestPutSchedulerKeepsKeys(t *testing.T) {
	w := newWorld(t)
	c, err := w.NewKey(t.Context(), "farm")
	w.want(err, "")
	w.farm.Ceiling.Bytes = 5
	w.want(w.PutScheduler(t.Context(), w.farm), "")
	got, err := w.Scheduler(t.Context(), c, here)
	if err != nil || got.Ceiling.Bytes != 5 || len(got.Keys) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	all, err := w.Schedulers(t.Context())
	if err != nil || len(all) != 1 || all[0].Name != "farm" {
		t.Errorf("%+v, %v", all, err)
	}
	w.want(w.RemoveScheduler(t.Context(), "farm"), "")
	_, err = w.Scheduler(t.Context(), c, here)
	w.want(err, CodeCredential)
	if err := w.RemoveScheduler(t.Context(), "farm"); !errors.Is(err, ErrNoScheduler) {
		t.Errorf("%v", err)
	}
	for _, bad := range []string{"", "a/b", "-a", "A", string(make([]byte, 65)), "a b"} {
		if err := w.PutScheduler(t.Context(), Scheduler{Name: bad}); !errors.Is(err, ErrName) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestSchedulersTouchOnlyWhatIsTheirs(t *testing.T) {
	w := newWorld(t)
	other := Scheduler{Name: "farm2"} // its name begins like the other's
	_, r := w.issue(Grant{})
	_, _, err := w.Show(t.Context(), other, r.Accessor)
	w.want(err, CodeInvalid)
	w.want(w.Revoke(t.Context(), other, r.Accessor), CodeInvalid)
	_, err = w.ResetSession(t.Context(), other, r.Accessor)
	w.want(err, CodeInvalid)
	_, _, err = w.Derive(t.Context(), other, r.Accessor, Grant{}, IssueOptions{})
	w.want(err, CodeInvalid)
	for _, by := range []Scheduler{other, {Name: "far"}, {Name: ""}} {
		if list, err := w.List(t.Context(), by, ListQuery{}); err != nil || len(list) != 0 {
			t.Errorf("%v, %v", list, err)
		}
		n, err := w.RevokeAll(t.Context(), by)
		if n != 0 || err != nil {
			t.Errorf("revoked %d, %v", n, err)
		}
	}
	if got := w.show(r.Accessor).State(w.now); got != StateLive {
		t.Errorf("now %s", got)
	}
}

func TestCeilings(t *testing.T) {
	ceiling := Ceiling{
		Lifetime: 30 * time.Minute, Targets: []manifest.Path{"ci", "share"}, Verbs: Publish | Read,
		Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Publications: 5, Calls: 100, Parallel: 4,
		Files: 50, Bytes: 500, NoOverwrite: true, Visibility: Licensed,
	}
	full := Grant{
		Target: "ci/x", Reads: []manifest.Path{"share"}, Verbs: Publish | Read, NotAfter: start.Add(30 * time.Minute),
		Sources: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Publications: 5, Calls: 100, Parallel: 4,
		Files: 50, Bytes: 500, Visibility: Licensed,
	}
	tests := map[string]func(*Grant){
		"":             func(*Grant) {},
		"target":       func(g *Grant) { g.Target = "cifs" },
		"reads":        func(g *Grant) { g.Reads = append(g.Reads, "share2") },
		"verbs":        func(g *Grant) { g.Verbs |= Check },
		"not_after":    func(g *Grant) { g.NotAfter = g.NotAfter.Add(time.Second) },
		"finish_by":    func(g *Grant) { g.FinishBy = g.NotAfter.Add(time.Second) },
		"sources":      func(g *Grant) { g.Sources = append(g.Sources, netip.MustParsePrefix("11.0.0.0/32")) },
		"publications": func(g *Grant) { g.Publications++ },
		"calls":        func(g *Grant) { g.Calls++ },
		"parallel":     func(g *Grant) { g.Parallel++ },
		"files":        func(g *Grant) { g.Files++ },
		"bytes":        func(g *Grant) { g.Bytes++ },
		"overwrite":    func(g *Grant) { g.Overwrite = true },
		"visibility":   func(g *Grant) { g.Visibility = Public },
	}
	for field, exceed := range tests {
		w := newWorld(t)
		w.farm.Ceiling = ceiling
		g := full
		exceed(&g)
		_, _, err := w.Issue(t.Context(), w.farm, g, IssueOptions{})
		var d *Denied
		switch {
		case field == "" && err != nil:
			t.Errorf("at the ceiling: %v", err)
		case field != "" && (!errors.As(err, &d) || d.Code != CodeCeiling || d.Field != field):
			t.Errorf("%s: %v", field, err)
		}
	}
	w := newWorld(t)
	w.farm.Ceiling = ceiling
	_, r := w.issue(Grant{Target: "ci"})
	g := r.Grant
	if !g.NotAfter.Equal(start.Add(30*time.Minute)) || g.Verbs != Publish || g.Calls != 100 || g.Parallel != 4 ||
		g.Files != 50 || g.Bytes != 500 || g.Publications != 1 || len(g.Sources) != 1 {
		t.Errorf("defaults are not brought down: %+v", g)
	}
	if _, _, err := w.Issue(t.Context(), w.farm, Grant{Target: "else"}, IssueOptions{From: here}); code(err) != CodeCeiling {
		t.Errorf("%v", err)
	}
	var last Event
	w.want(Events(t.Context(), w.records, Query{Newest: 1}, func(e Event) bool { last = e; return true }), "")
	if last.Kind != EventRefuse || last.Code != CodeCeiling || last.Scheduler != "farm" || last.From != here || last.Note != "target" {
		t.Errorf("%+v", last)
	}
}
