package server

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/access"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// A licence is accepted by naming the SHA-256 of its text: in a header, as the
// password of the user "licence" for programs that know only that, or in a cookie,
// which the page that shows the text sets.
const (
	licenceHeader = "X-Pubsync-Licence"
	licenceUser   = "licence"
	licenceCookie = "pubsync-licence-"
	licencePath   = "/licence/"
)

// accepts reports whether the sender of the request accepts the licence.
func accepts(r *http.Request, l access.Licence) bool {
	digest := l.Digest.String()
	if r.Header.Get(licenceHeader) == digest {
		return true
	}
	if user, password, ok := r.BasicAuth(); ok && user == licenceUser && password == digest {
		return true
	}
	c, err := r.Cookie(licenceCookie + digest[:16])
	return err == nil && c.Value == digest
}

// licensed reports whether the path is under a licence and the sender of the
// request accepts it.
func (s *Server) licensed(r *http.Request, p manifest.Path) bool {
	l, ok := s.cfg.Access.Licence(p)
	return ok && accepts(r, l)
}

// askLicence answers a request for something under a licence that its sender
// has not accepted, whether there is such a thing or not: not found, like
// everything one may not read, with the way to the text. It reports whether it
// did.
func (s *Server) askLicence(w http.ResponseWriter, r *http.Request) bool {
	p, err := manifest.ParsePath(strings.Trim(strings.TrimPrefix(r.URL.Path, filesPath), "/"))
	if err != nil || bearer(r) != "" {
		return false
	}
	l, ok := s.cfg.Access.Licence(p)
	if !ok || accepts(r, l) || s.linked(r, p) {
		return false
	}
	where := licencePath + url.PathEscape(string(l.Type))
	w.Header().Set("Link", "<"+where+`>; rel="license"`)
	w.Header().Set("Vary", "Accept, Authorization, Cookie, "+licenceHeader)
	if s.cfg.LicencePage != nil && strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Cache-Control", "no-store")
		if err := s.cfg.LicencePage(w, r, l, where); err != nil {
			writeError(w, r, s.cfg.Log, err)
		}
		return true
	}
	writeError(w, r, s.cfg.Log, wire.Errorf(wire.CodeNotFound, "not found without the licence of %q accepted", string(l.Type)).
		WithHint(fmt.Sprintf("read %s; to accept it, send its SHA-256: %s: HEX, or as the password of the user %q", where, licenceHeader, licenceUser)))
	return true
}

// showLicence answers GET and HEAD /licence/TYPE with the text.
func (s *Server) showLicence(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	l, err := s.licenceOf(ps)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	h.Set(licenceHeader, l.Digest.String())
	if r.Method == http.MethodHead {
		return nil
	}
	_, err = w.Write([]byte(l.Text))
	return delivered(err)
}

// acceptLicence answers POST /licence/TYPE, the form of the page that shows the
// text: a cookie, and back to what was asked for.
func (s *Server) acceptLicence(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	l, err := s.licenceOf(ps)
	if err != nil {
		return err
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return wire.Errorf(wire.CodeBadRequest, "a licence is accepted on this server's own page: %v", err)
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxJSON)
	digest, to := r.PostFormValue("digest"), r.PostFormValue("to")
	if digest != l.Digest.String() {
		return wire.Errorf(wire.CodeBadRequest, "the licence has changed since it was shown: read it again")
	}
	if !strings.HasPrefix(to, filesPath+"/") || strings.ContainsAny(to, "\\\r\n") {
		to = filesPath + "/" + url.PathEscape(string(l.Type)) + "/"
	}
	http.SetCookie(w, &http.Cookie{
		Name: licenceCookie + digest[:16], Value: digest, Path: "/", MaxAge: licenceDays * 24 * 3600,
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// licenceDays is how long a browser remembers that a licence was accepted.
const licenceDays = 90

func (s *Server) licenceOf(ps httprouter.Params) (access.Licence, error) {
	l, ok := s.cfg.Access.LicenceOf(manifest.Path(ps.ByName("type")))
	if !ok {
		return l, wire.Errorf(wire.CodeNotFound, "no licence is asked for here")
	}
	return l, nil
}
