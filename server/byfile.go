package server

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/julienschmidt/httprouter"

	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// findContent answers GET and HEAD /v1/sessions/ID/content/DIGEST: 204 if the
// content need not be sent, else 404, with the bytes staged in "have".
func (s *Server) findContent(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	d, err := manifest.ParseDigest(ps.ByName("digest"))
	if err != nil {
		return wire.Errorf(wire.CodeBadRequest, "%v", err)
	}
	auth, id, secret, err := s.join(r, ps)
	if err != nil {
		return err
	}
	defer auth.release()
	held, staged, err := s.cfg.Sessions.Holds(r.Context(), auth, id, secret, d)
	if err != nil {
		return auth.refuse(err)
	}
	if !held {
		e := wire.Errorf(wire.CodeNotFound, "no content %v", d)
		e.Have = staged
		return e
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// putFile answers PUT /v1/sessions/ID/files/PATH with the content of a file, or
// of a part of one.
func (s *Server) putFile(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	p, err := s.placement(r, ps)
	if err != nil {
		return err
	}
	if p.Offset, p.Length, p.Size, err = extent(r); err != nil {
		return err
	}
	return s.place(w, r, ps, p, r.Body)
}

// linkFile answers POST /v1/sessions/ID/links/PATH: a file whose content is
// held already.
func (s *Server) linkFile(w http.ResponseWriter, r *http.Request, ps httprouter.Params) error {
	p, err := s.placement(r, ps)
	if err != nil {
		return err
	}
	p.Link, p.Size = true, -1
	return s.place(w, r, ps, p, nil)
}

func (s *Server) place(w http.ResponseWriter, r *http.Request, ps httprouter.Params, p session.Placement, body io.Reader) error {
	auth, id, secret, err := s.join(r, ps)
	if err != nil {
		return err
	}
	defer auth.release()
	placed, err := s.cfg.Sessions.Put(r.Context(), auth, id, secret, p, body)
	if err != nil {
		return auth.refuse(err)
	}
	status := http.StatusCreated
	if placed.Staged > 0 {
		status = http.StatusAccepted
	}
	return writeJSON(w, status, placed)
}

// placement reads the path and the headers of a file.
func (s *Server) placement(r *http.Request, ps httprouter.Params) (p session.Placement, err error) {
	if p.Path, err = manifest.ParsePath(strings.TrimPrefix(ps.ByName("path"), "/")); err != nil {
		return p, err
	}
	if p.Digest, err = manifest.ParseDigest(r.Header.Get(wire.DigestHeader)); err != nil {
		return p, wire.Errorf(wire.CodeBadRequest, "%s: %v", wire.DigestHeader, err).
			WithHint("send the output of sha256sum there: 64 hexadecimal digits")
	}
	p.Mode, p.MTime = 0o644, s.cfg.Now().UnixNano()
	if text := r.Header.Get(wire.ModeHeader); text != "" {
		mode, err := strconv.ParseUint(text, 8, 32)
		if err != nil || mode > manifest.MaxMode {
			return p, wire.Errorf(wire.CodeBadRequest, "%s: %q is no octal mode", wire.ModeHeader, text)
		}
		p.Mode = uint32(mode)
	}
	if text := r.Header.Get(wire.MTimeHeader); text != "" {
		if p.MTime, err = strconv.ParseInt(text, 10, 64); err != nil {
			return p, wire.Errorf(wire.CodeBadRequest, "%s: %q is no number of nanoseconds", wire.MTimeHeader, text)
		}
	}
	return p, nil
}

// extent returns where in the file a body lies, how long it is, and how long the file
// is: as Content-Range says ("bytes 0-99/1000"), or the body is the whole file.
func extent(r *http.Request) (offset, length, size int64, err error) {
	text := r.Header.Get("Content-Range")
	if text == "" {
		if r.ContentLength < 0 {
			return 0, 0, 0, wire.Errorf(wire.CodeBadRequest, "the length of the file is not known").
				WithHint("send Content-Length (curl -T FILE does), or a Content-Range")
		}
		return 0, r.ContentLength, r.ContentLength, nil
	}
	var last int64
	var rest string
	n, _ := fmt.Sscanf(text, "bytes %d-%d/%d%s", &offset, &last, &size, &rest)
	if n != 3 || offset < 0 || last < offset || last >= size || r.ContentLength >= 0 && r.ContentLength != last-offset+1 {
		return 0, 0, 0, wire.Errorf(wire.CodeBadRequest, "Content-Range: %q is not the place of this body: write \"bytes FIRST-LAST/SIZE\"", text)
	}
	return offset, last - offset + 1, size, nil
}
