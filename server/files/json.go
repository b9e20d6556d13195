package files

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// An Entry is one entry in the JSON of a directory, or the answer to
// format=json on what is none.
type Entry struct {
	Name   string          `json:"name"` // for people: invalid UTF-8 is replaced
	URL    string          `json:"url"`  // exact: the path from the server's root, percent-encoded
	Kind   string          `json:"kind"` // "directory", "file" or "symlink"
	Mode   string          `json:"mode"` // octal
	Size   int64           `json:"size"` // bytes; 0 but for files
	MTime  int64           `json:"mtime_ns"`
	Digest manifest.Digest `json:"digest,omitzero"` // files only
	Link   string          `json:"link,omitempty"`  // symlinks only: the target, percent-encoded
}

// A Listing is the JSON of one page of a directory.
type Listing struct {
	Path    string        `json:"path"` // percent-encoded, "" for the root
	Version store.Version `json:"version"`
	Entries []Entry       `json:"entries"`
	Next    string        `json:"next,omitempty"` // query of the next page, from its "?" on
}

func (h *Handler) jsonEntry(e *manifest.Entry, at manifest.Path) Entry {
	j := Entry{
		Name: at.Base(), URL: h.cfg.Prefix + "/" + at.Escape(),
		Kind: e.Kind.String(), Mode: octal(e.Mode), Size: e.Size, MTime: e.MTime,
		Digest: e.Digest, Link: url.PathEscape(e.Link),
	}
	if e.Kind == manifest.Dir {
		j.URL += "/"
	}
	return j
}

func (h *Handler) serveEntry(w http.ResponseWriter, r *http.Request, q *request, f *found) error {
	h.setCommon(w.Header(), q)
	return sendJSON(w, r, h.jsonEntry(&f.entry, q.path))
}

func (h *Handler) serveDirJSON(w http.ResponseWriter, r *http.Request, q *request, entries []manifest.Entry, more bool) error {
	l := Listing{Path: q.path.Escape(), Version: q.version, Entries: make([]Entry, len(entries))}
	for i := range entries {
		e := &entries[i]
		l.Entries[i] = h.jsonEntry(e, q.path.Join(manifest.Path(e.Path.Base())))
	}
	if more {
		// Pinned even if the reader did not ask for it: pages of one listing
		// belong to one version.
		l.Next = "?format=json&at=" + versionText(q.version) +
			"&after=" + url.QueryEscape(entries[len(entries)-1].Path.Base())
	}
	return sendJSON(w, r, l)
}

func sendJSON(w http.ResponseWriter, r *http.Request, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	sendWhole(w, r, append(b, '\n'))
	return nil
}
