package files

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// request is what a reader asks for.
type request struct {
	path    manifest.Path
	slash   bool // the URL's path ends in a slash
	version store.Version
	newest  bool // version is the newest one
	pinned  bool // the reader chose it
	sight   store.Sight
	query   query
}

// query is the part of the URL after the question mark.
type query struct {
	format    string // "", "json", "list" or "hashes"
	blocks    string // with "hashes": of which blocks, as it was sent
	recursive bool
	after     string
	at        store.Version // store.Latest if not given
}

// sees reports whether the reader may see p.
func (q *request) sees(p manifest.Path) bool {
	return p == "" || q.sight == nil || q.sight(p)
}

func (h *Handler) parse(r *http.Request) (q request, err error) {
	if q.path, q.slash, err = parsePath(r.URL.Path, h.cfg.Prefix); err != nil {
		return q, err
	}
	if q.query, err = parseQuery(r.URL.RawQuery); err != nil {
		return q, err
	}
	newest, err := h.cfg.Store.Version(r.Context())
	if err != nil {
		return q, err
	}
	q.version = newest
	if q.query.at != store.Latest {
		q.version, q.pinned = q.query.at, true
	}
	if q.version > newest {
		return q, store.ErrNotFound
	}
	q.newest = q.version == newest
	if h.cfg.Sight != nil {
		q.sight = h.cfg.Sight(r)
	}
	return q, nil
}

// parsePath takes the prefix off a URL's path, which net/url has decoded
// exactly once, so that %2F is a slash and %252e is the text "%2e".
func parsePath(urlPath, prefix string) (p manifest.Path, slash bool, err error) {
	rest, ok := strings.CutPrefix(urlPath, prefix)
	switch {
	case !ok || rest != "" && rest[0] != '/':
		return "", false, store.ErrNotFound
	case rest == "":
		return "", false, nil
	case rest == "/":
		return "", true, nil
	}
	rest, slash = strings.CutSuffix(rest[1:], "/")
	p, err = manifest.ParsePath(rest)
	return p, slash, err
}

func parseQuery(raw string) (query, error) {
	q := query{at: store.Latest}
	if raw == "" {
		return q, nil
	}
	v, err := url.ParseQuery(raw)
	if err != nil {
		return q, fmt.Errorf("%w: %v", ErrBadQuery, err)
	}
	if at := v.Get("at"); at != "" {
		n, err := strconv.ParseUint(at, 10, 63)
		if err != nil {
			return q, fmt.Errorf("%w: at=%q is no publication number", ErrBadQuery, at)
		}
		q.at = store.Version(n)
	}
	if q.after = v.Get("after"); q.after != "" {
		if _, err := manifest.ParsePath(q.after); err != nil || strings.Contains(q.after, "/") {
			return q, fmt.Errorf("%w: after=%q is no name", ErrBadQuery, q.after)
		}
	}
	q.recursive = v.Get("recursive") == "1"
	switch q.format = v.Get("format"); q.format {
	case "", "json":
	case "list":
		if !q.recursive {
			return q, fmt.Errorf("%w: format=list needs recursive=1", ErrBadQuery)
		}
	case "hashes":
		q.blocks = v.Get("blocks")
	default:
		return q, fmt.Errorf("%w: format=%q; want json, list or hashes", ErrBadQuery, q.format)
	}
	return q, nil
}
