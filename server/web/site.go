package web

import (
	"context"
	"io"
	"net/http"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// A Tree is the part of [store.Tree] that the pages need.
type Tree interface {
	ReadDir(ctx context.Context, dir manifest.Path, v store.Version, after string, limit int) ([]manifest.Entry, error)
	Log(ctx context.Context, target manifest.Path, before store.Version, limit int) ([]store.Publication, error)
}

// A Config says what a [Site] shows. Tree is required by Front and Log.
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
type Site struct{ cfg Config }

// New returns a site for c.
func New(c Config) *Site { return &Site{c} }

// Front answers GET / with the types and their newest publications.
func (s *Site) Front(w http.ResponseWriter, r *http.Request) {}

// Publications answers GET LOG/TARGET with the publications to the target and
// below it, newest first, 100 to a page (?before=N).
func (s *Site) Publications(w http.ResponseWriter, r *http.Request) {}

// Directory writes the page of one directory. The caller sends [Site.Headers]
// first.
func (s *Site) Directory(w io.Writer, d Directory) error { return nil }

// Headers sets the headers of a page: its type, a policy that lets it load
// nothing, and that it must be checked for freshness.
func (s *Site) Headers(h http.Header) {}
