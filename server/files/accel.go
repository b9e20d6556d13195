package files

import (
	"net/http"
	"path/filepath"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// An Accel hands downloads over to a web server in front of this one: instead
// of the content the answer carries a header that names the file, and the web
// server sends it. It serves content that has a plain file of its own;
// everything else, HEAD and answers without a body are sent as ever.
//
// Readers that reach this server without the web server in between would get
// empty files: configure it only where none can.
//
// nginx keeps few headers of the answer it replaces, so its internal location
// puts them back (nginx 1.22 and later):
//
//	location /pubsync-blobs/ {
//	    internal;
//	    alias /srv/pubsync-data/blobs/;
//	    etag off;
//	    if_modified_since off;
//	    add_header ETag $upstream_http_etag;
//	    add_header Last-Modified $upstream_http_last_modified;
//	    add_header Repr-Digest $upstream_http_repr_digest;
//	    add_header Content-Security-Policy $upstream_http_content_security_policy;
//	    add_header X-Content-Type-Options nosniff;
//	}
type Accel struct {
	// Header is "X-Accel-Redirect" (nginx) or "X-Sendfile" (Apache,
	// lighttpd). Empty: no hand-over.
	Header string

	// Root is the directory that the web server knows; files outside it are
	// not handed over.
	Root string

	// URI, for X-Accel-Redirect, is the internal location that stands for
	// Root, with a slash at each end. X-Sendfile gets the file's path.
	URI string

	// MinSize is the size in bytes from which a file is handed over.
	MinSize int64
}

// handOver puts the header that names the blob's file in place of the content
// and reports whether it did. Conditions are decided here, since nginx would
// decide them by the blob's own times; ranges are the web server's to cut.
func (a *Accel) handOver(w http.Header, r *http.Request, b store.Blob) bool {
	if a.Header == "" || b.Size() < a.MinSize || isConditional(r) {
		return false
	}
	file, ok := b.File()
	if !ok {
		return false
	}
	rel, err := filepath.Rel(a.Root, file)
	if err != nil || !filepath.IsLocal(rel) {
		return false
	}
	if a.Header == "X-Sendfile" {
		w.Set(a.Header, file)
		return true
	}
	w.Set(a.Header, a.URI+manifest.Path(filepath.ToSlash(rel)).Escape())
	return true
}
