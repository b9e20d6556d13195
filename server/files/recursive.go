package files

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// serveTree sends the whole subtree below dir in one answer.
func (h *Handler) serveTree(w http.ResponseWriter, r *http.Request, q *request, dir manifest.Path) error {
	l, err := h.subtree(r.Context(), q, dir)
	if err != nil {
		return err
	}
	h.setCommon(w.Header(), q)
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Vary", "Accept-Encoding")
	coded := wire.AppendTree(nil, int64(q.version), l)
	if !acceptsZstd(r.Header.Values("Accept-Encoding")) {
		sendWhole(w, r, coded)
		return nil
	}
	w.Header().Set("Content-Encoding", "zstd")
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return nil
	}
	if err := h.zstd.compress(w, coded); err != nil {
		// The status is sent: cut the connection rather than end the body as
		// if it were whole.
		panic(http.ErrAbortHandler)
	}
	return nil
}

// subtree returns what the reader may see below dir, in order.
func (h *Handler) subtree(ctx context.Context, q *request, dir manifest.Path) (manifest.List, error) {
	var l manifest.List
	err := h.cfg.Store.Walk(ctx, dir, q.version, func(e manifest.Entry) error {
		if !q.sees(dir.Join(e.Path)) {
			return nil
		}
		if len(l) == h.cfg.MaxList {
			return fmt.Errorf("%w (the limit is %d)", ErrTooMany, h.cfg.MaxList)
		}
		l = append(l, e)
		return nil
	})
	l.Sort()
	return l, err
}

// acceptsZstd reads Accept-Encoding (RFC 9110 section 12.5.3). A bare "*" is
// not taken for zstd: few who send it can read that.
func acceptsZstd(values []string) bool {
	for _, v := range values {
		for one := range strings.SplitSeq(v, ",") {
			name, params, _ := strings.Cut(one, ";")
			if !strings.EqualFold(strings.TrimSpace(name), "zstd") {
				continue
			}
			q := strings.TrimSpace(params)
			return q != "q=0" && !strings.HasPrefix(q, "q=0.000")
		}
	}
	return false
}

// encoders is a pool of *zstd.Encoder.
type encoders struct{ pool sync.Pool }

func (p *encoders) compress(w io.Writer, b []byte) error {
	enc, ok := p.pool.Get().(*zstd.Encoder)
	if !ok {
		var err error
		enc, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
		if err != nil {
			return err
		}
	}
	defer p.pool.Put(enc)
	enc.Reset(w)
	if _, err := enc.ReadFrom(bytes.NewReader(b)); err != nil {
		return err
	}
	return enc.Close()
}
