package wire

import (
	"encoding/binary"
	"fmt"
	"io"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
)

// Version is the protocol version that this package speaks.
const Version = 1

// SessionsPath is where sessions are opened; those open lie below it.
const SessionsPath = "/v1/sessions"

// OwnSession stands for the name of a session in URLs: that which the two credentials
// of the request are of, unless it is a dry run.
const OwnSession = "-"

// ContentType is the media type of bodies made of frames, whose senders may leave it
// out.
const ContentType = "application/vnd.pubsync.frames"

// SessionHeader carries the session secret on every request of a session.
const SessionHeader = "Pubsync-Session"

// How a push treats what is under its target already.
const (
	Merge  = "merge"  // add and update
	Mirror = "mirror" // the target ends up exactly as pushed
)

// How visible what is published is.
const (
	VisibilityPrivate  = "private"  // to those with leave to read
	VisibilityLicensed = "licensed" // to whoever accepts the licence of the type
	VisibilityPublic   = "public"   // to anybody
)

// Open asks for a session: the JSON body of POST /v1/sessions, or what an
// [FrameOpen] frame there says.
type Open struct {
	Version     int             `json:"version"`
	SessionHash string          `json:"session_hash"`         // 64 hexadecimal digits: SHA-256 of the session secret
	Target      manifest.Path   `json:"target,omitempty"`     // "" is the token's own target
	Mode        string          `json:"mode,omitempty"`       // Merge if ""
	Entries     int             `json:"entries"`              // in the list to come
	Files       int             `json:"files"`                // of them no directories
	Bytes       int64           `json:"bytes"`                // of all files
	TreeDigest  manifest.Digest `json:"tree_digest"`          // of the list to come; zero where that follows the frame whole
	Checksum    bool            `json:"checksum,omitempty"`   // no quick check: every digest is compared
	DryRun      bool            `json:"dry_run,omitempty"`    // ask only: nothing is bound, spent or published
	Visibility  string          `json:"visibility,omitempty"` // of the target, from the commit on: VisibilityPrivate, ...; "": as it is
	ByFile      bool            `json:"by_file,omitempty"`    // no list is to come: single files are put, see the package comment
	Aliases     []string        `json:"aliases,omitempty"`    // names beside the build that the commit is to move to it
}

// What became of an open.
const (
	StatusOpen      = "open"      // the session takes requests
	StatusUnchanged = "unchanged" // the tree is published already: nothing to do, nothing spent
	StatusPublished = "published" // this session has committed before: its receipt again
)

// Opened answers [Open].
type Opened struct {
	Status  string        `json:"status"`
	Session string        `json:"session,omitempty"` // names the session in URLs; no secret. "" in a frame: OwnSession does
	Target  manifest.Path `json:"target"`
	Limits  Limits        `json:"limits"`
	Empty   bool          `json:"empty,omitempty"` // nothing is published under the target
	Receipt *Receipt      `json:"receipt,omitempty"`
	// TreeDigest, with StatusPublished, is that of the tree the session
	// published: another than the one just asked for means that the client
	// needs a new session secret.
	TreeDigest manifest.Digest `json:"tree_digest,omitzero"`
}

// Limits are what the server accepts; a proxy before it may accept less. Those that are
// usual are not told in a frame.
type Limits struct {
	Body     int64 `json:"body"`     // bytes of a request's body
	Parallel int   `json:"parallel"` // requests of a session at once
	Archives int   `json:"archives"` // archives that are taken apart or rebuilt at once
}

// UsualLimits are those of an opened frame that tells none.
func UsualLimits() Limits { return Limits{Body: 8 << 20, Parallel: 8, Archives: 2} }

// Commit asks to publish: what a [FrameCommit] frame says, or the JSON body of
// POST /v1/sessions/ID/commit.
type Commit struct {
	ManifestDigest manifest.Digest `json:"manifest_digest"`
	// Short has only the first [AnnouncedBytes] of the digest told, which do where
	// the list and all digests were given whole: then the digest tells no more than
	// that both mean the same session.
	Short bool `json:"-"`
	// IfComplete makes a commit that lacks content answer with a
	// [FrameIncomplete] after the other answers instead of failing the
	// request: it lets a commit ride on a request before the client knows
	// that nothing is missing.
	IfComplete bool `json:"if_complete,omitempty"`
}

// AnnouncedBytes is how much of a manifest digest a short commit tells.
const AnnouncedBytes = 8

// Announces reports whether d is the digest that the commit announces.
func (c *Commit) Announces(d manifest.Digest) bool {
	if c.Short {
		return [AnnouncedBytes]byte(d[:]) == [AnnouncedBytes]byte(c.ManifestDigest[:])
	}
	return d == c.ManifestDigest
}

// Headers of a file that is put into a session by file. Those of the mode and
// the time are the ones that files are read with.
const (
	DigestHeader = "X-Pubsync-Digest" // 64 hexadecimal digits: SHA-256 of the whole file
	ModeHeader   = "X-Pubsync-Mode"   // permission bits, octal; 644 if absent
	MTimeHeader  = "X-Pubsync-Mtime"  // nanoseconds since the Unix epoch; now if absent
)

// Placed answers the putting of a file into a session by file.
type Placed struct {
	Path   manifest.Path   `json:"path"`
	Digest manifest.Digest `json:"digest"`
	Size   int64           `json:"size"`             // of the whole file
	Staged int64           `json:"staged,omitempty"` // bytes here, if more is to come
}

// A Receipt tells what a publication did.
type Receipt struct {
	Publication    int64           `json:"publication"`
	Target         manifest.Path   `json:"target"`
	Time           time.Time       `json:"time"`
	Entries        int             `json:"entries"` // in the list
	Added          int             `json:"added"`   // entries
	Replaced       int             `json:"replaced"`
	Removed        int             `json:"removed"`
	ManifestDigest manifest.Digest `json:"manifest_digest"`
	URL            string          `json:"url,omitempty"` // where people read it
}

// PublishedURL returns the URL at which people read what is published under a path by
// the server at base, "https://HOST" perhaps with more.
func PublishedURL(base string, p manifest.Path) string {
	return base + "/files/" + p.Escape() + "/"
}

// A Profile is the client's part of a build type: which files a push of it
// takes and how.
type Profile struct {
	Include []string `json:"include,omitempty"` // globs; none: everything
	Exclude []string `json:"exclude,omitempty"` // globs
	Strip   int      `json:"strip,omitempty"`   // leading components dropped
	Flatten bool     `json:"flatten,omitempty"` // only the last component kept
	Mode    string   `json:"mode,omitempty"`    // Merge or Mirror
}

// ReadOpen reads the open frame at the front of a body, byte by byte no further
// than its end, and returns its payload, at most 64 KiB.
func ReadOpen(body io.Reader) ([]byte, error) {
	r := byteByByte{body}
	t, err := r.ReadByte()
	if err != nil {
		return nil, cutShort(err)
	}
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, cutShort(err)
	}
	if FrameType(t) != FrameOpen || n > maxOpen {
		return nil, fmt.Errorf("%w: a body here begins with an open frame of at most %d bytes", ErrBadFrame, maxOpen)
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(body, b); err != nil {
		return nil, cutShort(err)
	}
	return b, nil
}

const maxOpen = 64 << 10

// ReadList reads a list frame off a body, byte by byte no further than its end, and
// returns what it has read, from which the body is to be read again, and the entries.
// There are none where another frame follows, one of more than 64 KiB, or one that is no
// list of at most max entries from the first on, and at the end of the body.
func ReadList(body io.Reader, max int) (read []byte, l manifest.List, err error) {
	r := byteByByte{body}
	t, err := r.ReadByte()
	if err == io.EOF {
		return nil, nil, nil
	}
	if err != nil || FrameType(t) != FrameList {
		return []byte{t}, nil, err
	}
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, nil, cutShort(err)
	}
	read = binary.AppendUvarint([]byte{t}, n)
	if n > maxOpen {
		return read, nil, nil
	}
	payload := make([]byte, n)
	if _, err := io.ReadFull(body, payload); err != nil {
		return nil, nil, cutShort(err)
	}
	if first, entries, err := ParseList(payload, max); err == nil && first == 0 {
		l = entries
	}
	return append(read, payload...), l, nil
}

type byteByByte struct{ io.Reader }

func (b byteByByte) ReadByte() (byte, error) {
	var c [1]byte
	_, err := io.ReadFull(b.Reader, c[:])
	return c[0], err
}
