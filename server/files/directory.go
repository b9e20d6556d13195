package files

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"path"
	"strconv"

	"github.com/pubsync/pubsync/server/web"
	"github.com/pubsync/pubsync/sync/manifest"
)

func (h *Handler) serveDir(w http.ResponseWriter, r *http.Request, q *request, own, final *found) error {
	if !q.slash && q.query.format == "" {
		return h.addSlash(w, r, q)
	}
	switch q.query.format {
	case "list":
		return h.serveTree(w, r, q, final.entry.Path)
	case "hashes":
		return fmt.Errorf("%w: format=hashes is for files", ErrBadQuery)
	}
	entries, more, err := h.page(r.Context(), q, final.entry.Path)
	if err != nil {
		return err
	}
	h.setDir(w.Header(), q, own, final)
	if q.query.format == "json" {
		return h.serveDirJSON(w, r, q, entries, more)
	}
	var page bytes.Buffer
	err = h.cfg.Site.Directory(&page, web.Directory{
		Path: q.path, Version: q.version, Pinned: q.pinned,
		Entries: entries, After: q.query.after, More: more,
	})
	if err != nil {
		return err
	}
	h.cfg.Site.Headers(w.Header())
	sendWhole(w, r, page.Bytes())
	return nil
}

// addSlash redirects to the directory's own URL, relative to the one asked
// for: the only Location that stays right behind any proxy.
func (h *Handler) addSlash(w http.ResponseWriter, r *http.Request, q *request) error {
	name := q.path.Base()
	if q.path == "" {
		name = path.Base(h.cfg.Prefix)
	}
	to := "./" + manifest.Path(name).Escape() + "/"
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	h.setCommon(w.Header(), q)
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusMovedPermanently)
	return nil
}

func (h *Handler) setDir(w http.Header, q *request, own, final *found) {
	h.setCommon(w, q)
	w["X-Pubsync-Kind"] = []string{manifest.Dir.String()}
	if final.entry.Path != "" {
		setTimes(w, &final.entry)
	}
	if own.entry.Kind == manifest.Symlink {
		setLink(w, &own.entry)
	}
}

// page returns the entries of one page that the reader may see, and whether
// there are more. A page is full if there are enough visible entries, so that
// its length tells nothing of hidden ones.
func (h *Handler) page(ctx context.Context, q *request, dir manifest.Path) ([]manifest.Entry, bool, error) {
	var page []manifest.Entry
	for after := q.query.after; ; {
		got, err := h.cfg.Store.ReadDir(ctx, dir, q.version, after, PageSize+1)
		if err != nil {
			return nil, false, err
		}
		for i := range got {
			after = got[i].Path.Base()
			if !q.sees(got[i].Path) {
				continue
			}
			if len(page) == PageSize {
				return page, true, nil
			}
			page = append(page, got[i])
		}
		if len(got) <= PageSize {
			return page, false, nil
		}
	}
}

// sendWhole sends a body made in memory.
func sendWhole(w http.ResponseWriter, r *http.Request, b []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // a reader that has gone needs no answer
	}
}
