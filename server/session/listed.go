package session

import (
	"context"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// listed is what the session knows of an entry of its list.
type listed struct {
	held    bool     // its content, if it has any, is held and leased
	given   bool     // the client gave its digest, not the quick check
	short   bool     // only the beginning of its digest was given
	awaited bool     // a file of a known group whose mtime and size are to be told
	stands  standing // whether it stood at the version stoodAt
	old     *oldFile // what is published at the path of an unsettled file; nil: nothing, or it is settled
}

// oldFile is a file that was published at the path of an entry when the session
// looked.
type oldFile struct {
	size   int64
	digest manifest.Digest
	mtime  int64
}

// unsettled reports whether the client is to give the whole digest of the entry. What
// was held against the beginning of one is asked about again, so that the commit goes
// by the whole.
func (f *listed) unsettled() bool { return !f.held || f.short }

// addList takes entries first, first+1, ... and returns the bits of those that
// need a digest. Entries it has already are answered again from what it knows.
func (s *session) addList(ctx context.Context, first int, l manifest.List) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if first > len(s.list) {
		return nil, listNeeded(len(s.list))
	}
	if first+len(l) > s.rec.Entries {
		return nil, wire.Errorf(wire.CodeBadRequest, "the list has more than the %d entries announced", s.rec.Entries)
	}
	had := len(s.list)
	seen, err := s.store().Version(ctx) // what comes after it, the commit looks for
	if err == nil {
		s.saw(seen)
		err = s.extend(first, l)
	}
	if err == nil {
		err = s.settle(ctx, had)
	}
	if err != nil {
		s.shorten(had)
		return nil, err
	}
	bits := make([]byte, (len(l)+7)/8)
	for i := range l {
		f := &s.listed[first+i]
		if f.unsettled() {
			bits[i/8] |= 1 << (i % 8)
			continue
		}
		f.given = false // the client need not know the digest (any more)
	}
	return bits, nil
}

func (s *session) extend(first int, l manifest.List) error {
	if s.list == nil {
		// What was announced, as far as it costs little to be lied to.
		n := min(s.rec.Entries, 1<<18)
		s.list, s.listed = make(manifest.List, 0, n), make([]listed, 0, n)
		s.totals = totals{}
	}
	for i := range l {
		at := first + i
		if at < len(s.list) {
			if s.list[at].Path != l[i].Path {
				return wire.Errorf(wire.CodeBadRequest, "entry %d is %q now and was %q before", at, l[i].Path, s.list[at].Path)
			}
			continue
		}
		if at > 0 && s.list[at-1].Path >= l[i].Path {
			return wire.Errorf(wire.CodeBadRequest, "entry %d, %q, is out of order", at, l[i].Path)
		}
		s.list = append(s.list, l[i])
		s.listed = append(s.listed, listed{})
		s.totals.add(&l[i], 1)
	}
	return nil
}

// shorten cuts the list to its first n entries.
func (s *session) shorten(n int) {
	for i := n; i < len(s.list); i++ {
		s.totals.add(&s.list[i], -1)
	}
	s.list, s.listed = s.list[:n], s.listed[:n]
}

// forgetList has the client list again.
func (s *session) forgetList() { s.list, s.listed, s.outline, s.abridged = nil, nil, nil, false }

// settle applies the quick check to the entries from index first on: what is no
// file needs no content, and a file of the same path, size and mtime has the
// content that is published.
func (s *session) settle(ctx context.Context, first int) error {
	for i := first; i < len(s.list); i++ {
		s.listed[i].held = s.list[i].Kind != manifest.File
	}
	return s.store().Match(ctx, s.rec.Target, s.list[first:], func(i int, was manifest.Entry) error {
		e, f := &s.list[first+i], &s.listed[first+i]
		if was.SameAs(e) && !s.rec.Checksum {
			f.stands = stood
		}
		switch {
		case e.Kind != manifest.File || was.Kind != manifest.File:
		case !s.rec.Checksum && was.Size == e.Size && was.MTime == e.MTime:
			e.Digest, f.held = was.Digest, true
		default:
			f.old = &oldFile{was.Size, was.Digest, was.MTime}
		}
		return nil
	})
}

// amend replaces the entry at index i: its file changed after it was listed.
func (s *session) amend(i int, e manifest.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.list) {
		return listNeeded(len(s.list))
	}
	if s.list[i].Path != e.Path || s.list[i].Kind != e.Kind {
		return wire.Errorf(wire.CodeBadRequest, "entry %d is %q, not %q", i, s.list[i].Path, e.Path)
	}
	s.totals.add(&s.list[i], -1)
	s.totals.add(&e, 1)
	s.claim.settle(debt{i, wire.Raw})
	s.list[i] = e
	s.listed[i] = listed{held: e.Kind != manifest.File, short: s.listed[i].short, old: s.listed[i].old}
	return nil
}

// old returns what is published at the path of the unsettled file i, nil if nothing
// is.
func (s *session) old(i int) *oldFile {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.list) {
		return nil
	}
	return s.listed[i].old
}

// each returns what is of every entry of the list. s is locked.
func (s *session) each(is func(*listed) bool) []bool {
	all := make([]bool, len(s.listed))
	for i := range s.listed {
		all[i] = is(&s.listed[i])
	}
	return all
}

// setHeld records that the content of the entry at i is held, and reports
// whether it was not before.
func (s *session) setHeld(i int, d manifest.Digest) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.list) || s.list[i].Digest != d || s.listed[i].held {
		return false
	}
	s.listed[i].held = true
	return true
}

func (s *session) isHeld(i int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return i < len(s.listed) && s.listed[i].held
}

// entry returns the entry at index i.
func (s *session) entry(i int) (manifest.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.list) {
		return manifest.Entry{}, listNeeded(len(s.list))
	}
	return s.list[i], nil
}

// file returns the entry at index i, which must be a file whose digest the
// client has given.
func (s *session) file(i int) (manifest.Entry, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i >= len(s.list) {
		return manifest.Entry{}, listNeeded(len(s.list))
	}
	e := s.list[i]
	if e.Kind != manifest.File {
		return e, wire.Errorf(wire.CodeBadRequest, "entry %d, %q, is no file", i, e.Path)
	}
	if e.Digest.IsZero() {
		return e, listNeeded(len(s.list)) // the digests were lost with the list
	}
	return e, nil
}

func listNeeded(have int) error {
	err := wire.Errorf(wire.CodeListNeeded, "the server has %d entries of the list", have)
	err.Have = int64(have)
	return err
}
