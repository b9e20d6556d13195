package oidc

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

var (
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	here  = netip.MustParseAddr("10.0.0.7")
)

type world struct {
	*Exchanger
	t       *testing.T
	issuer  *authority
	tokens  *token.Service
	records *memory
	now     time.Time
}

func policy(issuer string) Policy {
	return Policy{
		Name: "gitlab", Issuer: issuer, Audience: "https://sync.example.org", Scheduler: "ci",
		Claims: map[string]string{"project_path": "group/*", "ref_protected": "true", "environment": "release"},
		Target: "ci/{project_path/2}/{pipeline_id}", Lifetime: 20 * time.Minute,
		Grant: token.Grant{Bytes: 1000},
	}
}

func newWorld(t *testing.T, change ...func(*Policy)) *world {
	t.Helper()
	w := &world{t: t, issuer: newAuthority(t), records: &memory{m: map[string][]byte{}}, now: start}
	clock := func() time.Time { return w.now }
	var err error
	if w.tokens, err = token.New(token.Config{Records: w.records, Clock: clock}); err != nil {
		t.Fatal(err)
	}
	if err := w.tokens.PutScheduler(t.Context(), token.Scheduler{Name: "ci"}); err != nil {
		t.Fatal(err)
	}
	p := policy(w.issuer.URL)
	for _, f := range change {
		f(&p)
	}
	w.Exchanger, err = New(Config{
		Policies: []Policy{p}, Tokens: w.tokens, Records: w.records, Client: w.issuer.Client(), Clock: clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// job returns the claims of a job that the policy admits.
func (w *world) job(jti string) map[string]any {
	return map[string]any{
		"iss": w.issuer.URL, "aud": "https://sync.example.org", "sub": "project_path:group/panda:ref:main", "jti": jti,
		"iat": w.now.Unix(), "nbf": w.now.Unix(), "exp": w.now.Add(time.Hour).Unix(),
		"project_path": "group/panda", "ref_protected": "true", "environment": "release", "pipeline_id": 4711,
	}
}

func (w *world) want(raw string, want token.Code) (string, token.Record) {
	w.t.Helper()
	bearer, r, err := w.Exchange(w.t.Context(), raw, here)
	var d *token.Denied
	got := token.Code("")
	if errors.As(err, &d) {
		got = d.Code
	} else if err != nil {
		got = token.Code(err.Error())
	}
	if got != want {
		w.t.Errorf("got %v, want %q", err, want)
	}
	return bearer, r
}

func TestExchange(t *testing.T) {
	for _, alg := range []string{"RS256", "ES256"} {
		w := newWorld(t)
		bearer, r := w.want(w.issuer.sign(alg, w.job("1")), "")
		g := r.Grant
		if g.Target != "ci/group/panda/4711" || g.Publications != 1 || g.Bytes != 1000 || !g.NotAfter.Equal(start.Add(20*time.Minute)) ||
			r.Scheduler != "ci" || !strings.Contains(r.Note, `jti "1"`) {
			t.Errorf("%+v", r)
		}
		p, err := w.tokens.Admit(t.Context(), token.Request{Bearer: bearer, From: here, Session: connect.HashSession("s")})
		if err != nil || p.Record.Accessor != r.Accessor {
			t.Errorf("the token is not admitted: %v", err)
		}
	}
}

func TestEachJTIOnce(t *testing.T) {
	w := newWorld(t)
	raw := w.issuer.sign("ES256", w.job("1"))
	w.want(raw, "")
	w.want(raw, token.CodeCredential)
	w.want(w.issuer.sign("ES256", w.job("1")), token.CodeCredential)
	w.want(w.issuer.sign("ES256", w.job("2")), "")
	none := w.job("")
	w.want(w.issuer.sign("ES256", none), token.CodeCredential)
	delete(none, "jti")
	w.want(w.issuer.sign("ES256", none), token.CodeCredential)
	// Pruning may not let it through again as long as it is valid.
	w.now = start.Add(time.Hour)
	if err := w.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.want(raw, token.CodeCredential)
	w.now = start.Add(3 * time.Hour)
	if err := w.Prune(t.Context()); err != nil {
		t.Fatal(err)
	}
	for k := range w.records.m {
		if strings.HasPrefix(k, "oidc") {
			t.Errorf("left over: %q", k)
		}
	}
}

func TestJTIOnceInParallel(t *testing.T) {
	w := newWorld(t)
	raw := w.issuer.sign("ES256", w.job("1"))
	var mu sync.Mutex
	issued := 0
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, _, err := w.Exchange(t.Context(), raw, here); err == nil {
				mu.Lock()
				issued++
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if issued != 1 {
		t.Errorf("%d tokens issued", issued)
	}
}

// TestRefusedIssueKeepsJTI: the mark and the token are made together.
func TestRefusedIssueKeepsJTI(t *testing.T) {
	w := newWorld(t)
	ceiling := func(bytes int64) {
		s := token.Scheduler{Name: "ci", Ceiling: token.Ceiling{Bytes: bytes}}
		if err := w.tokens.PutScheduler(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	ceiling(999)
	raw := w.issuer.sign("ES256", w.job("1"))
	w.want(raw, token.CodeCeiling)
	ceiling(1000)
	w.want(raw, "")
}

func TestInvalidIdentityTokens(t *testing.T) {
	w := newWorld(t)
	other := newAuthority(t)
	with := func(name string, v any) map[string]any {
		c := w.job("x")
		c[name] = v
		return c
	}
	good := w.issuer.sign("ES256", w.job("x"))
	head, rest, _ := strings.Cut(good, ".")
	_, sig, _ := strings.Cut(rest, ".")
	for name, raw := range map[string]string{
		"empty":                    "",
		"no token":                 "a.b.c",
		"too long":                 good + strings.Repeat("A", MaxToken),
		"altered claims":           head + "." + part(t, with("project_path", "group/other")) + "." + sig,
		"no signature":             head + "." + part(t, w.job("x")) + ".",
		"algorithm none":           w.issuer.sign("none", w.job("x")),
		"shared secret":            w.issuer.sign("HS256", w.job("x")),
		"another's key":            other.sign("ES256", w.job("x")),
		"another issuer":           other.sign("ES256", with("iss", other.URL)),
		"issuer with a slash":      w.issuer.sign("ES256", with("iss", w.issuer.URL+"/")),
		"another audience":         w.issuer.sign("ES256", with("aud", "https://other.example.org")),
		"two audiences":            w.issuer.sign("ES256", with("aud", []string{"https://sync.example.org", "x"})),
		"the same twice":           w.issuer.sign("ES256", with("aud", []string{"https://sync.example.org", "https://sync.example.org"})),
		"no audience":              w.issuer.sign("ES256", with("aud", nil)),
		"expired":                  w.issuer.sign("ES256", with("exp", start.Add(-time.Second).Unix())),
		"no expiry":                w.issuer.sign("ES256", with("exp", nil)),
		"from the future, by more": w.issuer.sign("ES256", with("nbf", start.Add(6*time.Minute).Unix())),
	} {
		_, _, err := w.Exchange(t.Context(), raw, netip.AddrFrom4([4]byte{10, 1, 1, byte(len(name))}))
		var d *token.Denied
		if !errors.As(err, &d) || d.Code != token.CodeCredential || d.Reason != "the identity token is not valid here" || d.Field != "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.want(good, "")
	one := w.job("y")
	one["aud"] = []string{"https://sync.example.org"}
	w.want(w.issuer.sign("ES256", one), "")
}

func TestExpiryToTheSecond(t *testing.T) {
	w := newWorld(t)
	raw := w.issuer.sign("ES256", w.job("1"))
	w.now = start.Add(time.Hour + time.Second)
	w.want(raw, token.CodeCredential)
	w.now = start.Add(time.Hour)
	w.want(raw, "")
}

func TestForgersAreBanned(t *testing.T) {
	w := newWorld(t)
	for range 20 {
		w.want("a.b.c", token.CodeCredential)
	}
	w.want(w.issuer.sign("ES256", w.job("1")), token.CodeBanned)
}

func TestJobsThatNoPolicyAdmits(t *testing.T) {
	for name, v := range map[string]any{
		"project_path": "group/sub/panda", "ref_protected": false, "environment": nil,
		"pipeline_id": "../../etc",
	} {
		w := newWorld(t)
		c := w.job("1")
		c[name] = v
		w.want(w.issuer.sign("ES256", c), token.CodeCredential)
		var notes []string
		err := token.Events(t.Context(), w.records, token.Query{Kind: token.EventRefuse}, func(e token.Event) bool {
			notes = append(notes, e.Note)
			return true
		})
		if err != nil || len(notes) != 1 || !strings.Contains(notes[0], "policy gitlab") {
			t.Errorf("%s: noted %q, %v", name, notes, err)
		}
		w.want(w.issuer.sign("ES256", w.job("1")), "") // a refused job has used nothing up
	}
}

func TestFirstPolicyThatAdmitsDecides(t *testing.T) {
	w := newWorld(t)
	strict, loose, elsewhere := policy(w.issuer.URL), policy(w.issuer.URL), policy(w.issuer.URL)
	elsewhere.Audience, elsewhere.Target = "https://elsewhere.example.org", "elsewhere"
	strict.Claims["environment"] = "production"
	loose.Name, loose.Target = "loose", "loose"
	e, err := New(Config{
		Policies: []Policy{elsewhere, strict, loose, policy(w.issuer.URL)},
		Tokens:   w.tokens, Records: w.records, Client: w.issuer.Client(), Clock: w.cfg.Clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.Exchanger = e
	if _, r := w.want(w.issuer.sign("ES256", w.job("1")), ""); r.Grant.Target != "loose" {
		t.Errorf("%+v", r)
	}
}

// TestKeyRotation has the issuer change its keys: new ones are fetched when a
// token names one, and with them the old ones are worthless. The library's key
// set answers with new keys a moment before it keeps them, so that a token under
// an old key may pass until then: the test tries a new one until one is refused,
// which can only be for its key.
func TestKeyRotation(t *testing.T) {
	w := newWorld(t)
	w.want(w.issuer.sign("ES256", w.job("first")), "")
	var old []string
	for i := range 1000 {
		old = append(old, w.issuer.sign("ES256", w.job(fmt.Sprint("old", i))))
	}
	w.issuer.newKeys()
	w.issuer.kid = "2"
	w.want(w.issuer.sign("ES256", w.job("new")), "")
	for _, raw := range old {
		_, _, err := w.Exchange(t.Context(), raw, here)
		if errors.Is(err, token.CodeCredential) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		runtime.Gosched()
	}
	t.Error("tokens under a key that the issuer has withdrawn are taken")
}

func TestIssuerDown(t *testing.T) {
	w := newWorld(t)
	raw := w.issuer.sign("ES256", w.job("1"))
	try := func() error {
		_, _, err := w.Exchange(t.Context(), raw, here)
		return err
	}
	w.issuer.down.Store(true)
	for range 30 { // nobody is banned for it, and the issuer is not hammered
		if err := try(); !errors.Is(err, ErrIssuer) {
			t.Fatal(err)
		}
	}
	if n := w.issuer.requests.Load(); n != 1 {
		t.Errorf("%d requests to an issuer that is down", n)
	}
	w.issuer.down.Store(false)
	w.now = w.now.Add(retryAfter)
	if _, err := w.issuers[w.issuer.URL].discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.issuer.down.Store(true) // the keys cannot be fetched
	if err := try(); !errors.Is(err, ErrIssuer) {
		t.Fatal(err)
	}
	w.issuer.down.Store(false)
	if err := try(); err != nil {
		t.Fatal(err)
	}
}

// TestDiscoveryMustNameTheIssuer: a document that claims to be somebody else's.
func TestDiscoveryMustNameTheIssuer(t *testing.T) {
	a := newAuthority(t)
	liar := httptest.NewTLSServer(http.HandlerFunc(a.serve))
	t.Cleanup(liar.Close)
	w := newWorld(t)
	e, err := New(Config{
		Policies: []Policy{policy(liar.URL)}, Tokens: w.tokens, Records: w.records, Client: liar.Client(), Clock: w.cfg.Clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	c := w.job("1")
	c["iss"] = liar.URL
	if _, _, err := e.Exchange(t.Context(), a.sign("ES256", c), here); !errors.Is(err, ErrIssuer) {
		t.Errorf("%v", err)
	}
}

func TestNothingOfTheIdentityTokenIsKept(t *testing.T) {
	w := newWorld(t)
	raw := w.issuer.sign("ES256", w.job("1"))
	bearer, _ := w.want(raw, "")
	_, _, secret, err := connect.SplitBearer(bearer)
	if err != nil {
		t.Fatal(err)
	}
	sig := raw[strings.LastIndexByte(raw, '.')+1:]
	for k, v := range w.records.m {
		if strings.Contains(k+string(v), secret) || strings.Contains(k+string(v), sig) {
			t.Errorf("record %q holds a secret", k)
		}
	}
}
