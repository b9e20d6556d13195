package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pubsync/pubsync/bench/link"
	"github.com/pubsync/pubsync/bench/measure"
	"github.com/pubsync/pubsync/bench/peer"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// schedulers is how many schedulers and builders are at the server at once.
const schedulers = 32

// lives measures how many tokens a server sees through their whole life within
// a minute: issued, opened and committed, each of the three an HTTPS request
// whose effect is on disk before the answer, on connections that are kept.
func lives(ctx context.Context, o *options) error {
	bin, dir, remove, err := o.prepare(ctx)
	if err != nil {
		return err
	}
	defer remove()
	host := link.Host()
	defer host.Close()
	p := &peer.Pubsync{}
	if err := p.Start(ctx, &peer.Site{Client: host, Server: host, Address: "127.0.0.1", Dir: dir, Pubsync: bin}); err != nil {
		return err
	}
	defer p.Stop()
	s, err := newScheduler(filepath.Join(dir, "store"))
	if err != nil {
		return err
	}
	n := pick(o, 20_000, 2_000)
	before, err := measure.CPU(p.Servers()[0])
	if err != nil {
		return err
	}
	began := time.Now()
	if err := s.live(ctx, n); err != nil {
		return err
	}
	wall := time.Since(began)
	after, err := measure.CPU(p.Servers()[0])
	if err != nil {
		return err
	}
	each := (after - before) / time.Duration(n)
	_, err = fmt.Printf("%d tokens issued, opened and committed in %.1f s: %.0f a minute, with %d at once\n"+
		"%.2f ms of the server's CPU time for each: %.0f a minute on two cores\n",
		n, wall.Seconds(), float64(n)/wall.Minutes(), schedulers,
		float64(each)/float64(time.Millisecond), 2*float64(time.Minute)/float64(each))
	return err
}

// A scheduler asks for tokens and, as the builders, redeems them.
type scheduler struct {
	client     *http.Client
	url        string
	credential string
}

// newScheduler is the local scheduler of a store that is being served.
func newScheduler(store string) (*scheduler, error) {
	text, err := os.ReadFile(filepath.Join(store, "credential"))
	if err != nil {
		return nil, err
	}
	c, err := connect.ParseCredential(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, err
	}
	cert, err := os.ReadFile(filepath.Join(store, "tls", "cert.pem"))
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(cert)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: schedulers}
	return &scheduler{client: &http.Client{Transport: transport}, url: c.URL, credential: c.Secret}, nil
}

// live has n tokens live, many at once.
func (s *scheduler) live(ctx context.Context, n int) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range schedulers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(n) && ctx.Err() == nil; i = next.Add(1) {
				if err := s.one(ctx, i); err != nil {
					stop(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// one is the life of one token.
func (s *scheduler) one(ctx context.Context, i int64) error {
	var made struct {
		Token string `json:"token"`
	}
	target := manifest.Path(fmt.Sprintf("ci/%d", i))
	if err := s.post(ctx, "/v1/tokens", s.credential, "", map[string]any{"target": target}, &made); err != nil {
		return err
	}
	c, err := connect.Parse(made.Token)
	if err != nil {
		return err
	}
	secret := connect.NewSessionSecret()
	hash := sha256.Sum256([]byte(secret))
	tree := manifest.List{}
	var opened wire.Opened
	if err := s.post(ctx, wire.SessionsPath, c.Secret, secret, wire.Open{
		Version: wire.Version, SessionHash: hex.EncodeToString(hash[:]), TreeDigest: tree.TreeDigest(), Checksum: true,
	}, &opened); err != nil {
		return err
	}
	var receipt wire.Receipt
	err = s.post(ctx, wire.SessionsPath+"/"+opened.Session+"/commit", c.Secret, secret, wire.Commit{ManifestDigest: tree.ManifestDigest()}, &receipt)
	if err == nil && receipt.Publication == 0 {
		err = fmt.Errorf("token %d was not redeemed", i)
	}
	return err
}

func (s *scheduler) post(ctx context.Context, path, bearer, secret string, ask, answer any) error {
	body, err := json.Marshal(ask)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Content-Type", "application/json")
	if secret != "" {
		req.Header.Set(wire.SessionHeader, secret)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s: %s: %s", path, resp.Status, b)
	}
	return json.Unmarshal(b, answer)
}
