package progress

import (
	"io"
	"time"
)

// Options says where and how to show progress.
type Options struct {
	// Out is written to, usually standard error. It is written to by one
	// goroutine at a time; errors are ignored.
	Out io.Writer
	// Silent shows nothing at all: --quiet, --json.
	Silent bool
	// Terminal redraws one line in place; otherwise whole lines are written.
	Terminal bool
	// Width returns the terminal's width in columns, asked before each draw;
	// nil or a result below 20 means 80.
	Width func() int
	// Now is the clock. It must not be nil unless Silent.
	Now func() time.Time
	// Verb begins every line: "push", "pull".
	Verb string
}

// A Display shows the progress of one transfer. All methods are safe for
// concurrent use and cheap enough to call for every block: they draw at most
// ten times a second on a terminal, and in a log at most one line in 10 s apart
// from changes of state.
type Display struct{}

// New returns a display that has written nothing yet.
func New(o Options) *Display { return &Display{} }

// State says what is going on: "listing", "hashing", "sending", "committing".
// A change is shown at once, in a log as a line of its own. Counts go on; the
// rate and the time left begin anew.
func (d *Display) State(what string) {}

// Total sets what is to be done in all. Zero or less means not known.
func (d *Display) Total(files int, bytes int64) {}

// Add counts what has been done. Either may be zero or negative.
func (d *Display) Add(files int, bytes int64) {}

// Printf writes a line of its own (a newline is added), above the progress
// line on a terminal. Names in it must have gone through [Escape].
func (d *Display) Printf(format string, args ...any) {}

// Done erases the progress line on a terminal; nothing is drawn after it. In a
// log it writes nothing. It may be called again.
func (d *Display) Done() {}

// Writer returns a writer whose bytes are counted by Add(0, n); for
// [io.TeeReader] and [io.MultiWriter]. It never fails.
func (d *Display) Writer() io.Writer { return io.Discard }
