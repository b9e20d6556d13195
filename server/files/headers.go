package files

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// contentPolicy is the Content-Security-Policy of published files. A page
// among them may show its own pictures and styles and link to downloads; the
// sandbox takes its scripts, its forms and its origin, and with that whatever
// credentials the browser holds for this server.
const contentPolicy = "default-src 'none'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; " +
	"font-src 'self' data:; media-src 'self'; base-uri 'none'; form-action 'none'; sandbox allow-downloads"

// header is a header's name in canonical form with its values, made once and
// only read afterwards.
type header struct {
	name   string
	values []string
}

func newHeader(name, value string) header {
	return header{http.CanonicalHeaderKey(name), []string{value}}
}

func (x header) set(h http.Header) { h[x.name] = x.values }

// fileHead holds the headers of a file, ready to send.
type fileHead struct {
	all    []header
	length header
}

func newFileHead(e *manifest.Entry) *fileHead {
	d := e.Digest.String()
	return &fileHead{
		all: []header{
			newHeader("Content-Type", contentType(e.Path)),
			newHeader("ETag", `"`+d+`"`),
			newHeader("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(e.Digest[:])+":"),
			newHeader("Last-Modified", e.ModTime().Format(http.TimeFormat)),
			newHeader("Accept-Ranges", "bytes"),
			newHeader("X-Pubsync-Kind", "file"),
			modeHeader(e),
			mtimeHeader(e),
			newHeader("Content-Security-Policy", contentPolicy),
			newHeader("X-Content-Type-Options", "nosniff"),
		},
		length: newHeader("Content-Length", strconv.FormatInt(e.Size, 10)),
	}
}

func modeHeader(e *manifest.Entry) header {
	return newHeader("X-Pubsync-Mode", octal(e.Mode))
}

func mtimeHeader(e *manifest.Entry) header {
	return newHeader("X-Pubsync-Mtime", strconv.FormatInt(e.MTime, 10))
}

// octal writes a mode as four octal digits.
func octal(mode uint32) string {
	s := strconv.FormatUint(uint64(mode), 8)
	return "0000"[:max(0, 4-len(s))] + s
}

// setCommon sets what every answer carries. Content may change at any time
// under the same URL, so caches ask before they reuse it, and where some
// readers see less than others only the reader's own cache may keep it.
func (h *Handler) setCommon(w http.Header, q *request) {
	w["X-Pubsync-Version"] = []string{versionText(q.version)}
	if q.sight != nil {
		w["Cache-Control"] = h.fixed.private
	} else {
		w["Cache-Control"] = h.fixed.public
	}
}

// fixed are header values that are the same for every answer.
type fixed struct{ private, public []string }

func newFixed() fixed {
	return fixed{private: []string{"private, no-cache"}, public: []string{"no-cache"}}
}

// setLink marks an answer as that for a symlink.
func setLink(w http.Header, own *manifest.Entry) {
	w["X-Pubsync-Kind"] = []string{own.Kind.String()}
	w["X-Pubsync-Link"] = []string{url.PathEscape(own.Link)}
}

func versionText(v store.Version) string { return strconv.FormatInt(int64(v), 10) }

// httpTime returns an entry's mtime at the resolution of HTTP.
func httpTime(e *manifest.Entry) time.Time { return e.ModTime().Truncate(time.Second) }
