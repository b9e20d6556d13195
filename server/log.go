package server

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// maxLog is the most publications one answer lists.
const maxLog = 1000

// publication is a line of a target's log.
type publication struct {
	Number   store.Version `json:"publication"`
	Target   manifest.Path `json:"target"`
	Time     time.Time     `json:"time"`
	Mirror   bool          `json:"mirror,omitempty"`
	Entries  int           `json:"entries"`
	Added    int           `json:"added"`
	Replaced int           `json:"replaced"`
	Removed  int           `json:"removed"`
	By       string        `json:"by,omitempty"` // "rollback", "retention"; absent: a push
	To       int64         `json:"to,omitempty"` // of a rollback: the version
}

// log answers GET /v1/log/TARGET?before=N with the publications to it or below it
// that the reader may see, newest first, those before N only if it is given; at
// most maxLog are looked at.
func (s *Server) log(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	target, err := rootOrPath(ps.ByName("target"))
	if err != nil {
		return err
	}
	before, err := versionParam(r, "before", 0)
	if err != nil {
		return err
	}
	sight, err := s.readerSight(r)
	if err != nil {
		return err
	}
	pubs, err := s.cfg.Store.Log(r.Context(), target, before, maxLog)
	if err != nil {
		return err
	}
	lines := []publication{}
	for _, p := range pubs {
		if !sight(p.Target) {
			continue
		}
		var n session.Note
		_ = json.Unmarshal([]byte(p.Note), &n) // one that is none says nothing
		lines = append(lines, publication{p.Number, p.Target, p.Time, p.Mirror, p.Entries, p.Added, p.Replaced, p.Removed, n.By, n.To})
	}
	return writeJSON(w, http.StatusOK, lines)
}
