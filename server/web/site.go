package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"strconv"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

//go:embed page
var pages embed.FS

// ErrBadQuery is the error for a query that cannot be understood.
var ErrBadQuery = errors.New("query not understood")

// A Tree is the part of [store.Tree] that the pages need.
type Tree interface {
	ReadDir(ctx context.Context, dir manifest.Path, v store.Version, after string, limit int) ([]manifest.Entry, error)
	Log(ctx context.Context, target manifest.Path, before store.Version, limit int) ([]store.Publication, error)
}

var _ Tree = store.Tree(nil)

// A Config says what a [Site] shows. Tree is required by Front and
// Publications.
type Config struct {
	Tree Tree

	// Title names the site on every page. Default "pubsync".
	Title string

	// Files and Log are the URL paths below which the tree and the
	// publications appear, without a slash at their end. Default "/files"
	// and "/log".
	Files, Log string

	// Sight returns what the sender of a request may read, as in package
	// files.
	Sight func(*http.Request) store.Sight

	// Fail writes the answer to a request that failed. Errors are those of
	// package store and wrap [manifest.ErrBadPath] or [ErrBadQuery].
	// Default: 404 for [store.ErrNotFound], 400 for those two, else 500.
	Fail func(w http.ResponseWriter, r *http.Request, err error)
}

// A Site renders pages. It is safe for concurrent use.
type Site struct {
	cfg    Config
	pages  *template.Template
	style  template.CSS
	policy string
}

// New returns a site for c.
func New(c Config) *Site {
	if c.Title == "" {
		c.Title = "pubsync"
	}
	if c.Files == "" {
		c.Files = "/files"
	}
	if c.Log == "" {
		c.Log = "/log"
	}
	if c.Fail == nil {
		c.Fail = failPlain
	}
	style, err := pages.ReadFile("page/style.css")
	if err != nil {
		panic(err) // it is part of the program
	}
	sum := sha256.Sum256(style)
	return &Site{
		cfg:   c,
		pages: template.Must(template.ParseFS(pages, "page/*.html")),
		style: template.CSS(style),
		policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; " +
			"img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
	}
}

// Headers sets the headers of a page: its type and a policy that lets it load
// nothing. Cache-Control is the caller's to set.
func (s *Site) Headers(h http.Header) {
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", s.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
}

// frame is what every page shows around its own content.
type frame struct {
	Site    siteView
	Heading string
	Crumbs  []crumb
}

type siteView struct {
	Title, Home, Files, Log string
	Style                   template.CSS
}

// A crumb is one step of the path to a page; the page itself has no URL.
type crumb struct{ Name, URL string }

func (s *Site) frame(heading string, crumbs []crumb) frame {
	view := siteView{Title: s.cfg.Title, Home: "/", Files: s.cfg.Files + "/", Log: s.cfg.Log + "/", Style: s.style}
	return frame{Site: view, Heading: heading, Crumbs: crumbs}
}

// render makes a page.
func (s *Site) render(page string, data any) ([]byte, error) {
	var b bytes.Buffer
	err := s.pages.ExecuteTemplate(&b, page, data)
	return b.Bytes(), err
}

// send renders a page whole before the first byte goes out.
func (s *Site) send(w http.ResponseWriter, r *http.Request, page string, data any) error {
	b, err := s.render(page, data)
	if err != nil {
		return err
	}
	s.Headers(w.Header())
	w.Header().Set("Cache-Control", "private, no-cache")
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	if r.Method == http.MethodHead {
		return nil
	}
	_, _ = w.Write(b) // a reader that has gone needs no answer
	return nil
}

// failPlain is the default Config.Fail.
func failPlain(w http.ResponseWriter, _ *http.Request, err error) {
	w.Header().Set("Cache-Control", "no-cache")
	switch {
	case errors.Is(err, store.ErrNotFound):
		http.Error(w, "not_found: not found", http.StatusNotFound)
	case errors.Is(err, manifest.ErrBadPath):
		http.Error(w, "bad_path: "+err.Error(), http.StatusBadRequest)
	case errors.Is(err, ErrBadQuery):
		http.Error(w, "bad_request: "+err.Error(), http.StatusBadRequest)
	default:
		http.Error(w, "internal: internal error", http.StatusInternalServerError)
	}
}
