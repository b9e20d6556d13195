package oidc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
)

// MaxToken is the greatest length in bytes of an identity token.
const MaxToken = 16 << 10

// The buckets.
const (
	bucketUsed = "oidc_used" // SHA-256 of issuer and jti: nothing
	bucketEnd  = "oidc_end"  // time of expiry "-" that SHA-256: nothing
)

// A Config is what an exchanger works with. All is required.
type Config struct {
	Policies []Policy
	Tokens   *token.Service
	Records  store.Records // those of Tokens
	Client   *http.Client  // to reach the issuers; set a timeout
	Clock    func() time.Time
}

// An Exchanger issues tokens for identity tokens. It is safe for concurrent use.
type Exchanger struct {
	cfg     Config
	rules   []rule
	issuers map[string]*issuer
}

// A rule is a policy with its template read.
type rule struct {
	Policy
	target template
}

// New returns an exchanger. Errors wrap [ErrPolicy]. No issuer is asked for
// anything yet.
func New(cfg Config) (*Exchanger, error) {
	e := &Exchanger{cfg: cfg, issuers: make(map[string]*issuer)}
	for _, p := range cfg.Policies {
		if err := p.Check(); err != nil {
			return nil, err
		}
		t, err := parseTemplate(p.Target)
		if err != nil {
			return nil, fmt.Errorf("%w %q: target: %v", ErrPolicy, p.Name, err)
		}
		e.rules = append(e.rules, rule{p, t})
		e.issuers[p.Issuer] = &issuer{url: p.Issuer, client: cfg.Client, clock: cfg.Clock}
	}
	return e, nil
}

// Exchange issues a token for the job that the identity token names. Errors:
// *token.Denied with CodeCredential (not a valid identity token, or used before,
// or no policy admits it), CodeBanned, and those of [token.Service.Issue];
// [ErrIssuer]. An invalid identity token counts as a guess of its address.
func (e *Exchanger) Exchange(ctx context.Context, raw string, from netip.Addr) (string, token.Record, error) {
	if err := e.cfg.Tokens.Blocked(from); err != nil {
		return "", token.Record{}, err
	}
	c, err := e.verify(ctx, raw)
	if errors.Is(err, ErrIssuer) {
		return "", token.Record{}, err
	}
	if err != nil {
		e.cfg.Tokens.Guessed(ctx, from, token.CodeCredential)
		// Which check failed is for nobody who cannot make a valid one.
		return "", token.Record{}, denied("the identity token is not valid here", "")
	}
	r, err := e.admit(c)
	if err != nil {
		return "", token.Record{}, e.cfg.Tokens.RefuseScheduler(ctx, token.Scheduler{}, from, err)
	}
	return e.issue(ctx, r, c, from)
}

func denied(reason, field string) error {
	return &token.Denied{Code: token.CodeCredential, Reason: reason, Field: field}
}

// verify returns the claims of a valid identity token.
func (e *Exchanger) verify(ctx context.Context, raw string) (claims, error) {
	iss, aud, err := peek(raw)
	if err != nil {
		return nil, err
	}
	wanted := false
	for _, r := range e.rules {
		wanted = wanted || r.Issuer == iss && r.Audience == aud
	}
	if !wanted {
		return nil, errors.New("no policy for this issuer and audience")
	}
	t, err := e.issuers[iss].verify(ctx, raw, aud)
	if err != nil {
		return nil, err
	}
	if len(t.Audience) != 1 || t.Audience[0] != aud {
		return nil, errors.New("made for other servers too")
	}
	var body json.RawMessage
	if err := t.Claims(&body); err != nil {
		return nil, err
	}
	return decodeClaims(body)
}

func decodeClaims(body []byte) (claims, error) {
	var c claims
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&c); err != nil {
		return nil, fmt.Errorf("claims: %w", err)
	}
	return c, nil
}

// peek reads issuer and audience of an identity token that is not verified yet.
func peek(raw string) (iss, aud string, err error) {
	parts := strings.Split(raw, ".")
	if len(raw) > MaxToken || len(parts) != 3 {
		return "", "", errors.New("not a signed JSON web token, or too long")
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", "", err
	}
	c, err := decodeClaims(body)
	if err != nil {
		return "", "", err
	}
	iss, _ = c["iss"].(string)
	switch a := c["aud"].(type) {
	case string:
		return iss, a, nil
	case []any:
		if len(a) == 1 {
			aud, _ = a[0].(string)
			return iss, aud, nil
		}
	}
	return "", "", errors.New("not for exactly one audience")
}

// admitted is what a policy gives to a job.
type admitted struct {
	rule  *rule
	grant token.Grant
}

// admit returns what the first policy that matches gives.
func (e *Exchanger) admit(c claims) (admitted, error) {
	why := ""
	for i := range e.rules {
		r := &e.rules[i]
		if iss, _ := c.text("iss"); r.Issuer != iss || !r.forAudience(c) {
			continue
		}
		if name := r.mismatch(c); name != "" {
			why = fmt.Sprintf("policy %s, claim %s", r.Name, name)
			continue
		}
		target, err := r.target.expand(c)
		if err != nil {
			return admitted{}, denied("the job's claims make no target: "+err.Error(), "policy "+r.Name)
		}
		g := r.Grant
		g.Target = target
		if r.Lifetime > 0 {
			g.NotAfter = e.cfg.Clock().Add(r.Lifetime)
		}
		return admitted{r, g}, nil
	}
	return admitted{}, denied("no policy of this server admits the job", why)
}

func (r *rule) forAudience(c claims) bool {
	if a, ok := c["aud"].([]any); ok && len(a) == 1 {
		return a[0] == r.Audience
	}
	return c["aud"] == r.Audience
}

// issue issues the token, once for each jti.
func (e *Exchanger) issue(ctx context.Context, a admitted, c claims, from netip.Addr) (bearer string, rec token.Record, err error) {
	by, err := e.cfg.Tokens.SchedulerNamed(ctx, a.rule.Scheduler)
	if err != nil {
		return "", rec, fmt.Errorf("policy %q: %w", a.rule.Name, err)
	}
	o := token.IssueOptions{From: from, Note: note(a.rule.Name, c)}
	err = e.cfg.Records.Update(ctx, func(tx store.Tx) error {
		if err := useOnce(tx, c); err != nil {
			return err
		}
		bearer, rec, err = e.cfg.Tokens.IssueTx(tx, by, a.grant, o)
		return err
	})
	if err != nil {
		return "", token.Record{}, e.cfg.Tokens.RefuseScheduler(ctx, by, from, err)
	}
	e.cfg.Tokens.Issued(rec, o)
	return bearer, rec, nil
}

// note names the job for the audit log and for lists of tokens.
func note(policy string, c claims) string {
	sub, _ := c.text("sub")
	jti, _ := c.text("jti")
	s := strings.ToValidUTF8(fmt.Sprintf("oidc %s, sub %q, jti %q", policy, sub, jti), "?")
	if len(s) > token.MaxNote {
		s = strings.ToValidUTF8(s[:token.MaxNote], "")
	}
	return s
}

// useOnce marks the identity token as used until it expires.
func useOnce(tx store.Tx, c claims) error {
	iss, _ := c.text("iss")
	jti, ok := c.text("jti")
	if !ok {
		return denied("the identity token has no jti, by which it could be used once", "jti")
	}
	sum := sha256.Sum256([]byte(iss + "\x00" + jti))
	key := hex.EncodeToString(sum[:])
	_, err := tx.Get(bucketUsed, key)
	if err == nil {
		return denied("the identity token was used already", "jti")
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if err := tx.Put(bucketUsed, key, nil); err != nil {
		return err
	}
	return tx.Put(bucketEnd, endKey(c)+"-"+key, nil)
}

// endKey returns when the verified claims expire, as text that sorts by time.
func endKey(c claims) string {
	n, _ := c["exp"].(json.Number)
	exp, err := n.Float64()
	if err != nil || exp < 0 {
		exp = 0
	}
	return fmt.Sprintf("%016x", uint64(min(exp, 1<<62)))
}

// Prune forgets the identity tokens that have expired more than an hour ago.
func (e *Exchanger) Prune(ctx context.Context) error {
	before := fmt.Sprintf("%016x", uint64(max(e.cfg.Clock().Add(-time.Hour).Unix(), 0)))
	return e.cfg.Records.Update(ctx, func(tx store.Tx) error {
		var keys []string
		err := tx.Scan(bucketEnd, "", func(key string, _ []byte) bool {
			if key < before {
				keys = append(keys, key)
			}
			return key < before
		})
		if err != nil {
			return err
		}
		for _, k := range keys {
			if err := tx.Delete(bucketEnd, k); err != nil {
				return err
			}
			if err := tx.Delete(bucketUsed, k[strings.IndexByte(k, '-')+1:]); err != nil {
				return err
			}
		}
		return nil
	})
}
