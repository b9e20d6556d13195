package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// refusal turns any error of a handler into what the client is told. What it
// does not know is the server's own fault: the client learns only that, the
// log learns the rest.
func refusal(err error) *wire.Error {
	var (
		refused  *wire.Error
		denied   *token.Denied
		conflict *store.ConflictError
		tooLarge *http.MaxBytesError
	)
	switch {
	case errors.As(err, &refused):
		return refused
	case errors.As(err, &denied):
		return fromDenied(denied)
	case errors.As(err, &conflict):
		return fromConflict(conflict)
	case errors.As(err, &tooLarge):
		e := wire.Errorf(wire.CodeTooLarge, "a request body has at most %d bytes here", tooLarge.Limit)
		e.Limit = tooLarge.Limit
		return e
	case errors.Is(err, manifest.ErrBadPath):
		return wire.Errorf(wire.CodeBadPath, "%v", err).WithHint("rename it, or exclude it from the push")
	case errors.Is(err, store.ErrNotFound):
		return wire.Errorf(wire.CodeNotFound, "not found")
	case errors.Is(err, store.ErrFull), errors.Is(err, syscall.ENOSPC):
		return wire.Errorf(wire.CodeNoSpace, "the server's disk is full; nothing was lost and nothing published").
			WithHint("free space on the server (pubsync gc), then push again: what arrived is kept")
	case errors.Is(err, store.ErrBusy):
		return wire.Errorf(wire.CodeBusy, "another request is bringing the same content")
	case errors.Is(err, os.ErrDeadlineExceeded):
		return wire.Errorf(wire.CodeBusy, "the request came in too slowly and was cut off")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return wire.Errorf(wire.CodeBadRequest, "the request ended early")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return wire.Errorf(wire.CodeBusy, "the request was cut off")
	}
	return wire.Errorf(wire.CodeInternal, "the server failed; its log says why")
}

func fromDenied(d *token.Denied) *wire.Error {
	e := &wire.Error{Code: wire.Code(d.Code), Message: d.Reason, RetryAfter: d.RetryAfter, Total: d.Total, Asked: d.Asked, Left: d.Left}
	for _, p := range d.Paths {
		e.Paths = append(e.Paths, strconv.Quote(string(p)))
	}
	return e
}

func fromConflict(c *store.ConflictError) *wire.Error {
	e := wire.Errorf(wire.CodeExists, "already published with other content, and this token may not overwrite")
	e.Total = c.Total
	for _, p := range c.Paths {
		e.Paths = append(e.Paths, strconv.Quote(string(p)))
	}
	return e.WithHint("publish under another target, or have a token issued with --overwrite")
}

// writeError answers a request with a refusal.
func writeError(w http.ResponseWriter, r *http.Request, log *slog.Logger, err error) {
	e := refusal(err)
	if e.Code == wire.CodeInternal && r.Context().Err() == nil { // a client that went away is no failure
		log.Error("request failed", "method", r.Method, "path", r.URL.EscapedPath(), "error", err)
	}
	h := w.Header()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		h.Set("Connection", "close")
	}
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
	}
	if e.Code.Status() == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Bearer realm="pubsync"`)
	}
	w.WriteHeader(e.Code.Status())
	if err := json.NewEncoder(w).Encode(e); err != nil {
		log.Debug("answer not delivered", "error", err)
	}
}
