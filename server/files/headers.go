package files

import (
	"encoding/base64"
	"encoding/hex"
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

// setHead sets the headers of a file's content, but for its length. What differs from
// file to file is cut from one string, so that the answer to HEAD, which is most of what
// build systems ask for, costs few allocations and entries can be kept without headers.
func (f *fixed) setHead(h http.Header, e *manifest.Entry) {
	var room [256]byte
	b := append(room[:0], '"')
	b = hex.AppendEncode(b, e.Digest[:])
	b = append(b, '"')
	etag := len(b)
	b = append(b, "sha-256=:"...)
	b = base64.StdEncoding.AppendEncode(b, e.Digest[:])
	b = append(b, ':')
	repr := len(b)
	b = e.ModTime().AppendFormat(b, http.TimeFormat)
	modified := len(b)
	b = strconv.AppendInt(b, e.MTime, 10)
	mtime := len(b)
	b = append(b, octal(e.Mode)...)
	s := string(b)
	values := [...]string{s[:etag], s[etag:repr], s[repr:modified], s[modified:mtime], s[mtime:], contentType(e.Path)}
	h["Etag"] = values[0:1:1]
	h["Repr-Digest"] = values[1:2:2]
	h["Last-Modified"] = values[2:3:3]
	h["X-Pubsync-Mtime"] = values[3:4:4]
	h["X-Pubsync-Mode"] = values[4:5:5]
	h["Content-Type"] = values[5:6:6]
	h["Accept-Ranges"] = f.ranges
	h["X-Pubsync-Kind"] = f.file
	h["Content-Security-Policy"] = f.policy
	h["X-Content-Type-Options"] = f.nosniff
}

func setLength(h http.Header, e *manifest.Entry) {
	h["Content-Length"] = []string{strconv.FormatInt(e.Size, 10)}
}

// setTimes sets the headers of an entry that is no file.
func setTimes(h http.Header, e *manifest.Entry) {
	h["X-Pubsync-Mode"] = []string{octal(e.Mode)}
	h["X-Pubsync-Mtime"] = []string{strconv.FormatInt(e.MTime, 10)}
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

// fixed are header values that are the same for every answer. They are only read.
type fixed struct{ private, public, ranges, file, policy, nosniff, octets []string }

func newFixed() fixed {
	return fixed{
		private: []string{"private, no-cache"}, public: []string{"no-cache"}, ranges: []string{"bytes"},
		file: []string{manifest.File.String()}, policy: []string{contentPolicy}, nosniff: []string{"nosniff"}, octets: []string{"application/octet-stream"},
	}
}

// setLink marks an answer as that for a symlink.
func setLink(w http.Header, own *manifest.Entry) {
	w["X-Pubsync-Kind"] = []string{own.Kind.String()}
	w["X-Pubsync-Link"] = []string{url.PathEscape(own.Link)}
}

func versionText(v store.Version) string { return strconv.FormatInt(int64(v), 10) }

// httpTime returns an entry's mtime at the resolution of HTTP.
func httpTime(e *manifest.Entry) time.Time { return e.ModTime().Truncate(time.Second) }
