package session

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strconv"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// A session opened "by file" has no list: its client, often no more than curl,
// puts one file after another at its path and commits. What it has put is on
// record, so that it survives a restart like the rest.

// fileBucket holds what sessions by file have put: the key is the session's
// name, a slash and the path, the value the JSON of an entry without it.
const fileBucket = "session_file"

// A Placement is a file to be put at a path.
type Placement struct {
	Path   manifest.Path
	Mode   uint32
	MTime  int64 // nanoseconds since the Unix epoch
	Digest manifest.Digest
	Size   int64 // of the whole file; -1 with Link
	Offset int64 // of the first byte of the body
	Length int64 // of the body
	Link   bool  // no body: the content is there already
}

// placed is the record of a file that was put.
type placed struct {
	Mode   uint32          `json:"mode"`
	MTime  int64           `json:"mtime"`
	Size   int64           `json:"size"`
	Digest manifest.Digest `json:"digest"`
}

func (p *placed) entry(at manifest.Path) manifest.Entry {
	return manifest.Entry{Path: at, Kind: manifest.File, Mode: p.Mode, MTime: p.MTime, Size: p.Size, Digest: p.Digest}
}

// Holds tells a session by file whether it need not send the content: it is
// held, and the token may read it, or the session has sent it. It returns how
// many bytes are staged if not. Content that the token may not read is answered as
// content that is not there.
func (e *Engine) Holds(ctx context.Context, auth Authority, id store.SessionID, secret string, d manifest.Digest) (ok bool, staged int64, err error) {
	s, done, err := e.byFile(ctx, auth, id, secret)
	if err != nil {
		return false, 0, err
	}
	defer done()
	ok, err = s.holds(ctx, auth, d)
	if err != nil || ok {
		return ok, 0, err
	}
	auth.Asked(1)
	all, err := s.store().Staged(ctx, s.id)
	return false, all[d], err
}

// Put puts a file into a session by file, with the content that body has from
// p.Offset on, or, for a link, with content that is held. Errors: those of
// [Engine.Exchange], and "content_mismatch" for content that is not what the
// digest names, after which nothing of it is staged.
func (e *Engine) Put(ctx context.Context, auth Authority, id store.SessionID, secret string, p Placement, body io.Reader) (wire.Placed, error) {
	s, done, err := e.byFile(ctx, auth, id, secret)
	if err != nil {
		return wire.Placed{}, err
	}
	defer done()
	if err := auth.Live(); err != nil {
		return wire.Placed{}, err
	}
	reply := wire.Placed{Path: p.Path, Digest: p.Digest, Size: p.Size}
	if p.Link {
		if p.Size, err = s.linked(ctx, auth, p.Digest); err != nil {
			return wire.Placed{}, err
		}
		reply.Size = p.Size
		return reply, s.place(ctx, auth, &p, true)
	}
	// Before the body, so that what is not allowed is not taken in.
	if err := s.place(ctx, auth, &p, false); err != nil {
		return wire.Placed{}, err
	}
	reply.Staged, err = s.take(ctx, auth, &p, &liveReader{body, auth})
	if err != nil || reply.Staged < p.Size {
		return reply, err
	}
	auth.Sent(1)
	reply.Staged = 0
	return reply, s.place(ctx, auth, &p, true)
}

// byFile returns a session that was opened by file and goes on.
func (e *Engine) byFile(ctx context.Context, auth Authority, id store.SessionID, secret string) (s *session, done func(), err error) {
	rec, err := e.find(ctx, auth, id, secret)
	if err != nil {
		return nil, nil, err
	}
	if !rec.ByFile {
		return nil, nil, wire.Errorf(wire.CodeBadRequest, "this session goes by a list; open one with \"by_file\" to put single files")
	}
	if rec.Receipt != nil {
		return nil, nil, wire.Errorf(wire.CodeTokenConsumed, "this session is published; a commit returns its receipt again")
	}
	s = e.get(id, rec)
	return s, func() { e.put(s) }, nil
}

func (s *session) holds(ctx context.Context, auth Authority, d manifest.Digest) (bool, error) {
	have, err := s.store().Have(ctx, s.id, []manifest.Digest{d}, auth.Sight())
	return err == nil && have[0], err
}

// linked returns the size of content that the session need not send.
func (s *session) linked(ctx context.Context, auth Authority, d manifest.Digest) (int64, error) {
	ok, err := s.holds(ctx, auth, d)
	if err != nil {
		return 0, err
	}
	if !ok {
		auth.Asked(1)
		return 0, wire.Errorf(wire.CodeNotFound, "no content %v to link", d).WithHint("upload it")
	}
	b, err := s.store().Open(ctx, d)
	if err != nil {
		return 0, err
	}
	defer b.Close()
	return b.Size(), nil
}

// place charges the token for a file and, if it is there, records it. A file
// put again at its path takes the place of the first.
func (s *session) place(ctx context.Context, auth Authority, p *Placement, there bool) error {
	f := placed{Mode: p.Mode, MTime: p.MTime, Size: p.Size, Digest: p.Digest}
	e := f.entry(p.Path)
	if err := e.Check(); err != nil {
		return err
	}
	value, err := json.Marshal(f)
	if err != nil {
		return err
	}
	return s.store().Update(ctx, func(tx store.Tx) error {
		rec, err := getRecord(tx, s.id)
		if err != nil {
			return err
		}
		if rec.Receipt != nil {
			return wire.Errorf(wire.CodeTokenConsumed, "this session is published")
		}
		key := fileKey(s.id, p.Path)
		old, err := getPlaced(tx, key)
		switch {
		case errors.Is(err, store.ErrNotFound):
			rec.Placed.Files, rec.Placed.Bytes = rec.Placed.Files+1, rec.Placed.Bytes+p.Size
		case err != nil:
			return err
		default:
			rec.Placed.Bytes += p.Size - old.Size
		}
		if rec.Placed.Files > s.engine.cfg.MaxEntries {
			return wire.Errorf(wire.CodeFilesExhausted, "%d files are the most this server takes in one push", s.engine.cfg.MaxEntries)
		}
		t := rec.terms(s.id)
		t.Files, t.Bytes = rec.Placed.Files, rec.Placed.Bytes
		if err := auth.Charge(tx, t); err != nil || !there {
			return err
		}
		if err := tx.Put(fileBucket, key, value); err != nil {
			return err
		}
		return putRecord(tx, s.id, rec)
	})
}

func fileKey(id store.SessionID, p manifest.Path) string { return string(id) + "/" + string(p) }

func getPlaced(tx store.Tx, key string) (f placed, err error) {
	b, err := tx.Get(fileBucket, key)
	if err == nil {
		err = json.Unmarshal(b, &f)
	}
	return f, err
}

// smallPut is the size in bytes up to which a file that comes whole is taken in with
// one sync. Of a larger one whose body ends early what arrived is kept.
const smallPut = 128 << 10

// take takes in content and returns how many of its bytes are here: all of
// them, checked and leased, or what is staged.
func (s *session) take(ctx context.Context, auth Authority, p *Placement, body io.Reader) (int64, error) {
	ok, err := s.holds(ctx, auth, p.Digest)
	if err != nil {
		return 0, err
	}
	if ok {
		return p.Size, passOver(p, body)
	}
	d := s.newDebt()
	if err := s.claim.take(ctx, 0, []want{{index: d.index, digest: p.Digest, size: p.Size}}); err != nil {
		return 0, err
	}
	defer s.claim.settle(d)
	if p.Size <= smallPut && p.Length == p.Size {
		return p.Size, s.takeSmall(ctx, p, body)
	}
	return s.takeStaged(ctx, p, body)
}

// passOver reads content that is not needed. Where it is the whole, it must be
// what its digest names all the same.
func passOver(p *Placement, body io.Reader) error {
	h := sha256.New()
	n, err := io.Copy(h, body)
	if err == nil && p.Offset == 0 && n == p.Size && manifest.Digest(h.Sum(nil)) != p.Digest {
		err = store.ErrMismatch
	}
	return mismatch(err, p)
}

// newDebt returns a debt for a file that has no index.
func (s *session) newDebt() debt {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.puts++
	return debt{s.puts, wire.Raw}
}

func (s *session) takeSmall(ctx context.Context, p *Placement, body io.Reader) error {
	b, err := s.store().NewBatch(s.id)
	if err != nil {
		return err
	}
	defer b.Discard()
	if err := b.Add(p.Digest, p.Size, body); err != nil {
		return mismatch(err, p)
	}
	return b.Commit(ctx)
}

// takeStaged appends to what is staged of the content, passing over what is
// staged already.
func (s *session) takeStaged(ctx context.Context, p *Placement, body io.Reader) (int64, error) {
	partial, err := s.store().OpenPartial(s.id, p.Digest)
	if err != nil {
		return 0, err
	}
	defer partial.Close()
	if p.Offset > partial.Size() {
		err := wire.Errorf(wire.CodeGap, "this part begins at byte %d and %d are staged", p.Offset, partial.Size())
		err.Have = partial.Size()
		return 0, err
	}
	w := &boundedWriter{w: &skipWriter{w: partial, skip: partial.Size() - p.Offset}, left: p.Size - p.Offset}
	if _, err := io.Copy(w, body); err != nil {
		if errors.Is(err, errTooLong) {
			return 0, wire.Errorf(wire.CodeBadRequest, "more bytes than the %d of the file", p.Size)
		}
		return 0, err
	}
	if partial.Size() < p.Size {
		return partial.Size(), nil
	}
	return p.Size, mismatch(partial.Finish(ctx), p)
}

// mismatch gives wrong content its code.
func mismatch(err error, p *Placement) error {
	if errors.Is(err, store.ErrMismatch) {
		return wire.Errorf(wire.CodeContentMismatch, "the content sent for %q is not what its digest names", string(p.Path)).
			WithHint("send it again, or its right digest: nothing of it was kept")
	}
	return err
}

// loadFiles makes the list of a session by file of what it has put. s is
// locked.
func (s *session) loadFiles(ctx context.Context, auth Authority) error {
	prefix := string(s.id) + "/"
	var (
		l   manifest.List
		ds  []manifest.Digest
		bad error
	)
	err := s.store().View(ctx, func(tx store.Tx) error {
		return tx.Scan(fileBucket, prefix, func(key string, value []byte) bool {
			var f placed
			if bad = json.Unmarshal(value, &f); bad != nil {
				return false
			}
			l = append(l, f.entry(manifest.Path(key[len(prefix):])))
			ds = append(ds, f.Digest)
			return true
		})
	})
	if err == nil {
		err = bad
	}
	if err != nil {
		return err
	}
	held, err := s.store().Have(ctx, s.id, ds, auth.Sight())
	if err != nil {
		return err
	}
	s.list, s.listed = l, make([]listed, len(l))
	for i := range s.listed {
		s.listed[i] = listed{held: held[i], given: true}
	}
	if i := slices.Index(held, false); i >= 0 {
		err := wire.Errorf(wire.CodeIncomplete, "content of files is not here any more")
		for _, e := range l[i:min(len(l), i+20)] {
			err.Paths = append(err.Paths, strconv.Quote(string(e.Path)))
		}
		return err.WithHint("put them again")
	}
	// What was linked, or put before a restart, has not been counted yet.
	ws := make([]want, len(l))
	for i := range l {
		ws[i] = want{digest: l[i].Digest, size: l[i].Size, held: true}
	}
	return s.claim.take(ctx, 0, ws)
}

// forgetFiles drops the record of what a session by file has put.
func forgetFiles(tx store.Tx, id store.SessionID) error {
	var keys []string
	err := tx.Scan(fileBucket, string(id)+"/", func(key string, _ []byte) bool {
		keys = append(keys, key)
		return true
	})
	for _, k := range keys {
		if err != nil {
			return err
		}
		err = tx.Delete(fileBucket, k)
	}
	return err
}

// liveReader reads only as long as the token lives.
type liveReader struct {
	io.Reader
	auth Authority
}

func (r *liveReader) Read(b []byte) (int, error) {
	if err := r.auth.Live(); err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}
