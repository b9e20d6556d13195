package web

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// How much the pages show.
const (
	frontTypes  = 200 // types on the front page
	frontRows   = 5   // publications of each
	logRows     = 100 // publications on a page of their own
	maxLogScans = 50  // batches read for one page, hidden ones included
)

type publicationRow struct {
	Number                   store.Version
	Target, URL, At          string
	Time, Stamp              string
	Added, Replaced, Removed int
}

type publicationTable struct {
	Caption string
	Rows    []publicationRow
}

type typeView struct {
	Name, URL, Log string
	Table          publicationTable
}

type frontPage struct {
	frame
	Types []typeView
}

type logPage struct {
	frame
	FilesURL     string
	Table        publicationTable
	First, Older string
}

// Front answers GET / with the types and their newest publications.
func (s *Site) Front(w http.ResponseWriter, r *http.Request) {
	if err := s.front(w, r); err != nil {
		s.cfg.Fail(w, r, err)
	}
}

func (s *Site) front(w http.ResponseWriter, r *http.Request) error {
	sees := s.sight(r)
	top, err := s.cfg.Tree.ReadDir(r.Context(), "", store.Latest, "", frontTypes)
	if err != nil {
		return err
	}
	page := frontPage{frame: s.frame(s.cfg.Title, nil)}
	for i := range top {
		typ := top[i].Path
		if top[i].Kind != manifest.Dir || !sees(typ) {
			continue
		}
		pubs, _, err := s.visible(r.Context(), typ, 0, frontRows, sees)
		if err != nil {
			return err
		}
		page.Types = append(page.Types, typeView{
			Name: Display(string(typ)), URL: s.cfg.Files + "/" + typ.Escape() + "/",
			Log: s.cfg.Log + "/" + typ.Escape(), Table: s.table("Newest publications", pubs),
		})
	}
	return s.send(w, r, "front.html", page)
}

// Publications answers GET LOG/TARGET with the publications to the target and
// below it, newest first, 100 to a page (?before=N). A target without any that
// the reader may see is [store.ErrNotFound]; LOG/ shows those to all targets.
func (s *Site) Publications(w http.ResponseWriter, r *http.Request) {
	if err := s.publications(w, r); err != nil {
		s.cfg.Fail(w, r, err)
	}
}

func (s *Site) publications(w http.ResponseWriter, r *http.Request) error {
	target, err := s.logTarget(r.URL.Path)
	if err != nil {
		return err
	}
	before := store.Version(0)
	if text := r.URL.Query().Get("before"); text != "" {
		n, err := strconv.ParseUint(text, 10, 63)
		if err != nil || n == 0 {
			return fmt.Errorf("%w: before=%q is no publication number", ErrBadQuery, text)
		}
		before = store.Version(n)
	}
	pubs, more, err := s.visible(r.Context(), target, before, logRows, s.sight(r))
	if err != nil {
		return err
	}
	if len(pubs) == 0 && !more && target != "" {
		return store.ErrNotFound
	}
	page := logPage{
		frame:    s.frame("Publications", s.logCrumbs(target)),
		FilesURL: s.filesURL(target),
		Table:    s.table(strconv.Itoa(len(pubs))+" publications, newest first", pubs),
	}
	if target != "" {
		page.Heading = "Publications of " + Display(string(target))
	}
	here := s.cfg.Log + "/" + target.Escape()
	if before != 0 {
		page.First = here
	}
	if more && len(pubs) > 0 {
		page.Older = here + "?before=" + strconv.FormatInt(int64(pubs[len(pubs)-1].Number), 10)
	}
	return s.send(w, r, "log.html", page)
}

func (s *Site) logTarget(urlPath string) (manifest.Path, error) {
	rest, ok := strings.CutPrefix(urlPath, s.cfg.Log)
	switch {
	case !ok || rest != "" && rest[0] != '/':
		return "", store.ErrNotFound
	case rest == "" || rest == "/":
		return "", nil
	}
	return manifest.ParsePath(strings.TrimSuffix(rest[1:], "/"))
}

func (s *Site) logCrumbs(target manifest.Path) []crumb {
	if target == "" {
		return []crumb{{Name: "log"}}
	}
	crumbs := []crumb{{"log", s.cfg.Log + "/"}}
	names := strings.Split(string(target), "/")
	for i, name := range names {
		c := crumb{Name: Display(name)}
		if i < len(names)-1 {
			c.URL = s.cfg.Log + "/" + manifest.Path(strings.Join(names[:i+1], "/")).Escape()
		}
		crumbs = append(crumbs, c)
	}
	return crumbs
}

// visible returns at most limit publications that the reader may see, newest
// first, and whether there may be more. It reads a bounded number, however
// many are hidden.
func (s *Site) visible(ctx context.Context, target manifest.Path, before store.Version, limit int,
	sees store.Sight) (pubs []store.Publication, more bool, err error) {
	const batch = 200
	for range maxLogScans {
		got, err := s.cfg.Tree.Log(ctx, target, before, batch)
		if err != nil {
			return nil, false, err
		}
		for _, p := range got {
			if !sees(p.Target) {
				continue
			}
			if len(pubs) == limit {
				return pubs, true, nil
			}
			pubs = append(pubs, p)
		}
		if len(got) < batch {
			return pubs, false, nil
		}
		before = got[len(got)-1].Number
	}
	return pubs, true, nil
}

func (s *Site) sight(r *http.Request) store.Sight {
	var sees store.Sight
	if s.cfg.Sight != nil {
		sees = s.cfg.Sight(r)
	}
	if sees == nil {
		return func(manifest.Path) bool { return true }
	}
	return sees
}

func (s *Site) filesURL(p manifest.Path) string {
	if p == "" {
		return s.cfg.Files + "/"
	}
	return s.cfg.Files + "/" + p.Escape() + "/"
}

func (s *Site) table(caption string, pubs []store.Publication) publicationTable {
	t := publicationTable{Caption: caption}
	for i := range pubs {
		p := &pubs[i]
		url := s.filesURL(p.Target)
		r := publicationRow{
			Number: p.Number, Target: Display(string(p.Target)), URL: url,
			At:    url + "?at=" + strconv.FormatInt(int64(p.Number), 10),
			Added: p.Added, Replaced: p.Replaced, Removed: p.Removed,
		}
		r.Time, r.Stamp = times(p.Time)
		t.Rows = append(t.Rows, r)
	}
	return t
}
