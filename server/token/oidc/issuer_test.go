package oidc

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pubsync/pubsync/server/store"
)

// An authority is an issuer on a TLS server of its own, with a discovery
// document and keys.
type authority struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	rsa      *rsa.PrivateKey
	ec       *ecdsa.PrivateKey
	kid      string
	down     atomic.Bool
	requests atomic.Int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{t: t, kid: "1"}
	a.newKeys()
	a.Server = httptest.NewTLSServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Close)
	return a
}

func (a *authority) newKeys() {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	var err error
	a.rsa = nil // made when first needed: it takes long
	if a.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		a.t.Fatal(err)
	}
}

func (a *authority) serve(w http.ResponseWriter, r *http.Request) {
	a.requests.Add(1)
	if a.down.Load() {
		http.Error(w, "down", http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		fmt.Fprintf(w, `{"issuer":%q,"jwks_uri":%q,"authorization_endpoint":"","id_token_signing_alg_values_supported":["RS256","ES256"]}`,
			a.URL, a.URL+"/keys")
	case "/keys":
		a.serveKeys(w)
	default:
		http.NotFound(w, r)
	}
}

func (a *authority) serveKeys(w http.ResponseWriter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	point, err := a.ec.PublicKey.Bytes() // 4, then x and y
	if err != nil {
		panic(err)
	}
	keys := []map[string]string{
		{"kty": "EC", "use": "sig", "crv": "P-256", "kid": "ec" + a.kid, "x": b64(point[1:33]), "y": b64(point[33:])},
	}
	if a.rsa != nil {
		n, e := a.rsa.N.Bytes(), big.NewInt(int64(a.rsa.E)).Bytes()
		keys = append(keys, map[string]string{
			"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "rsa" + a.kid, "n": b64(n), "e": b64(e),
		})
	}
	if err := json.NewEncoder(w).Encode(map[string]any{"keys": keys}); err != nil {
		a.t.Error(err)
	}
}

// rsaKey returns the RSA key; a.mu must be held.
func (a *authority) rsaKey() *rsa.PrivateKey {
	if a.rsa == nil {
		var err error
		if a.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			a.t.Fatal(err)
		}
	}
	return a.rsa
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// sign makes an identity token of the claims.
func (a *authority) sign(alg string, claims map[string]any) string {
	a.t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	kid := map[string]string{"RS256": "rsa", "ES256": "ec"}[alg] + a.kid
	head := part(a.t, map[string]string{"alg": alg, "kid": kid, "typ": "JWT"})
	text := head + "." + part(a.t, claims)
	sum := sha256.Sum256([]byte(text))
	var sig []byte
	var err error
	switch alg {
	case "RS256":
		sig, err = rsa.SignPKCS1v15(rand.Reader, a.rsaKey(), crypto.SHA256, sum[:])
	case "ES256":
		r, s, e := ecdsa.Sign(rand.Reader, a.ec, sum[:])
		sig, err = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), e
	case "HS256": // with the public key as the shared secret, an old trick
		mac := hmac.New(sha256.New, a.rsaKey().N.Bytes())
		mac.Write([]byte(text))
		sig = mac.Sum(nil)
	case "none":
	}
	if err != nil {
		a.t.Fatal(err)
	}
	return text + "." + b64(sig)
}

func part(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b64(b)
}

// memory is store.Records in a map; a failed Update leaves it as it was.
type memory struct {
	mu sync.Mutex
	m  map[string][]byte
}

func (r *memory) Update(_ context.Context, f func(store.Tx) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	tx := memoryTx(maps.Clone(r.m))
	err := f(tx)
	if err == nil {
		r.m = tx
	}
	return err
}

func (r *memory) View(_ context.Context, f func(store.Tx) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return f(memoryTx(r.m))
}

type memoryTx map[string][]byte

func (t memoryTx) Get(bucket, key string) ([]byte, error) {
	v, ok := t[bucket+"\x00"+key]
	if !ok {
		return nil, store.ErrNotFound
	}
	return v, nil
}

func (t memoryTx) Put(bucket, key string, value []byte) error {
	t[bucket+"\x00"+key] = append([]byte{}, value...)
	return nil
}

func (t memoryTx) Delete(bucket, key string) error {
	delete(t, bucket+"\x00"+key)
	return nil
}

func (t memoryTx) Scan(bucket, prefix string, f func(string, []byte) bool) error {
	for _, k := range slices.Sorted(maps.Keys(t)) {
		key, ok := strings.CutPrefix(k, bucket+"\x00")
		if ok && strings.HasPrefix(key, prefix) && !f(key, t[k]) {
			return nil
		}
	}
	return nil
}
