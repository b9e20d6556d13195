package files

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// maxRanges is the number of ranges from which on the Range header is ignored:
// each costs the answer some hundred bytes of headers.
const maxRanges = 4096

func (h *Handler) serve(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return ErrMethod
	}
	q, err := h.parse(r)
	if err != nil {
		return err
	}
	own, final, err := h.resolve(r.Context(), &q)
	if own == nil || err != nil && q.query.format != "json" {
		return err
	}
	switch {
	case q.query.format == "json" && own.entry.Kind != manifest.Dir && !q.slash:
		return h.serveEntry(w, r, &q, own)
	case err != nil:
		return err
	case final.entry.Kind == manifest.Dir:
		return h.serveDir(w, r, &q, own, final)
	case q.slash:
		return store.ErrNotFound
	case q.query.format == "list":
		return fmt.Errorf("%w: format=list is for directories", ErrBadQuery)
	case q.query.format == "hashes":
		return h.serveHashes(w, r, &q, &final.entry)
	}
	return h.serveFile(w, r, &q, own, final)
}

func (h *Handler) serveFile(w http.ResponseWriter, r *http.Request, q *request, own, final *found) error {
	if r.Method == http.MethodHead {
		h.setFile(w.Header(), q, own, final)
		if isPlain(r) {
			setLength(w.Header(), &final.entry)
			w.WriteHeader(http.StatusOK)
			return nil
		}
		size := io.NewSectionReader(nil, 0, final.entry.Size) // sought in, never read
		http.ServeContent(w, r, "", httpTime(&final.entry), size)
		return nil
	}
	b, err := h.open(r, &final.entry)
	if err != nil {
		return err
	}
	defer b.Close()
	h.setFile(w.Header(), q, own, final)
	if h.cfg.Accel.handOver(w.Header(), r, b) {
		return nil
	}
	h.send(w, r, &final.entry, b)
	return nil
}

func (h *Handler) setFile(w http.Header, q *request, own, final *found) {
	h.setCommon(w, q)
	h.fixed.setHead(w, &final.entry)
	if own != final && own.entry.Kind == manifest.Symlink {
		setLink(w, &own.entry)
	}
}

// isPlain reports whether the request asks for all of a file, come what may.
func isPlain(r *http.Request) bool {
	return r.Header["Range"] == nil && !isConditional(r)
}

// isConditional reports whether the request has a condition besides If-Range.
func isConditional(r *http.Request) bool {
	h := r.Header
	return h["If-None-Match"] != nil || h["If-Modified-Since"] != nil ||
		h["If-Match"] != nil || h["If-Unmodified-Since"] != nil
}

// open opens an entry's content. Content that is not there as the tree says
// is damaged, not absent.
func (h *Handler) open(r *http.Request, e *manifest.Entry) (store.Blob, error) {
	b, err := h.cfg.Store.Open(r.Context(), e.Digest)
	if err == nil {
		if b.Size() == e.Size {
			return b, nil
		}
		err = fmt.Errorf("%d bytes instead of %d", b.Size(), e.Size)
		b.Close()
	}
	if r.Context().Err() != nil {
		return nil, err
	}
	h.cfg.Damaged(e.Path, e.Digest, err)
	return nil, fmt.Errorf("%w: %q: %v", store.ErrDamaged, e.Path, err)
}

// send sends the content, or the parts of it that the request asks for. If
// the content cannot be read to its end it cuts the connection, so that the
// reader cannot take a part for the whole.
func (h *Handler) send(w http.ResponseWriter, r *http.Request, e *manifest.Entry, b store.Blob) {
	if strings.Count(r.Header.Get("Range"), ",") >= maxRanges {
		r.Header.Del("Range")
	}
	c := &content{blob: b, size: e.Size}
	section := io.NewSectionReader(c, 0, e.Size)
	http.ServeContent(body{w, &h.buffers}, r, "", httpTime(e), section)
	if err := c.failed(); err != nil {
		h.cfg.Damaged(e.Path, e.Digest, err)
		panic(http.ErrAbortHandler)
	}
}
