package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/token"
)

// clientCertificate makes one that its own key signs.
func (s *site) clientCertificate(name string) tls.Certificate {
	s.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	s.check(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	s.check(err)
	leaf, err := x509.ParseCertificate(raw)
	s.check(err)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// A scheduler that is known by its certificate is so on a resumed TLS session too,
// which does not show the certificate again: as long as the server still knows it, and
// trusts who signed it. A resumed session without certificate is nobody's.
func TestResumedClientCertificates(t *testing.T) {
	s := newSite(t)
	cert := s.clientCertificate("ci-1")
	s.check(s.tokens.PutScheduler(t.Context(), token.Scheduler{Name: "farm", Subjects: []string{"CN=ci-1"}}))
	trusted := x509.NewCertPool()
	trusted.AddCert(cert.Leaf)
	s.http.TLS.ClientAuth, s.http.TLS.ClientCAs = tls.VerifyClientCertIfGiven, trusted
	var resumed bool
	s.put(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			resumed = r.TLS.DidResume
			next.ServeHTTP(w, r)
		})
	})
	// issue asks for a token over a connection of its own.
	issue := func(sessions tls.ClientSessionCache, certs ...tls.Certificate) int {
		t.Helper()
		config := s.http.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
		config.ClientSessionCache, config.Certificates = sessions, certs
		tr := &http.Transport{TLSClientConfig: config}
		defer tr.CloseIdleConnections()
		resp, err := (&http.Client{Transport: tr}).Post(s.http.URL+"/v1/tokens", "application/json", strings.NewReader(`{"target":"t"}`))
		s.check(err)
		defer resp.Body.Close()
		return resp.StatusCode
	}
	kept, nobody := tls.NewLRUClientSessionCache(1), tls.NewLRUClientSessionCache(1)
	for _, again := range []bool{false, true} {
		if got := issue(kept, cert); got/100 != 2 || resumed != again {
			t.Errorf("with the certificate: %d, resumed %v, want %v", got, resumed, again)
		}
		if got := issue(nobody); got/100 == 2 || resumed != again {
			t.Errorf("without: %d, resumed %v, want %v", got, resumed, again)
		}
	}
	if got := issue(kept); got/100 != 2 || !resumed {
		t.Errorf("a session that the certificate began: %d, resumed %v", got, resumed)
	}
	// The scheduler goes by another name.
	s.check(s.tokens.PutScheduler(t.Context(), token.Scheduler{Name: "farm", Subjects: []string{"CN=ci-2"}}))
	if got := issue(kept, cert); got/100 == 2 || !resumed {
		t.Errorf("no longer known: %d, resumed %v", got, resumed)
	}
	// It has its name back, but who signed is trusted no more.
	s.check(s.tokens.PutScheduler(t.Context(), token.Scheduler{Name: "farm", Subjects: []string{"CN=ci-1"}}))
	if got := issue(kept, cert); got/100 != 2 {
		t.Errorf("known again: %d", got)
	}
	*trusted = *x509.NewCertPool()
	if got := issue(kept); got/100 == 2 || resumed {
		t.Errorf("no longer trusted: %d, resumed %v", got, resumed)
	}
}
