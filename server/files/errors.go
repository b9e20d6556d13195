package files

import (
	"context"
	"errors"
	"net/http"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// Errors of a request, besides those of package store and
// [manifest.ErrBadPath].
var (
	ErrBadQuery = errors.New("query not understood")
	ErrMethod   = errors.New("method not allowed; use GET or HEAD")
	ErrTooMany  = errors.New("too many entries for one list; list the directories below it")
)

// Status returns the HTTP status for an error of this package and the code
// that names it in the protocol: bad_path, bad_request, method_not_allowed,
// not_found, too_large, damaged, or internal for any other.
func Status(err error) (status int, code string) {
	switch {
	case errors.Is(err, store.ErrNotFound):
		return http.StatusNotFound, "not_found"
	case errors.Is(err, manifest.ErrBadPath):
		return http.StatusBadRequest, "bad_path"
	case errors.Is(err, ErrBadQuery):
		return http.StatusBadRequest, "bad_request"
	case errors.Is(err, ErrMethod):
		return http.StatusMethodNotAllowed, "method_not_allowed"
	case errors.Is(err, ErrTooMany):
		return http.StatusRequestEntityTooLarge, "too_large"
	case errors.Is(err, store.ErrDamaged):
		return http.StatusInternalServerError, "damaged"
	}
	return http.StatusInternalServerError, "internal"
}

// failPlain is the default Config.Fail. An internal error's text stays here:
// it may name paths of the server.
func failPlain(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, context.Canceled) && r.Context().Err() != nil {
		return
	}
	status, code := Status(err)
	text := err.Error()
	switch code {
	case "not_found":
		text = "not found"
	case "damaged":
		text = "the stored content is damaged; publishing it again repairs it"
	case "internal":
		text = "internal error"
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-cache")
	if status == http.StatusMethodNotAllowed {
		h.Set("Allow", "GET, HEAD")
	}
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write([]byte(code + ": " + text + "\n"))
	}
}
