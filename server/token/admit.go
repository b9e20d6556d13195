package token

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// A Phase tells which of a token's times a request must keep to.
type Phase int

// The phases.
const (
	Outside Phase = iota // outside a session, or opening one: NotAfter and FinishBy
	Within               // of an open session: FinishBy
	Finish               // the commit of a session: NotAfter and FinishBy
)

// A Request asks for admission.
type Request struct {
	Bearer string     // from the Authorization header: "psb_..."
	From   netip.Addr // of the client, as far as it can be trusted
	Phase  Phase
	// Session is the hash of the session secret that came with the request,
	// the zero value if there was none. Required Within and at Finish; when
	// opening, it lets the repeat of an open pass that was answered already.
	Session connect.SessionHash
}

// A Pass is an admitted request. Release it when the request is done; its
// other methods are safe for concurrent use until then.
type Pass struct {
	Record Record     // as of admission
	From   netip.Addr // in plain form
	// Use is what Request.Session holds of the token, nil if nothing yet. Its
	// receipt is set if the session has been committed: then answer with that,
	// whatever else the request asks.
	Use *Use

	service *Service
	chain   chain
	live    liveness
	entered atomic.Bool // and not released
}

// Admit decides whether a request may go on, and spends one call if so. It
// checks the secret, revocation, source, times and, Within and at Finish, that the
// session secret holds a publication of the token. The caller goes on to check
// verbs and paths with the pass. A refusal is a *Denied, and is in the audit log
// already; [ErrNoSession] means that the session is gone.
func (s *Service) Admit(ctx context.Context, q Request) (*Pass, error) {
	from := plainAddr(q.From)
	if err := s.Blocked(from); err != nil {
		return nil, err
	}
	p := &Pass{From: from, service: s}
	keep := context.WithoutCancel(ctx)
	err := s.cfg.Records.View(keep, func(tx store.Tx) error { return s.look(tx, q, p) })
	if errors.Is(err, errGuess) {
		return nil, s.guessed(ctx, from)
	}
	if err == nil {
		err = s.enter(keep, p)
	}
	if err != nil {
		return nil, s.Refuse(keep, p, err)
	}
	return p, nil
}

// errGuess is the error for a secret that is not that of any token. It never
// leaves the package.
var errGuess = errors.New("unknown or wrong secret")

// look fills p from the records and makes the checks that change nothing.
func (s *Service) look(tx store.Tx, q Request, p *Pass) error {
	t, err := authenticate(tx, q.Bearer)
	if err != nil {
		return err
	}
	p.Record = t.Record // known from here on, so that refusals can be explained and logged
	if p.chain, err = loadChain(tx, t); err != nil {
		return err
	}
	if err := p.chain.live(); err != nil {
		return err
	}
	if err := p.chain.checkSource(p.From); err != nil {
		return err
	}
	now := s.now()
	if wait := t.Grant.NotBefore.Sub(now); wait > 0 {
		d := deny(CodeNotYetValid, "the token is valid from %s on", t.Grant.NotBefore.Format(time.RFC3339))
		d.RetryAfter = wait
		return d
	}
	if err := findUse(tx, q, p); err != nil {
		return err
	}
	if p.Use != nil && p.Use.Receipt != nil {
		return nil // done in time; only the answer is repeated
	}
	return checkEnd(&t.Grant, q.Phase, now)
}

// authenticate returns the token whose secret the bearer holds, or errGuess. It
// does the same work for an unknown accessor as for a wrong secret, and decodes
// nothing of the record before the secret is proven.
func authenticate(tx store.Tx, bearer string) (*stored, error) {
	kind, accessor, secret, err := connect.SplitBearer(bearer)
	if err != nil || kind != connect.Token {
		return nil, errGuess
	}
	b, err := matchSecret(tx, bucketToken, accessor, secret)
	if err != nil {
		return nil, err
	}
	return decodeToken(accessor, b)
}

// matchSecret returns the value at key, which begins with the hash of a
// secret, if that secret is the given one; errGuess if not, or if there is no
// such key.
func matchSecret(tx store.Tx, bucket, key, secret string) ([]byte, error) {
	b, err := tx.Get(bucket, key)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	known := err == nil
	if len(b) < sha256.Size {
		b = make([]byte, sha256.Size) // the hash of nothing anybody knows
	}
	sum := hashSecret(secret)
	if subtle.ConstantTimeCompare(sum[:], b[:sha256.Size]) != 1 {
		level(tx, sum[0], known)
		return nil, errGuess
	}
	return b, nil
}

// level makes up for the time by which a look-up that finds a record differs
// from one that does not: a refusal has made one of each. The hash of the guess
// chooses the record, so that it is no more likely to be in a cache than a
// token's. bench secrets measures what is left.
func level(tx store.Tx, guess byte, found bool) {
	key := decoyKey(guess)
	if found {
		key = "x" + key[1:] // none
	}
	_, _ = tx.Get(bucketDecoy, key)
}

// decoySize is about the size of a token's record, in bytes.
const decoySize = 600

func decoyKey(b byte) string { return fmt.Sprintf("%016x", b) }

// putDecoys writes the records that level looks up, unless they are there.
func putDecoys(tx store.Tx) error {
	for b := 255; b >= 0; b-- {
		_, err := tx.Get(bucketDecoy, decoyKey(byte(b)))
		if err == nil {
			return nil // the last one written: so are the rest
		}
		if err := tx.Put(bucketDecoy, decoyKey(byte(b)), make([]byte, decoySize)); err != nil {
			return err
		}
	}
	return nil
}

// checkSource checks the address against every token of the chain.
func (c chain) checkSource(from netip.Addr) error {
	for _, t := range c {
		if len(t.Grant.Sources) > 0 && !contains(t.Grant.Sources, from) {
			return deny(CodeSourceDenied, "the token may not be used from %s", from)
		}
		if t.Grant.PinSource && t.Pinned.IsValid() && t.Pinned != from {
			return deny(CodeSourceDenied, "the token is bound to another address than %s", from)
		}
	}
	return nil
}

// findUse looks up what the request's session holds, and refuses a request
// within a session that holds nothing.
func findUse(tx store.Tx, q Request, p *Pass) error {
	if q.Session.IsZero() && q.Phase == Outside {
		return nil
	}
	u, err := getUse(tx, p.Record.Accessor, q.Session)
	if err == nil {
		p.Use = u
		return nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if q.Phase == Outside {
		return nil
	}
	return notHeld(&p.Record)
}

func checkEnd(g *Grant, phase Phase, now time.Time) error {
	if phase != Within && now.After(g.NotAfter) {
		return deny(CodeExpired, "the token ended at %s", g.NotAfter.Format(time.RFC3339))
	}
	if now.After(g.FinishBy) {
		return deny(CodeSessionExpired, "the session had to finish by %s", g.FinishBy.Format(time.RFC3339))
	}
	return nil
}

// enter takes what the request uses up: a place among the parallel ones, the
// pin of the address, a call.
func (s *Service) enter(ctx context.Context, p *Pass) error {
	if !s.gates.enter(p.chain) {
		d := deny(CodeParallel, "%d requests at once are the most the token may make", p.Record.Grant.Parallel)
		d.RetryAfter = time.Second
		return d
	}
	err := s.pin(ctx, p)
	if err == nil {
		err = s.spendCall(ctx, p.chain)
	}
	if err != nil {
		s.gates.leave(p.chain)
		return err
	}
	p.live.seen(s.revision.Load(), s.now())
	p.entered.Store(true)
	return nil
}

// pin binds the tokens of the chain that ask for it to the first address.
func (s *Service) pin(ctx context.Context, p *Pass) error {
	unpinned := func(t *stored) bool { return t.Grant.PinSource && !t.Pinned.IsValid() }
	need := false
	for _, t := range p.chain {
		need = need || unpinned(t)
	}
	if !need {
		return nil
	}
	return s.cfg.Records.Update(ctx, func(tx store.Tx) error {
		c, err := getChain(tx, p.Record.Accessor)
		if err != nil {
			return err
		}
		if err := c.checkSource(p.From); err != nil {
			return err
		}
		for _, t := range c {
			if !unpinned(t) {
				continue
			}
			t.Pinned = p.From
			if err := putToken(tx, t); err != nil {
				return err
			}
		}
		return nil
	})
}

// Release ends the request. Later calls do nothing.
func (p *Pass) Release() {
	if p.entered.Swap(false) {
		p.service.gates.leave(p.chain)
	}
}

// May returns a *Denied with CodeVerbDenied or CodePathDenied unless the token
// allows the acts at the path: below the target or, for Read and Link alone,
// below one of the further prefixes.
func (p *Pass) May(v Verbs, at manifest.Path) error {
	g := &p.Record.Grant
	if !g.Verbs.Has(v) {
		return deny(CodeVerbDenied, "the token allows %s, not %s", g.Verbs, v&^g.Verbs)
	}
	allowed := at.Within(g.Target)
	if v&^(Read|Link) == 0 {
		allowed = g.reads(at)
	}
	if !allowed {
		d := deny(CodePathDenied, "outside of what the token allows, which is below %q", string(g.Target))
		d.Paths, d.Total = []manifest.Path{at}, 1
		return d
	}
	return nil
}

// MayShow returns a *Denied with CodeVisibilityDenied if what the token
// publishes may not be as visible as v.
func (p *Pass) MayShow(v Visibility) error { return p.Record.Grant.mayShow(v) }

func (g *Grant) mayShow(v Visibility) error {
	if v != "" && v.rank() > g.Visibility.rank() || v != "" && v.rank() < 0 {
		return deny(CodeVisibilityDenied, "the token may publish as %s, not as %s", g.Visibility, v)
	}
	return nil
}

// Sight returns which paths a push with the token sees beyond what is public:
// content there may be named as held, serve as a basis and be linked. What it
// does not see must be treated as if it were not there.
func (p *Pass) Sight() store.Sight {
	g := p.Record.Grant
	return func(at manifest.Path) bool {
		if at.Within(g.Target) {
			return g.Verbs&(Publish|Check|Read|Link) != 0
		}
		return g.Verbs&(Read|Link) != 0 && g.reads(at)
	}
}

// Downloads returns which paths the token may list and download beyond what is
// public: with Read, those below its target and its further prefixes.
func (p *Pass) Downloads() store.Sight {
	g := p.Record.Grant
	return func(at manifest.Path) bool { return g.Verbs.Has(Read) && g.reads(at) }
}
