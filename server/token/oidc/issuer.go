package oidc

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
)

// ErrIssuer is the error for an issuer whose keys cannot be fetched. The same
// exchange may succeed later.
var ErrIssuer = errors.New("the issuer of the identity token does not answer")

// retryAfter is how long a failed discovery is not tried again.
const retryAfter = 10 * time.Second

// algorithms are those that sign with a private key and verify with a public
// one (RFC 7518 section 3.1, RFC 8037); none may be "none" or a shared secret.
var algorithms = [...]string{
	oidc.RS256, oidc.RS384, oidc.RS512, oidc.PS256, oidc.PS384, oidc.PS512,
	oidc.ES256, oidc.ES384, oidc.ES512, oidc.EdDSA,
}

// An issuer finds an issuer's keys when they are first needed and keeps them.
type issuer struct {
	url    string
	client *http.Client
	clock  func() time.Time

	mu     sync.Mutex // held during discovery: one at a time
	keys   *oidc.RemoteKeySet
	failed time.Time
	err    error
}

// discover returns the issuer's keys by OpenID Connect Discovery 1.0, section 4.
func (i *issuer) discover(ctx context.Context) (*oidc.RemoteKeySet, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.keys != nil {
		return i.keys, nil
	}
	now := i.clock()
	if i.err != nil && now.Sub(i.failed) < retryAfter {
		return nil, i.err
	}
	// A client that goes away must not make the issuer look dead to others.
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), i.client)
	p, err := oidc.NewProvider(ctx, i.url)
	var found struct {
		Keys string `json:"jwks_uri"`
	}
	if err == nil {
		err = p.Claims(&found)
	}
	if err != nil {
		i.failed, i.err = now, fmt.Errorf("%w: %s: %v", ErrIssuer, i.url, err)
		return nil, i.err
	}
	i.keys = oidc.NewRemoteKeySet(ctx, found.Keys)
	return i.keys, nil
}

// verify checks signature, issuer, audience and times of the identity token.
func (i *issuer) verify(ctx context.Context, raw, audience string) (*oidc.IDToken, error) {
	keys, err := i.discover(ctx)
	if err != nil {
		return nil, err
	}
	watched := &watchedKeys{KeySet: keys}
	t, err := oidc.NewVerifier(i.url, watched, &oidc.Config{
		ClientID: audience, SupportedSigningAlgs: algorithms[:], Now: i.clock,
	}).Verify(ctx, raw)
	if err != nil && watched.unreachable != nil {
		return nil, fmt.Errorf("%w: %s: %v", ErrIssuer, i.url, watched.unreachable)
	}
	return t, err
}

// watchedKeys remembers whether a verification failed because the keys could
// not be fetched, which the verifier's own error does not tell.
type watchedKeys struct {
	oidc.KeySet
	unreachable error
}

func (k *watchedKeys) VerifySignature(ctx context.Context, jwt string) ([]byte, error) {
	payload, err := k.KeySet.VerifySignature(ctx, jwt)
	// The remote key set wraps the cause of a failed fetch, and nothing else.
	if errors.Unwrap(err) != nil {
		k.unreachable = err
	}
	return payload, err
}
