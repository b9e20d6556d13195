package web

import (
	"net/http"
	"strings"
)

// A Licence is what the page that asks for its acceptance shows.
type Licence struct {
	Type, Text, Digest string
	Action             string // where the form goes
	To                 string // where its reader wants to go
}

type licencePage struct {
	frame
	Licence
}

// Licence writes the page of a licence to accept, with status 404: what is
// asked for is not there for who has not accepted.
func (s *Site) Licence(w http.ResponseWriter, r *http.Request, l Licence) error {
	page := licencePage{frame: s.frame("Licence of "+Display(l.Type), nil), Licence: l}
	b, err := s.render("licence.html", page)
	if err != nil {
		return err
	}
	s.Headers(w.Header())
	w.Header().Set("Content-Security-Policy", strings.Replace(s.policy, "form-action 'none'", "form-action 'self'", 1))
	w.WriteHeader(http.StatusNotFound)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b) // a reader that has gone needs no answer
	}
	return nil
}
