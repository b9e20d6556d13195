//go:build (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (darwin && (amd64 || arm64)) || (windows && (386 || amd64 || arm64)) || (freebsd && (amd64 || arm64))

package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/pubsync/pubsync/cli/config"
)

// acmeIdentity has certificates from an ACME authority, proved by tls-alpn-01 on
// the port that the server serves on, which must be 443 to the outside.
func acmeIdentity(cfg *config.Config, base *tls.Config) (*ident, error) {
	a := cfg.TLS.ACME
	cache := a.Cache
	if cache == "" {
		cache = filepath.Join(cfg.Server.Store, "acme")
	}
	m := &autocert.Manager{
		Prompt: autocert.AcceptTOS, Cache: autocert.DirCache(cache), Email: a.Email,
		HostPolicy: autocert.HostWhitelist(a.Domains...),
	}
	client, err := acmeClient(a)
	if err != nil {
		return nil, err
	}
	m.Client = client
	base.GetCertificate = m.GetCertificate
	base.NextProtos = append(base.NextProtos, acme.ALPNProto)
	return &ident{tls: base, obtain: func(ctx context.Context, log *slog.Logger) { obtain(ctx, m, a.Domains, log) }}, nil
}

// acmeClient reaches the authority's directory, whose own certificate may come
// from an authority of the house.
func acmeClient(a config.ACME) (*acme.Client, error) {
	c := &acme.Client{DirectoryURL: a.Directory}
	if c.DirectoryURL == "" {
		c.DirectoryURL = autocert.DefaultACMEDirectory
	}
	if a.CA == "" {
		return c, nil
	}
	text, err := os.ReadFile(a.CA)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, usagef("tls.acme.ca: %s holds no certificate", a.CA)
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	c.HTTPClient = &http.Client{Transport: t}
	return c, nil
}

// obtain gets the certificates before anybody asks, so that the first client
// does not wait and the log tells at once what is wrong.
func obtain(ctx context.Context, m *autocert.Manager, domains []string, log *slog.Logger) {
	for _, d := range domains {
		if ctx.Err() != nil {
			return
		}
		c, err := m.GetCertificate(modernHello(d))
		if err != nil {
			log.Error("no certificate obtained; each client that connects has it tried again", "domain", d, "error", err)
			continue
		}
		log.Info("certificate", "domain", d, "until", fmt.Sprint(c.Leaf.NotAfter.Format("2006-01-02")))
	}
}

// modernHello asks for what today's clients get: an ECDSA certificate.
func modernHello(domain string) *tls.ClientHelloInfo {
	return &tls.ClientHelloInfo{
		ServerName: domain, CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256},
		SupportedCurves: []tls.CurveID{tls.CurveP256}, SignatureSchemes: []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256},
		SupportedVersions: []uint16{tls.VersionTLS13, tls.VersionTLS12},
	}
}
