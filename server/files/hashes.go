package files

import (
	"context"
	"encoding/base64"
	"fmt"
	"net/http"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/delta/codec"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// signers is how many requests for hashes are worked on at a time: each reads a
// file, and keeps a core busy while it does.
const signers = 2

// serveHashes answers with hashes of the blocks that the query names, so that
// a reader with an older file at hand asks only for ranges that it lacks.
func (h *Handler) serveHashes(w http.ResponseWriter, r *http.Request, q *request, e *manifest.Entry) error {
	coded, err := base64.RawURLEncoding.DecodeString(q.query.blocks)
	if err != nil {
		return fmt.Errorf("%w: blocks: %v", ErrBadQuery, err)
	}
	req, err := codec.DecodeRequest(coded, e.Size)
	if err != nil {
		return fmt.Errorf("%w: blocks: %v", ErrBadQuery, err)
	}
	var answer []byte
	if r.Method != http.MethodHead {
		if answer, err = h.sign(r, e, req); err != nil {
			return err
		}
	}
	h.setCommon(w.Header(), q)
	w.Header()["Content-Type"] = h.fixed.octets
	w.Header()["X-Content-Type-Options"] = h.fixed.nosniff
	sendWhole(w, r, answer)
	return nil
}

// sign reads what the request names and hashes it.
func (h *Handler) sign(r *http.Request, e *manifest.Entry, req delta.Request) ([]byte, error) {
	b, err := h.open(r, e)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	select {
	case h.signers <- struct{}{}:
		defer func() { <-h.signers }()
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	c := &content{blob: b, size: e.Size}
	sig, err := delta.Sign(delta.Source{ReaderAt: whileAsked{r.Context(), c}, Size: e.Size}, req)
	if failed := c.failed(); failed != nil {
		h.cfg.Damaged(e.Path, e.Digest, failed)
		return nil, fmt.Errorf("%w: %q: %v", store.ErrDamaged, e.Path, failed)
	}
	if err != nil {
		return nil, err
	}
	return codec.AppendHashes(nil, sig), nil
}

// whileAsked is content that can be read as long as somebody waits for it.
type whileAsked struct {
	ctx context.Context
	*content
}

// ReadAt implements [io.ReaderAt].
func (c whileAsked) ReadAt(p []byte, off int64) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.content.ReadAt(p, off)
}
