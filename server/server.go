package server

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/access"
	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/server/upkeep"
	"github.com/pubsync/pubsync/sync/wire"
)

// Config wires a [Server]. All but the marked fields are required.
type Config struct {
	Store    store.Store
	Tokens   *token.Service
	Sessions *session.Engine
	Files    http.Handler // everything under /files/
	Web      http.Handler // everything else that people look at; may be nil
	Log      *slog.Logger
	Now      func() time.Time

	Limits         wire.Limits
	Pace           Pace
	Load           Load
	TrustedProxies []netip.Prefix // may be nil: then no X-Forwarded-For is believed
	Deny           []netip.Prefix // addresses refused before anything else; may be nil
	// Access says how visible each path is.
	Access *access.Rules
	// LicencePage writes the page on which readers accept a licence, whose form
	// goes to action; nil: they are told in text.
	LicencePage func(w http.ResponseWriter, r *http.Request, l access.Licence, action string) error
	// URL is the server's own address, for links; LinkKey signs them: without
	// it there are none.
	URL     string
	LinkKey []byte
	// Profile returns the client's part of a build type's configuration.
	Profile func(typ string) (wire.Profile, bool)
	// Connect turns a bearer into the string handed to builders.
	Connect func(bearer string) string
	// Defaults fills in what the request for a token left open; nil: the usual
	// defaults of package token.
	Defaults func(g token.Grant, c token.Ceiling, now time.Time) token.Grant
	// Exchange issues tokens for identity tokens; nil: none are exchanged.
	Exchange Exchanger
	// Admin is the scheduler that may see and maintain everything.
	Admin string
	// Upkeep maintains the store for Admin; nil: it cannot be asked to.
	Upkeep *upkeep.Keeper
	// Metrics are shown to MetricsFrom only; nil: to nobody.
	Metrics     *Metrics
	MetricsFrom []netip.Prefix
}

// A Server answers HTTP requests. It is safe for concurrent use.
type Server struct {
	cfg    Config
	router *httprouter.Router
	gate   *gate
}

// A handler answers a request or returns why not.
type handler func(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error

// New returns a server.
func New(cfg Config) *Server {
	s := &Server{cfg: cfg, router: httprouter.New(), gate: newGate(cfg.Load)}
	r := s.router
	// A redirect would carry a token elsewhere, or a body away.
	r.RedirectTrailingSlash, r.RedirectFixedPath = false, false
	r.HandleMethodNotAllowed = true
	r.MethodNotAllowed = s.plain(func(http.ResponseWriter, *http.Request) error {
		return wire.Errorf(wire.CodeBadRequest, "this method is not for this address")
	})
	r.NotFound = s.plain(s.notFound)

	s.handle(http.MethodPost, wire.SessionsPath, s.openSession)
	s.handle(http.MethodPost, wire.SessionsPath+"/:id", s.exchange)
	s.handle(http.MethodDelete, wire.SessionsPath+"/:id", s.abandonSession)
	s.handle(http.MethodPost, wire.SessionsPath+"/:id/commit", s.commitSession)
	s.handle(http.MethodGet, wire.SessionsPath+"/:id/content/:digest", s.findContent)
	s.handle(http.MethodHead, wire.SessionsPath+"/:id/content/:digest", s.findContent)
	s.handle(http.MethodPut, wire.SessionsPath+"/:id/files/*path", s.putFile)
	s.handle(http.MethodPost, wire.SessionsPath+"/:id/links/*path", s.linkFile)
	s.handle(http.MethodGet, "/v1/profiles/:type", s.profile)
	s.handle(http.MethodGet, "/v1/log/*target", s.log)
	s.handle(http.MethodGet, "/v1/diff/*target", s.diff)
	s.handle(http.MethodPost, "/v1/rollback/*target", s.rollback)
	s.handle(http.MethodGet, "/v1/pins/*target", s.pins)
	s.handle(http.MethodPut, "/v1/pins/*target", s.putPin)
	s.handle(http.MethodDelete, "/v1/pins/*target", s.deletePin)
	s.handle(http.MethodPost, "/v1/tokens", s.issueToken)
	s.handle(http.MethodGet, "/v1/tokens", s.listTokens)
	s.handle(http.MethodGet, "/v1/tokens/:accessor", s.showToken)
	s.handle(http.MethodDelete, "/v1/tokens/:accessor", s.revokeToken)
	s.handle(http.MethodPost, "/v1/tokens/:accessor/derive", s.deriveToken)
	s.handle(http.MethodPost, "/v1/tokens/:accessor/reset", s.resetToken)
	s.handle(http.MethodGet, "/v1/schedulers", s.listSchedulers)
	s.handle(http.MethodPost, "/v1/schedulers/:name/keys", s.addKey)
	s.handle(http.MethodDelete, "/v1/schedulers/:name/keys/:id", s.removeKey)
	s.handle(http.MethodPost, "/v1/exchange", s.exchangeToken)
	s.handle(http.MethodPost, "/v1/links", s.makeLink)
	s.handle(http.MethodGet, licencePath+":type", s.showLicence)
	s.handle(http.MethodHead, licencePath+":type", s.showLicence)
	s.handle(http.MethodPost, licencePath+":type", s.acceptLicence)
	s.handle(http.MethodGet, "/v1/audit", s.audit)
	s.handle(http.MethodPost, "/v1/admin/collect", s.collect)
	s.handle(http.MethodPost, "/v1/admin/check", s.checkStore)
	s.handle(http.MethodPost, "/v1/admin/backup", s.backup)
	s.handle(http.MethodGet, healthPath, s.health)
	s.handle(http.MethodGet, "/metrics", func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error { return s.metrics(w, r) })
	return s
}

func (s *Server) handle(method, path string, h handler) {
	s.router.Handle(method, path, func(w http.ResponseWriter, r *http.Request, ps httprouter.Params) {
		if err := h(w, r, ps); err != nil {
			writeError(w, r, s.cfg.Log, err)
		}
	})
}

func (s *Server) plain(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			writeError(w, r, s.cfg.Log, err)
		}
	})
}

// healthPath is asked by whoever wants to know whether the server is alive.
const healthPath = "/healthz"

// ServeHTTP implements [http.Handler].
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w, done := s.paced(w, r)
	defer done()
	if err := s.screen(r); err != nil {
		writeError(w, r, s.cfg.Log, err)
		return
	}
	leave, err := s.pass(r)
	if err != nil {
		writeError(w, r, s.cfg.Log, err)
		return
	}
	defer leave()
	if p := r.URL.EscapedPath(); p == filesPath || strings.HasPrefix(p, filesPath+"/") {
		if !s.askLicence(w, r) {
			s.cfg.Files.ServeHTTP(w, r)
		}
		return
	}
	s.router.ServeHTTP(w, r)
}

// filesPath is below which published files are.
const filesPath = "/files"

// screen refuses what no route should see.
func (s *Server) screen(r *http.Request) error {
	if len(s.cfg.Deny) > 0 && contains(s.cfg.Deny, s.source(r)) {
		return wire.Errorf(wire.CodeSourceDenied, "this address is refused")
	}
	if len(r.Header.Values("Authorization")) > 1 {
		return wire.Errorf(wire.CodeBadRequest, "more than one Authorization header")
	}
	if r.URL.RawQuery != "" && holdsBearer(r.URL.RawQuery) {
		return wire.Errorf(wire.CodeBadRequest, "a token in a URL ends up in logs: send it in the Authorization header").
			WithHint("treat this token as leaked and revoke it")
	}
	return nil
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Web != nil {
		s.cfg.Web.ServeHTTP(w, r)
		return nil
	}
	return wire.Errorf(wire.CodeNotFound, "nothing is served at this address")
}

func (s *Server) health(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	if _, err := s.cfg.Store.Version(r.Context()); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, struct {
		Status string `json:"status"`
	}{"ok"})
}

// profile tells a client how pushes of a type are made.
func (s *Server) profile(w http.ResponseWriter, _ *http.Request, ps httprouter.Params) error {
	p, ok := s.cfg.Profile(ps.ByName("type"))
	if !ok {
		return store.ErrNotFound
	}
	return writeJSON(w, http.StatusOK, p)
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, err = w.Write(append(b, '\n'))
	return delivered(err)
}

// delivered drops an error of writing an answer: there is nobody to tell.
func delivered(error) error { return nil }

// readJSON decodes a small JSON body; unknown fields are ignored, as later
// versions may add some.
func readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxJSON)).Decode(v)
	var tooLarge *http.MaxBytesError
	if err == nil || errors.As(err, &tooLarge) {
		return err
	}
	return wire.Errorf(wire.CodeBadRequest, "the body is not the JSON wanted here: %v", err)
}

// maxJSON bounds a JSON request body, in bytes.
const maxJSON = 64 << 10
