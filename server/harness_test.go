package server_test

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server"
	"github.com/pubsync/pubsync/server/access"
	"github.com/pubsync/pubsync/server/files"
	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/server/web"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/remote"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// licenceText is the licence of the type "gated".
const licenceText = "You may read this on Tuesdays <only>.\n"

// A site is a whole server on a real store, reached over TLS on loopback. What
// stands between client and server is a handler that tests may replace.
type site struct {
	t       *testing.T
	dir     string
	store   store.Store
	tokens  *token.Service
	engine  *session.Engine
	by      token.Scheduler
	http    *httptest.Server
	limit   int64   // of bodies
	disk    int64   // bytes it seems to have; 0: as it is
	fs      disk.FS // beneath the store's content; nil: the real one
	quotas  []session.Quota
	pace    server.Pace
	load    server.Load
	proxies []netip.Prefix
	deny    []netip.Prefix
	skew    atomic.Int64
	alerts  atomic.Int64
	kinds   sync.Map // of alerts
	log     *bytes.Buffer

	mu      sync.RWMutex
	handler http.Handler
	between func(http.Handler) http.Handler
}

func newSite(t *testing.T, set ...func(*site)) *site {
	t.Helper()
	s := &site{t: t, dir: t.TempDir(), limit: 1 << 20, pace: server.Pace{Rate: 1000, Grace: 15 * time.Second}, log: &bytes.Buffer{}}
	for _, f := range set {
		f(s)
	}
	s.start()
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.RLock()
		h, between := s.handler, s.between
		s.mu.RUnlock()
		if between != nil {
			h = between(h)
		}
		h.ServeHTTP(w, r)
	}))
	s.http.EnableHTTP2 = true
	s.http.Config.HTTP2 = &http.HTTP2Config{MaxReadFrameSize: 4*16<<10 - 9} // as in package cli
	s.http.Config.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(io.Discard, nil), slog.LevelError)
	s.http.StartTLS()
	t.Cleanup(func() {
		s.http.CloseClientConnections()
		s.http.Close()
		s.stop()
	})
	return s
}

func (s *site) now() time.Time { return time.Now().Add(time.Duration(s.skew.Load())) }

// ahead is now, but never before the system's time: by it deadlines are set.
func (s *site) ahead() time.Time {
	return time.Now().Add(max(0, time.Duration(s.skew.Load())))
}

// Alert implements [token.Alerter].
func (s *site) Alert(a token.Alert) {
	s.alerts.Add(1)
	s.kinds.Store(a.Kind, true)
}

// start opens the store and wires a server; again after stop it is a restart.
func (s *site) start() {
	s.t.Helper()
	o := disk.Options{Dir: filepath.Join(s.dir, "store"), Volatile: true}
	if s.disk > 0 {
		s.check(os.MkdirAll(o.Dir, 0o700))
		fsys, err := disk.NewFS(o.Dir)
		s.check(err)
		o.FS = smallDisk{fsys, s}
	}
	if s.fs != nil {
		o.FS = s.fs
	}
	st, err := disk.Open(s.t.Context(), o)
	s.check(err)
	s.store = st
	s.tokens, err = token.New(token.Config{
		Records: st, Clock: s.now, Alerts: s, Guard: token.Guard{Free: 1000, Ban: 2000},
		Sleep:  func(context.Context, time.Duration) {},
		Volume: token.Volume{Fishing: 100},
	})
	s.check(err)
	s.by = token.Scheduler{Name: "test"}
	s.check(s.tokens.PutScheduler(s.t.Context(), s.by))
	log := slog.New(slog.NewTextHandler(&lockedWriter{w: s.log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
	limits := wire.Limits{Body: s.limit, Parallel: 8, Archives: 2}
	engine := session.New(session.Config{
		Store: st, Now: s.now, Limits: limits, Log: log, MaxEntries: 1 << 20,
		URL: func(p manifest.Path) string { return string(p) },
		Quotas: func(target manifest.Path, owner string) (qs []session.Quota) {
			for _, q := range s.quotas {
				if target.Within(q.Holder.Path) && (q.Holder.Owner == "" || q.Holder.Owner == owner) {
					qs = append(qs, q)
				}
			}
			return qs
		},
		Spool: func() (*os.File, error) { return os.CreateTemp(s.dir, "spool") },
	})
	s.engine = engine
	rules, err := access.New(s.t.Context(), map[manifest.Path]access.Type{
		"private": {Visibility: token.Private}, "gated": {Licence: licenceText},
	}, st)
	s.check(err)
	var srv *server.Server
	srv = server.New(server.Config{
		Store: st, Tokens: s.tokens, Sessions: engine, Log: log, Now: s.ahead, Limits: limits, Load: s.load, TrustedProxies: s.proxies, Deny: s.deny,
		Pace:   s.pace,
		Files:  files.New(files.Config{Store: st, Sight: func(r *http.Request) store.Sight { return srv.FilesSight(r) }}),
		Access: rules, URL: "https://example.org", LinkKey: []byte("a key of links, for tests"),
		LicencePage: func(w http.ResponseWriter, r *http.Request, l access.Licence, action string) error {
			return web.New(web.Config{}).Licence(w, r, web.Licence{
				Type: string(l.Type), Text: l.Text, Digest: l.Digest.String(), Action: action, To: r.URL.RequestURI(),
			})
		},
		Profile: func(string) (wire.Profile, bool) { return wire.Profile{}, false },
		Connect: func(b string) string { return b },
	})
	s.mu.Lock()
	s.handler = srv
	s.mu.Unlock()
}

func (s *site) stop() {
	s.check(s.tokens.Close(context.Background()))
	s.check(s.store.Close())
}

// restart does what a crash and a new start do to everything but the store's
// files: sessions in memory are gone.
func (s *site) restart() {
	s.mu.Lock()
	s.handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	s.mu.Unlock()
	s.stop()
	s.start()
}

// put stands something between client and server.
func (s *site) put(between func(http.Handler) http.Handler) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.between = between
}

func (s *site) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

// issue makes a token.
func (s *site) issue(g token.Grant) string {
	s.t.Helper()
	bearer, _, err := s.tokens.Issue(s.t.Context(), s.by, g, token.IssueOptions{})
	s.check(err)
	return bearer
}

// A builder pushes a directory with a token.
type builder struct {
	*site
	dir, bearer, secret string
	via                 string // the address of a proxy; "": none
	tickets             string // folder of TLS sessions; "": none
	opts                push.Options
	client              *remote.Client
	sleep               func(context.Context, time.Duration) error // nil: not at all
	clock               func() time.Time                           // of the push; nil: the system's
	dial                func(ctx context.Context, network, addr string) (net.Conn, error)
	between             func(push.Remote) push.Remote // nil: nothing
}

func (s *site) builder(bearer, dir string) *builder {
	return &builder{site: s, dir: dir, bearer: bearer, secret: connect.NewSessionSecret()}
}

func (b *builder) push(ctx context.Context) (push.Result, error) {
	b.t.Helper()
	pin := sha256.Sum256(b.http.Certificate().RawSubjectPublicKeyInfo)
	var err error
	clock := b.clock
	if clock == nil {
		clock = time.Now
	}
	sleep := b.sleep
	if sleep == nil {
		sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	b.client, err = remote.New(remote.Config{
		URL: cmp.Or(b.via, b.http.URL), Pin: &pin, Tickets: b.tickets, Token: b.bearer, Secret: b.secret, Patience: time.Minute, Now: time.Now,
		Sleep: sleep, Jitter: func() float64 { return 0 }, Dial: b.dial,
	})
	b.check(err)
	defer b.client.Close()
	tree, err := walk.Walk(ctx, walk.Options{Sources: []walk.Source{{Dir: b.dir}}})
	if err != nil {
		return push.Result{}, err
	}
	defer tree.Close()
	o := b.opts
	hash := connect.HashSession(b.secret)
	o.SessionHash, o.Now = hex.EncodeToString(hash[:]), clock
	o.Spool = func() (*os.File, error) { return os.CreateTemp(b.site.dir, "spool") }
	if b.between != nil {
		return push.Push(ctx, b.between(b.client), tree, o)
	}
	return push.Push(ctx, b.client, tree, o)
}

func (b *builder) mustPush() push.Result {
	b.t.Helper()
	r, err := b.push(b.t.Context())
	b.check(err)
	return r
}

// fill makes a tree of files in a new directory: some small, one of several
// parts, some alike.
func (s *site) fill(seed uint64) string {
	s.t.Helper()
	dir := s.t.TempDir()
	r := rand.New(rand.NewPCG(seed, 1))
	for i := range 40 {
		s.write(dir, fmt.Sprintf("d%d/file-%d.txt", i%5, i), text(r, 2000+i*100))
	}
	s.write(dir, "large.bin", noise(r, 3<<20))
	s.write(dir, "twin-a", text(r, 5000))
	b, err := os.ReadFile(filepath.Join(dir, "twin-a"))
	s.check(err)
	s.write(dir, "twin-b", b)
	s.check(os.MkdirAll(filepath.Join(dir, "empty"), 0o755))
	s.check(os.Symlink("twin-a", filepath.Join(dir, "link")))
	return dir
}

func (s *site) write(dir, name string, b []byte) {
	s.t.Helper()
	full := filepath.Join(dir, name)
	s.check(os.MkdirAll(filepath.Dir(full), 0o755))
	s.check(os.WriteFile(full, b, 0o644))
}

func text(r *rand.Rand, n int) []byte {
	var b bytes.Buffer
	for b.Len() < n {
		fmt.Fprintf(&b, "line %d of some text\n", r.Uint32())
	}
	return b.Bytes()[:n]
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// wantTree compares what is published under target with a directory.
func (s *site) wantTree(target manifest.Path, dir string) {
	s.t.Helper()
	tree, err := walk.Walk(s.t.Context(), walk.Options{Sources: []walk.Source{{Dir: dir}}})
	s.check(err)
	defer tree.Close()
	got := map[manifest.Path]manifest.Entry{}
	s.check(s.store.Walk(s.t.Context(), target, store.Latest, func(e manifest.Entry) error {
		got[e.Path] = e
		return nil
	}))
	if len(got) != len(tree.Entries) {
		s.t.Errorf("%s: %d entries published, %d in %s", target, len(got), len(tree.Entries), dir)
	}
	for _, e := range tree.Entries {
		g, ok := got[e.Path]
		if !ok || !g.SameAs(&e) {
			s.t.Errorf("%s: %q is %+v, want %+v", target, e.Path, g, e)
			continue
		}
		if e.Kind != manifest.File {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, string(e.Path)))
		s.check(err)
		if manifest.DigestOf(b) != g.Digest || !bytes.Equal(s.content(g), b) {
			s.t.Errorf("%s: content of %q differs", target, e.Path)
		}
	}
}

func (s *site) content(e manifest.Entry) []byte {
	s.t.Helper()
	blob, err := s.store.Open(s.t.Context(), e.Digest)
	s.check(err)
	defer blob.Close()
	b := make([]byte, blob.Size())
	if _, err := blob.ReadAt(b, 0); err != nil && err != io.EOF {
		s.t.Fatal(err)
	}
	return b
}

// publications returns the number of publications so far.
func (s *site) publications() int {
	s.t.Helper()
	v, err := s.store.Version(s.t.Context())
	s.check(err)
	return int(v)
}

// post sends a request as curl would and returns status and error code.
func (s *site) post(method, path, bearer string, header map[string]string, body string) (int, wire.Code, string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.http.URL+path, strings.NewReader(body))
	s.check(err)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	for k, v := range header {
		req.Header.Set(k, v)
	}
	resp, err := s.http.Client().Do(req)
	s.check(err)
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	s.check(err)
	var e wire.Error
	if resp.StatusCode/100 != 2 {
		_ = json.Unmarshal(b, &e)
	}
	return resp.StatusCode, e.Code, string(b)
}

// openBody is the JSON of an open for a session secret.
func openBody(secret, target string) string {
	h := connect.HashSession(secret)
	return fmt.Sprintf(`{"version":1,"session_hash":"%x","target":%q,"entries":0,"tree_digest":%q}`, h[:], target, manifest.List{}.TreeDigest())
}

// codeOf returns the code of a refusal, "" for no error or another one.
func codeOf(err error) wire.Code {
	var e *wire.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func accessorOf(bearer string) string {
	_, accessor, _, err := connect.SplitBearer(bearer)
	if err != nil {
		panic(err)
	}
	return accessor
}
