package push

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// A Remote carries the requests of one session. Its implementation repeats
// them through failures of the network; sync/remote has one over HTTPS. It is
// safe for concurrent use.
type Remote interface {
	// Open sends an open frame followed by the frames in extra and calls reply
	// for each frame of the answer.
	Open(ctx context.Context, o wire.Open, extra []byte, reply func(wire.Frame) error) error
	// Exchange sends frames to a session and calls reply for each frame of
	// the answer, whose payload is valid during the call. A request may be
	// repeated, and reply see frames again.
	Exchange(ctx context.Context, session string, body []byte, reply func(wire.Frame) error) error
	// Send is Exchange without repeats: a body that is lost on the way has come in
	// part, perhaps. It calls gone, if ever, once all of the body has been handed to
	// the connection: the bytes may become others then. Of those that are under way at once
	// those of lesser rank go first.
	Send(ctx context.Context, session string, body []byte, rank int64, gone func(), reply func(wire.Frame) error) error
	// Again returns a function to be called after each failure of something. It
	// returns nil, after a while, if it may be tried again, else the error to end
	// with.
	Again() func(ctx context.Context, err error) error
	// Abandon ends a session without publishing.
	Abandon(ctx context.Context, session string) error
	// Link returns what is known of the network to the server by now, perhaps from
	// another time: the round trip time, and the rate at which it carries what is
	// sent, whatever the server makes of that. Zero is unknown.
	Link() (rtt time.Duration, bytesPerSecond float64)
}

// A Progress is told how a push gets on. Its methods may be called
// concurrently and must be quick.
type Progress interface {
	State(what string)            // a stage begins: "listing", "hashing", "sending", "committing"
	Total(files int, bytes int64) // what is to be examined
	Add(files int, bytes int64)   // that much is dealt with, sent or not
}

// Options say how to push. The zero value merges into the token's own target.
type Options struct {
	Target   manifest.Path
	Mirror   bool     // what is not pushed is removed
	Checksum bool     // compare contents, not size and mtime
	DryRun   bool     // find out, change nothing
	Aliases  []string // names beside the build that are to show it
	// Visibility is asked for the target; "" leaves it as it is.
	Visibility string
	// Bases are old files at hand; see [LocalBasis]. Attic, if not nil, has more
	// of them and keeps what is pushed.
	Bases []*LocalBasis
	Attic Attic
	// SessionHash is the SHA-256 of the session secret that the Remote sends,
	// hexadecimal.
	SessionHash string
	// Parallel is the number of windows sent at once; 0 means 2, or where a round
	// trip takes 10 ms or longer, as many as the server allows up to 8.
	Parallel int
	// Through says whether archives go by what is inside them; Spool makes the
	// temporary files that takes, each gone when it is closed. Without Spool
	// they never do.
	Through  Through
	Spool    func() (*os.File, error)
	Progress Progress
	Now      func() time.Time // the clock, to measure the link's rate
	// Event, if not nil, is told what becomes of each file as it is known.
	Event func(e Event)
}

// What became of a file.
const (
	Sent   = "sent"
	Delta  = "delta"
	Linked = "linked"
)

// An Event reports one file of a push: with DryRun, what would be done.
type Event struct {
	Path manifest.Path
	What string // Sent, Delta or Linked
}

// A Method counts what one way of sending covered.
type Method struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"` // of the files
	Sent  int64 `json:"sent"`  // bytes of the frames that carried them, before TLS
	Saved int64 `json:"saved"` // Bytes less Sent
}

// A Result tells what a push did.
type Result struct {
	Status       string        // "published", "unchanged" or "dry-run"
	Target       manifest.Path // as the server understood it
	Receipt      *wire.Receipt // nil for a dry run
	Files        int           // files and symlinks pushed, changed or not
	Bytes        int64         // of all files
	Whole        Method        // sent as they are
	Delta        Method        // as deltas of their bytes
	Archive      Method        // as deltas of what is inside them
	Linked       Method        // held by the server under another path
	FilesRemoved int
}

// ErrProtocol is the error for a server that breaks the protocol.
var ErrProtocol = errors.New("the server does not keep to the protocol")

// maxRestarts bounds how often a push begins anew because the server lost the
// list or a commit found content missing.
const maxRestarts = 8

type noProgress struct{}

func (noProgress) State(string)     {}
func (noProgress) Total(int, int64) {}
func (noProgress) Add(int, int64)   {}
