//go:build (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (darwin && (amd64 || arm64)) || (windows && (386 || amd64 || arm64)) || (freebsd && (amd64 || arm64))

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/pubsync/pubsync/cli/config"
	"github.com/pubsync/pubsync/server"
	"github.com/pubsync/pubsync/server/access"
	"github.com/pubsync/pubsync/server/files"
	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/server/token/oidc"
	"github.com/pubsync/pubsync/server/upkeep"
	"github.com/pubsync/pubsync/server/web"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// A site is a server with everything behind it, wired by assignment.
type site struct {
	cfg      *config.Config
	url      string
	ident    *ident
	log      *slog.Logger
	store    store.Store
	tokens   *token.Service
	sessions *session.Engine
	alerts   *alerts
	access   *access.Rules
	oidc     *oidc.Exchanger // nil without policies
	upkeep   *upkeep.Keeper
	handler  http.Handler
}

// maxEntries bounds the entries of one push.
const maxEntries = 5_000_000

// localScheduler is the scheduler whose credential lies in the store.
const localScheduler = "local"

func newSite(ctx context.Context, env *Env, cfg *config.Config, url string, id *ident, log *slog.Logger) (*site, error) {
	st, err := disk.Open(ctx, disk.Options{Dir: cfg.Server.Store})
	if err != nil {
		return nil, err
	}
	s := &site{cfg: cfg, url: url, ident: id, log: log, store: st}
	if err := s.wire(ctx, env); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *site) wire(ctx context.Context, env *Env) error {
	var err error
	s.alerts = newAlerts(s.log, s.cfg.Alerts)
	metrics := server.NewMetrics()
	s.tokens, err = token.New(token.Config{
		Records: s.store, Clock: env.Now, Alerts: s.alerts, Counters: metrics,
		Volume: token.Volume{Bytes: int64(s.cfg.Alerts.Volume)},
		Sleep:  func(ctx context.Context, d time.Duration) { _ = env.Sleep(ctx, d) },
		Guard:  guardOf(s.cfg.Tokens.Ban),
	})
	if err != nil {
		return err
	}
	if err := s.schedulers(ctx); err != nil {
		return err
	}
	if err := s.rules(ctx); err != nil {
		return err
	}
	linkKey, err := s.linkKey()
	if err != nil {
		return err
	}
	limits := wire.Limits{Body: int64(s.cfg.Server.Limits.Body), Parallel: s.cfg.Tokens.Parallel, Archives: archivesOf(s.cfg)}
	s.sessions = session.New(session.Config{
		Store: s.store, Now: env.Now, Limits: limits, Log: s.log, MaxEntries: maxEntries,
		Spool:   func() (*os.File, error) { return unnamed(s.cfg.Server.Store) },
		Reserve: int64(s.cfg.Server.Limits.Reserve), Quotas: s.quotas,
		URL:    func(p manifest.Path) string { return wire.PublishedURL(s.url, p) },
		Builds: buildTypes(s.cfg),
	})
	s.upkeep = newKeeper(env, s.cfg, s.store, s.sessions, s.tokens)
	exchange, err := s.exchanger(ctx, env)
	if err != nil {
		return err
	}
	var srv *server.Server
	sight := func(r *http.Request) store.Sight { return srv.FilesSight(r) }
	pages := web.New(web.Config{Tree: s.store, Sight: sight})
	srv = server.New(server.Config{
		Store: s.store, Tokens: s.tokens, Sessions: s.sessions, Log: s.log, Now: env.Now,
		Files:          files.New(files.Config{Store: s.store, Sight: sight, Site: pages, Damaged: s.damaged, Accel: s.accel()}),
		Web:            people(pages),
		Limits:         limits,
		Load:           loadOf(s.cfg),
		Pace:           server.Pace{Rate: int64(s.cfg.Server.Limits.BodyRate), Grace: s.cfg.Server.Limits.RateGrace.D()},
		TrustedProxies: prefixes(s.cfg.Server.TrustedProxies),
		Deny:           prefixes(s.cfg.Server.Deny),
		Access:         s.access,
		LicencePage: func(w http.ResponseWriter, r *http.Request, l access.Licence, action string) error {
			return pages.Licence(w, r, web.Licence{Type: string(l.Type), Text: l.Text, Digest: l.Digest.String(), Action: action, To: r.URL.RequestURI()})
		},
		URL:         s.url,
		LinkKey:     linkKey,
		Profile:     s.profile,
		Connect:     s.connect,
		Defaults:    s.defaults,
		Exchange:    exchange,
		Admin:       localScheduler,
		Upkeep:      s.upkeep,
		Metrics:     metrics,
		MetricsFrom: prefixes(s.cfg.Server.Metrics),
	})
	s.handler = srv
	return nil
}

// guardOf is what guessing tokens costs. In a guard a zero is a default, in the
// configuration it is none.
func guardOf(b config.Ban) token.Guard {
	g := token.Guard{Ban: b.Tries, Window: b.Window.D(), Delay: b.Delay.D(), MaxDelay: maxDelay * b.Delay.D(), BanFor: b.For.D()}
	if g.Ban == 0 {
		g.Ban = math.MaxInt
	}
	if g.Delay == 0 {
		g.Delay, g.MaxDelay = 1, 1 // ns
	}
	return g
}

// maxDelay is how many times the first delay the longest is.
const maxDelay = 4

// archivesAtOnce bounds how many archives are in work at once where nobody said how many:
// memory is short sooner than cores are.
const archivesAtOnce = 4

// archivesOf is how many archives are taken apart or rebuilt at once.
func archivesOf(cfg *config.Config) int {
	if n := cfg.Server.Limits.Archives; n > 0 {
		return n
	}
	return min(runtime.GOMAXPROCS(0), archivesAtOnce)
}

func loadOf(cfg *config.Config) server.Load {
	return server.Load{Total: cfg.Server.Limits.Parallel, PerAddress: cfg.Server.Limits.PerAddress}
}

// quotas returns what bounds a push: the quota of its type, and that of the
// scheduler in whose name it is.
func (s *site) quotas(target manifest.Path, owner string) (qs []session.Quota) {
	if t, ok := s.cfg.Types[target.First()]; ok && t.Quota > 0 {
		qs = append(qs, session.Quota{
			Name: fmt.Sprintf("the type %q", target.First()), Bytes: int64(t.Quota),
			Holder: store.Holder{Path: manifest.Path(target.First())},
		})
	}
	for _, c := range s.cfg.Schedulers {
		if c.Name == owner && c.Quota > 0 {
			qs = append(qs, session.Quota{Name: fmt.Sprintf("the scheduler %q", owner), Bytes: int64(c.Quota), Holder: store.Holder{Owner: owner}})
		}
	}
	return qs
}

// people serves the pages that are no part of the tree. It looks at paths as they
// are: http.ServeMux would clean them and redirect.
func people(pages *web.Site) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		read := r.Method == http.MethodGet || r.Method == http.MethodHead
		switch {
		case read && r.URL.Path == "/":
			pages.Front(w, r)
		case read && strings.HasPrefix(r.URL.Path, "/log/"):
			pages.Publications(w, r)
		default:
			http.NotFound(w, r)
		}
	})
}

func prefixes(ns []config.Network) []netip.Prefix {
	var ps []netip.Prefix
	for _, n := range ns {
		ps = append(ps, n.Prefix)
	}
	return ps
}

// exchanger sets up the exchange of identity tokens, if there are policies for
// it. The tokens are in the name of a scheduler of their own.
func (s *site) exchanger(ctx context.Context, env *Env) (server.Exchanger, error) {
	if len(s.cfg.OIDC) == 0 {
		return nil, nil
	}
	if err := s.tokens.PutScheduler(ctx, token.Scheduler{Name: oidcScheduler}); err != nil {
		return nil, err
	}
	ex, err := oidc.New(oidc.Config{
		Policies: policies(s.cfg), Tokens: s.tokens, Records: s.store, Client: &http.Client{Timeout: 20 * time.Second}, Clock: env.Now,
	})
	if err != nil {
		return nil, usageError{err}
	}
	s.oidc = ex
	return ex, nil
}

// policies are the policies under which identity tokens are exchanged.
func policies(cfg *config.Config) []oidc.Policy {
	var list []oidc.Policy
	for _, o := range cfg.OIDC {
		list = append(list, oidc.Policy{
			Name: o.Name, Issuer: o.Issuer, Audience: o.Audience, Claims: o.Match, Target: o.Target,
			Scheduler: oidcScheduler, Lifetime: o.TTL.D(),
			Grant: token.Grant{
				Publications: int64(o.Publications), Files: int64(o.Files), Bytes: int64(o.Bytes),
				Overwrite: o.Overwrite, Visibility: token.Visibility(o.Visibility),
			},
		})
	}
	return list
}

// oidcScheduler is in whose name identity tokens are exchanged.
const oidcScheduler = "oidc"

// public reports whether anybody may read p.
func (s *site) public(p manifest.Path) bool { return s.access.Public(p) }

// rules reads what is configured of who may read.
func (s *site) rules(ctx context.Context) (err error) {
	types := map[manifest.Path]access.Type{}
	for name, t := range s.cfg.Types {
		a := access.Type{Visibility: token.Visibility(t.Visibility)}
		if t.Licence != "" {
			text, err := os.ReadFile(t.Licence)
			if err != nil {
				return usageError{fmt.Errorf("types.%s.licence: %w", name, err)}
			}
			a.Licence = string(text)
		}
		types[manifest.Path(name)] = a
	}
	s.access, err = access.New(ctx, types, s.store)
	return err
}

// linkKeyFile is the name, in the store's folder, of the key of signed links.
const linkKeyFile = "link-key"

// linkKey is the key of signed links. It lies beside the catalog, not in it, so
// that nobody can read with what a stolen catalog holds.
func (s *site) linkKey() ([]byte, error) {
	file := filepath.Join(s.cfg.Server.Store, linkKeyFile)
	key, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		key = []byte(connect.NewSessionSecret() + "\n")
		err = writePrivate(file, string(key))
	}
	return key, err
}

func (s *site) profile(typ string) (wire.Profile, bool) {
	t, ok := s.cfg.Types[typ]
	return wire.Profile{Include: t.Include, Exclude: t.Exclude, Strip: t.Strip, Flatten: t.Flatten, Mode: string(t.Mode)}, ok
}

// defaults fills in what a scheduler left open with what the configuration says
// is usual, or the scheduler's ceiling where that is lower.
func (s *site) defaults(g token.Grant, c token.Ceiling, now time.Time) token.Grant {
	t := s.cfg.Tokens
	if g.NotAfter.IsZero() {
		from := now
		if g.NotBefore.After(now) {
			from = g.NotBefore
		}
		g.NotAfter = from.Add(t.TTL.D())
		if last := now.Add(c.Lifetime); c.Lifetime > 0 && g.NotAfter.After(last) {
			g.NotAfter = last
		}
	}
	if g.Visibility == "" && c.Visibility == "" {
		g.Visibility = token.Visibility(t.Visibility)
	}
	for _, f := range []struct {
		field          *int64
		usual, ceiling int64
	}{
		{&g.Publications, int64(t.Publications), c.Publications}, {&g.Calls, int64(t.Calls), c.Calls},
		{&g.Parallel, int64(t.Parallel), c.Parallel}, {&g.Files, int64(t.Files), c.Files}, {&g.Bytes, int64(t.Bytes), c.Bytes},
	} {
		if *f.field != 0 {
			continue
		}
		*f.field = f.usual
		if f.ceiling > 0 && f.ceiling < f.usual {
			*f.field = f.ceiling
		}
	}
	return g
}

// connect makes a string for people out of a bearer.
func (s *site) connect(bearer string) string {
	str, err := connect.Format(connect.Connection{URL: s.url, Pin: s.ident.pin, HasPin: s.ident.hasPin, Secret: bearer})
	if err != nil {
		s.log.Error("token without address", "error", err)
		return bearer
	}
	return str
}

func (s *site) damaged(p manifest.Path, d manifest.Digest, err error) {
	s.log.Error("damaged content", "path", string(p), "digest", d, "error", err)
	if err := s.store.MarkDamaged(context.Background(), d); err != nil {
		s.log.Error("damaged content not marked", "digest", d, "error", err)
	}
}

// maintain runs what has to be done now and then, until ctx ends; the function
// it returns waits for that.
func (s *site) maintain(ctx context.Context, env *Env) (wait func(), err error) {
	var wg sync.WaitGroup
	if err := s.outlets(ctx, env, &wg); err != nil {
		return nil, err
	}
	s.keepUp(ctx, env, &wg)
	wg.Go(func() {
		s.sessions.Index(ctx, func(ctx context.Context) error { return env.Sleep(ctx, indexIdle) })
	})
	wg.Go(func() {
		for env.Sleep(ctx, time.Minute) == nil {
			s.expire(ctx, env.Now())
			s.prune(ctx, env.Now())
		}
	})
	return wg.Wait, nil
}

// indexIdle is how long no request must have come before published archives are
// taken apart for their indexes.
const indexIdle = 10 * time.Second

// expire ends the sessions that nobody comes back to.
func (s *site) expire(ctx context.Context, now time.Time) {
	before := now.Add(-s.cfg.Server.Limits.SessionIdle.D())
	if err := s.sessions.Expire(ctx, 10*time.Minute, before); err != nil && ctx.Err() == nil {
		s.log.Error("expiring sessions", "error", err)
	}
}

// Tokens are kept for a while after their end, so that their receipts and the
// list of them can still be asked for; the audit log longer.
const (
	keepTokens = 30 * 24 * time.Hour
	keepAudit  = 366 * 24 * time.Hour
)

// prune drops what is too old to matter.
func (s *site) prune(ctx context.Context, now time.Time) {
	_, err := s.tokens.PruneTokens(ctx, now.Add(-keepTokens))
	if err == nil {
		_, err = token.PruneEvents(ctx, s.store, now.Add(-keepAudit))
	}
	if err == nil && s.oidc != nil {
		err = s.oidc.Prune(ctx)
	}
	if err != nil && ctx.Err() == nil {
		s.log.Error("pruning", "error", err)
	}
}

func (s *site) close() {
	if s.alerts != nil {
		s.alerts.close()
	}
	if s.tokens != nil {
		if err := s.tokens.Close(context.Background()); err != nil {
			s.log.Error("closing the token service", "error", err)
		}
	}
	if err := s.store.Close(); err != nil {
		s.log.Error("closing the store", "error", err)
	}
}
