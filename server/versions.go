package server

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/wire"
)

func trimSlash(wildcard string) string { return wildcard[1:] }

// diff answers GET /v1/diff/TARGET?from=N&to=M with a line of JSON for each entry
// that differs and one for the sum. Without that one the answer was cut short.
func (s *Server) diff(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	target, err := rootOrPath(ps.ByName("target"))
	if err != nil {
		return err
	}
	sight, err := s.readerSight(r)
	if err != nil {
		return err
	}
	if target != "" && !sight(target) {
		return incomparable()
	}
	from, err := versionParam(r, "from", 0)
	if err != nil {
		return err
	}
	to, err := versionParam(r, "to", store.Latest)
	if err != nil {
		return err
	}
	d := differences{w: w}
	err = s.cfg.Store.Diff(r.Context(), target, from, to, func(c store.Change) error {
		if !sight(target.Join(c.Path)) {
			return nil
		}
		return d.add(&c)
	})
	if errors.Is(err, store.ErrNotFound) && !d.begun {
		return incomparable()
	}
	if err != nil && !d.begun {
		return err
	}
	if err != nil {
		return delivered(err)
	}
	return d.end()
}

// incomparable is the same whether the target is hidden, was not there, or its
// history is gone.
func incomparable() error {
	return wire.Errorf(wire.CodeNotFound, "what is there cannot be compared in these versions").
		WithHint("it was not there in both, or its history, or that of something in it, is no longer kept; see \"pubsync log\"")
}

func versionParam(r *http.Request, name string, absent store.Version) (store.Version, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.ParseUint(text, 10, 62)
	if err != nil {
		return 0, wire.Errorf(wire.CodeBadRequest, "%s=%q is no publication number", name, text)
	}
	return store.Version(n), nil
}
