package web

import (
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// A Directory is what the page of one directory shows.
type Directory struct {
	Path    manifest.Path
	Version store.Version    // of the tree shown
	Pinned  bool             // shown at a version that the reader chose
	Entries []manifest.Entry // one page of them, with their full paths, in order
	After   string           // the name this page begins after, "" for the first
	More    bool             // there are entries after these
}

// row is one entry as the page shows it. Its URL is relative and begins with
// "./", so that no name can be taken for a scheme.
type row struct {
	Name, URL, Link string
	IsDir           bool
	Size            string // "" but for files
	Bytes           int64
	Time, Stamp     string
}

type directoryPage struct {
	frame
	Directory
	Caption     string
	Rows        []row
	First, Next string
	Log, JSON   string
}

// Directory writes the page of one directory. The caller sets [Site.Headers]
// first.
func (s *Site) Directory(w io.Writer, d Directory) error {
	pin := ""
	if d.Pinned {
		pin = "?at=" + strconv.FormatInt(int64(d.Version), 10)
	}
	page := directoryPage{
		frame:     s.frame(heading(d.Path), upward(d.Path, pin)),
		Directory: d,
		Caption:   caption(d),
		JSON:      withQuery("./"+pin, "format=json"),
	}
	for i := range d.Entries {
		page.Rows = append(page.Rows, newRow(&d.Entries[i], pin))
	}
	if d.After != "" {
		page.First = "./" + pin
	}
	if d.More {
		last := d.Entries[len(d.Entries)-1].Path.Base()
		page.Next = withQuery("./"+pin, "after="+url.QueryEscape(last))
	}
	if s.cfg.Tree != nil {
		page.Log = s.cfg.Log + "/" + d.Path.Escape()
	}
	return s.pages.ExecuteTemplate(w, "directory.html", page)
}

func heading(p manifest.Path) string {
	if p == "" {
		return "Files"
	}
	return Display(string(p))
}

func caption(d Directory) string {
	n := strconv.Itoa(len(d.Entries)) + " entries"
	switch {
	case len(d.Entries) == 0:
		return "Nothing here."
	case len(d.Entries) == 1:
		n = "1 entry"
	}
	if d.After != "" {
		n += " after " + Display(d.After)
	}
	if d.More {
		n += ", more on the next page"
	}
	return n
}

// upward returns the steps from the root to p with relative URLs, which stay
// right behind a proxy that mounts the tree elsewhere.
func upward(p manifest.Path, pin string) []crumb {
	if p == "" {
		return []crumb{{Name: "files"}}
	}
	names := strings.Split(string(p), "/")
	crumbs := []crumb{{"files", strings.Repeat("../", len(names)) + pin}}
	for i, name := range names {
		up := len(names) - 1 - i
		c := crumb{Name: Display(name)}
		if up > 0 {
			c.URL = strings.Repeat("../", up) + pin
		}
		crumbs = append(crumbs, c)
	}
	return crumbs
}

func newRow(e *manifest.Entry, pin string) row {
	r := row{Name: Display(e.Path.Base()), URL: "./" + url.PathEscape(e.Path.Base())}
	r.Time, r.Stamp = times(e.ModTime())
	switch e.Kind {
	case manifest.Dir:
		r.IsDir = true
		r.URL += "/"
	case manifest.File:
		r.Size, r.Bytes = Size(e.Size), e.Size
	case manifest.Symlink:
		r.Link = Display(e.Link)
	}
	r.URL += pin
	return r
}

// times returns t for people and for machines, in UTC.
func times(t time.Time) (text, stamp string) {
	return t.UTC().Format("2006-01-02 15:04"), t.UTC().Format(time.RFC3339)
}

// withQuery adds a parameter to a URL.
func withQuery(u, param string) string {
	if strings.Contains(u, "?") {
		return u + "&" + param
	}
	return u + "?" + param
}

// Size returns a number of bytes in at most four digits with a binary unit:
// "1023 B", "1.5 KiB".
func Size(n int64) string {
	if n < 1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	const units = "KMGTPE"
	v, unit := float64(n)/1024, 0
	for v >= 1023.5 && unit < len(units)-1 {
		v, unit = v/1024, unit+1
	}
	if v < 9.95 {
		return fmt.Sprintf("%.1f %ciB", v, units[unit])
	}
	return fmt.Sprintf("%.0f %ciB", v, units[unit])
}
