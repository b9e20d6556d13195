package server

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// A signed link lets whoever has it read one path until a time, as the token
// that it was made with may: it ends with that token. In a URL it is the parameter
// "link": accessor, a dot, seconds since 1970, a dot, HMAC-SHA256 of both and the
// path.

const linkParam = "link"

// maxLink and usualLink bound how long a link is good, in seconds.
const (
	maxLink   = 7 * 24 * 3600
	usualLink = 3600
)

type linkRequest struct {
	Path manifest.Path `json:"path"`
	TTL  int64         `json:"ttl"` // seconds; 0: an hour
}

type link struct {
	URL     string    `json:"url"`
	Expires time.Time `json:"expires"`
}

// makeLink answers POST /v1/links for a token with leave to read.
func (s *Server) makeLink(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	var q linkRequest
	if err := readJSON(w, r, &q); err != nil {
		return err
	}
	if q.TTL == 0 {
		q.TTL = usualLink
	}
	if q.TTL < 0 || q.TTL > maxLink {
		return wire.Errorf(wire.CodeBadRequest, "ttl: a link is good for 1 to %d seconds", maxLink)
	}
	p, err := manifest.ParsePath(string(q.Path))
	if err != nil {
		return err
	}
	auth, err := s.admit(r, token.Outside, connect.SessionHash{})
	if err != nil {
		return err
	}
	defer auth.release()
	if err := auth.pass.May(token.Read, p); err != nil {
		return auth.refuse(err)
	}
	g := auth.pass.Record.Grant
	until := s.cfg.Now().Add(time.Duration(q.TTL) * time.Second).Truncate(time.Second)
	for _, end := range []time.Time{g.NotAfter, g.FinishBy} {
		if until.After(end) {
			until = end.Truncate(time.Second)
		}
	}
	value := auth.Accessor() + "." + strconv.FormatInt(until.Unix(), 10)
	u := filesPath + "/" + p.Escape() + "?" + linkParam + "=" + value + "." + s.signLink(p, value)
	return writeJSON(w, http.StatusCreated, link{URL: s.cfg.URL + u, Expires: until})
}

func (s *Server) signLink(p manifest.Path, value string) string {
	m := hmac.New(sha256.New, s.cfg.LinkKey)
	fmt.Fprintf(m, "pubsync link 1\n%s\n%s", value, p)
	return hex.EncodeToString(m.Sum(nil))
}

// linked reports whether the request carries a good link to the path.
func (s *Server) linked(r *http.Request, p manifest.Path) bool {
	text := r.URL.Query().Get(linkParam)
	if text == "" || len(s.cfg.LinkKey) == 0 {
		return false
	}
	i := strings.LastIndexByte(text, '.')
	if i < 0 || !hmac.Equal([]byte(text[i+1:]), []byte(s.signLink(p, text[:i]))) {
		return false
	}
	accessor, seconds, _ := strings.Cut(text[:i], ".")
	until, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || s.cfg.Now().After(time.Unix(until, 0)) {
		return false
	}
	return s.cfg.Tokens.Live(r.Context(), accessor) == nil
}

// linkedPath returns the path that the request has a good link to, "" if none.
func (s *Server) linkedPath(r *http.Request) manifest.Path {
	if r.URL.RawQuery == "" {
		return ""
	}
	p, err := manifest.ParsePath(strings.TrimPrefix(r.URL.Path, filesPath+"/"))
	if err != nil || !s.linked(r, p) {
		return ""
	}
	return p
}
