//go:build (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (darwin && (amd64 || arm64)) || (windows && (386 || amd64 || arm64)) || (freebsd && (amd64 || arm64))

package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/pubsync/pubsync/cli/config"
	"github.com/pubsync/pubsync/server"
	"github.com/pubsync/pubsync/server/identity"
	"github.com/pubsync/pubsync/sync/wire/connect"
	"github.com/spf13/cobra"
)

type serveFlags struct {
	config, listen, store, url, readyFile string
	quiet                                 bool
}

func serveCommand(env *Env) *cobra.Command {
	var f serveFlags
	c := &cobra.Command{
		Use:   "serve",
		Short: "Run a server",
		Long: `serve runs a pubsync server over HTTPS (HTTP/1.1 and 2).

Without configuration it keeps everything in ./pubsync-data: blobs and catalog,
a self-signed certificate whose pin tokens carry, and a scheduler's credential
with which "pubsync token issue" works on the same machine. config.toml says the
rest; the flags here win over it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			cfg, err := f.load(c)
			if err != nil {
				return err
			}
			var out io.Writer = env.Stderr
			if f.quiet {
				out = io.Discard
			}
			return serve(c.Context(), env, cfg, out, nil)
		},
	}
	fl := c.Flags()
	fl.StringVar(&f.config, "config", "", "configuration `file`")
	fl.StringVar(&f.listen, "listen", "", "`address` to serve on; port 0 picks one (default 127.0.0.1:8443)")
	fl.StringVar(&f.store, "store", "", "`folder` of the store, made if absent (default ./pubsync-data)")
	fl.StringVar(&f.url, "url", "", "`address` put into tokens (default https://LISTEN)")
	fl.StringVar(&f.readyFile, "ready-file", "", "`file` that gets the URL once the server serves")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "log nothing")
	return c
}

// load reads the configuration and lays the flags that were given over it.
func (f *serveFlags) load(c *cobra.Command) (*config.Config, error) {
	cfg := config.Default()
	if f.config != "" {
		var err error
		if cfg, err = config.Load(f.config); err != nil {
			return nil, usageError{err}
		}
	}
	for flag, field := range map[string]*string{
		"listen": &cfg.Server.Listen, "store": &cfg.Server.Store, "url": &cfg.Server.URL, "ready-file": &cfg.Server.ReadyFile,
	} {
		if fl := c.Flags().Lookup(flag); fl.Changed {
			*field = fl.Value.String()
		}
	}
	cfg.Server.URL = strings.TrimRight(cfg.Server.URL, "/")
	if err := cfg.Check(); err != nil {
		return nil, usageError{err}
	}
	if cfg.Server.URL != "" {
		if err := connect.CheckURL(cfg.Server.URL); err != nil {
			return nil, usageError{err}
		}
	}
	return cfg, nil
}

// shutdownGrace is how long running requests have to finish. Those cut off
// after it are resumable.
const shutdownGrace = 10 * time.Second

// serve runs a server until ctx ends. ready, if not nil, is told the address
// once it serves.
func serve(ctx context.Context, env *Env, cfg *config.Config, out io.Writer, ready func(url string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	log := slog.New(slog.NewTextHandler(out, nil))
	ln, err := net.Listen("tcp", cfg.Server.Listen)
	if err != nil {
		return hinted{fmt.Errorf("cannot serve on %s: %w", cfg.Server.Listen, err), "choose another address with --listen"}
	}
	defer ln.Close()
	url := cfg.Server.URL
	if url == "" {
		url = "https://" + publicAddress(cfg, ln.Addr())
	}
	ident, err := loadIdentity(env, cfg, url)
	if err != nil {
		return err
	}
	site, err := newSite(ctx, env, cfg, url, ident, log)
	if err != nil {
		return err
	}
	defer site.close()
	srv := httpServer(cfg, site.handler, ident.tls, log)
	if err := server.SpeakHTTP2(srv); err != nil {
		return err
	}
	done := make(chan error, 1)
	bounded := server.Listen(ln, loadOf(cfg), prefixes(cfg.Server.TrustedProxies))
	go func() { done <- srv.ServeTLS(bounded, "", "") }()
	log.Info("serving", "url", url, "store", cfg.Server.Store)
	if err := writeReady(cfg.Server.ReadyFile, url); err != nil {
		return err
	}
	if ready != nil {
		ready(url)
	}
	if ident.obtain != nil {
		go ident.obtain(ctx, log)
	}
	stop, err := site.maintain(ctx, env)
	if err != nil {
		srv.Close()
		return err
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	log.Info("stopping")
	grace, cancelGrace := context.WithTimeout(context.WithoutCancel(ctx), shutdownGrace)
	defer cancelGrace()
	if err := srv.Shutdown(grace); err != nil {
		srv.Close()
	}
	stop()
	return nil
}

// publicAddress is where builders find a server that was not told: at the first
// name of its certificates, or at the machine's if it serves on all addresses.
func publicAddress(cfg *config.Config, bound net.Addr) string {
	host, port, err := net.SplitHostPort(bound.String())
	if err != nil {
		return bound.String()
	}
	name, nameErr := os.Hostname()
	ip, ipErr := netip.ParseAddr(host)
	switch {
	case len(cfg.TLS.ACME.Domains) > 0:
		host = cfg.TLS.ACME.Domains[0]
	case ipErr == nil && ip.IsUnspecified() && nameErr == nil:
		host = name
	}
	if port == "443" {
		return host
	}
	return net.JoinHostPort(host, port)
}

// maxFrame is the most bytes of a body that an HTTP/2 frame holds: with its head of 9
// bytes it fills four records of TLS, as package remote sends it. A frame that a killed
// client has not finished is lost, which speaks against larger ones.
const maxFrame = 4*16<<10 - 9

func httpServer(cfg *config.Config, h http.Handler, t *tls.Config, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		TLSConfig:         t,
		ReadHeaderTimeout: cfg.Server.Limits.HeaderTimeout.D(),
		IdleTimeout:       cfg.Server.Limits.IdleTimeout.D(),
		MaxHeaderBytes:    64 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		HTTP2: &http.HTTP2Config{
			MaxReceiveBufferPerStream: 4 << 20, MaxReceiveBufferPerConnection: 16 << 20, MaxConcurrentStreams: 100,
			MaxReadFrameSize: maxFrame,
		},
	}
}

// tlsRoom is the memory in bytes for TLS sessions that clients may go on with: enough
// for those of some 40,000 connections.
const tlsRoom = 8 << 20

// writeReady writes the ready file in one step, so that who waits for it never
// reads half of it.
func writeReady(name, url string) error {
	if name == "" {
		return nil
	}
	tmp := name + ".tmp"
	if err := os.WriteFile(tmp, []byte(url+"\n"), 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}

// An ident is what the server proves itself with.
type ident struct {
	tls    *tls.Config
	pin    [32]byte
	hasPin bool
	// obtain gets what takes the server serving to get; nil: nothing does.
	obtain func(context.Context, *slog.Logger)
}

// loadIdentity finds the certificate: by ACME, from files, or self-signed and
// kept in the store, whose pin goes into tokens.
func loadIdentity(env *Env, cfg *config.Config, url string) (*ident, error) {
	base := &tls.Config{
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
		DynamicRecordSizingDisabled: true, // small records at first cost bytes, and spare nobody here a wait
	}
	identity.NewTLSSessions(tlsRoom).Use(base)
	if err := trustClients(cfg, base); err != nil {
		return nil, err
	}
	if len(cfg.TLS.ACME.Domains) > 0 {
		return acmeIdentity(cfg, base)
	}
	if cfg.TLS.Cert != "" {
		c, err := tls.LoadX509KeyPair(cfg.TLS.Cert, cfg.TLS.Key)
		if err != nil {
			return nil, usagef("certificate %s: %w", cfg.TLS.Cert, err)
		}
		base.Certificates = []tls.Certificate{c}
		return &ident{tls: base}, nil
	}
	c, err := identity.Load(filepath.Join(cfg.Server.Store, "tls"), hostsOf(url), env.Now())
	if err != nil {
		return nil, err
	}
	pin, err := identity.Pin(c)
	if err != nil {
		return nil, err
	}
	base.Certificates = []tls.Certificate{c}
	return &ident{tls: base, pin: pin, hasPin: true}, nil
}

// trustClients has client certificates verified against the authorities of the
// schedulers that are known by one. Nobody is required to show any.
func trustClients(cfg *config.Config, t *tls.Config) error {
	for _, c := range cfg.Schedulers {
		if c.ClientCA == "" {
			continue
		}
		text, err := os.ReadFile(c.ClientCA)
		if err != nil {
			return err
		}
		if t.ClientCAs == nil {
			t.ClientCAs = x509.NewCertPool()
		}
		if !t.ClientCAs.AppendCertsFromPEM(text) {
			return usagef("scheduler %q: %s holds no certificate", c.Name, c.ClientCA)
		}
		t.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return nil
}

// hostsOf returns the names that a self-signed certificate is made for.
func hostsOf(url string) []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	host := strings.TrimPrefix(url, "https://")
	host, _, _ = strings.Cut(host, "/")
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if name, err := os.Hostname(); err == nil {
		hosts = append(hosts, name)
	}
	if host != "localhost" && host != "127.0.0.1" && host != "::1" {
		hosts = append(hosts, host)
	}
	return hosts
}
