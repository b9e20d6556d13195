package server

import (
	"encoding/json"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// audit answers GET /v1/audit with the events that the query selects, one JSON
// object a line, oldest first. A scheduler sees its own, the local one all.
func (s *Server) audit(w http.ResponseWriter, r *http.Request, _ httprouter.Params) error {
	by, err := s.scheduler(r)
	if err != nil {
		return err
	}
	q, err := auditQuery(r.URL.Query())
	if err != nil {
		return wire.Errorf(wire.CodeBadRequest, "%v", err)
	}
	if by.Name != s.cfg.Admin {
		q.Scheduler = by.Name
	}
	w.Header().Set("Content-Type", "application/x-ndjson")
	w.Header().Set("Cache-Control", "no-store")
	enc := json.NewEncoder(w)
	return token.Events(r.Context(), s.cfg.Store, q, func(e token.Event) bool { return enc.Encode(e) == nil })
}

func auditQuery(v url.Values) (q token.Query, err error) {
	q = token.Query{
		Kind: token.EventKind(v.Get("kind")), Code: token.Code(v.Get("code")), Accessor: v.Get("accessor"),
		Scheduler: v.Get("scheduler"), Target: manifest.Path(v.Get("target")),
	}
	for name, t := range map[string]*time.Time{"since": &q.Since, "until": &q.Until} {
		if text := v.Get(name); text != "" && err == nil {
			*t, err = time.Parse(time.RFC3339, text)
		}
	}
	if text := v.Get("from"); text != "" && err == nil {
		q.From, err = netip.ParsePrefix(text)
	}
	if text := v.Get("newest"); text != "" && err == nil {
		q.Newest, err = strconv.Atoi(text)
	}
	return q, err
}
