package progress

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

const (
	drawEvery = 100 * time.Millisecond // on a terminal
	logEvery  = 10 * time.Second
)

// Options says where and how to show progress.
type Options struct {
	// Out is written to, usually standard error. It is written to by one
	// goroutine at a time, whole lines or one redraw a call; errors are ignored.
	Out io.Writer
	// Silent shows nothing at all, Printf included: --quiet.
	Silent bool
	// Warnings shows what Printf is given and nothing else: --json.
	Warnings bool
	// Terminal redraws one line in place; otherwise whole lines are written.
	Terminal bool
	// Width returns the terminal's width in columns, asked before each draw;
	// nil or a result below 20 means 80.
	Width func() int
	// Now is the clock. It must not be nil unless Silent or Warnings.
	Now func() time.Time
	// Verb begins every line: "push", "pull".
	Verb string
}

// A Display shows the progress of one transfer. All methods are safe for
// concurrent use and cheap enough to call for every block: they draw at most
// ten times a second on a terminal, and in a log at most one line in 10 s apart
// from changes of state.
type Display struct {
	o Options

	mu    sync.Mutex
	count counts
	speed meter
	what  string
	last  time.Time // of the last draw or log line
	shown int       // columns of the line on the terminal
	done  bool
}

// New returns a display that has written nothing yet.
func New(o Options) *Display { return &Display{o: o} }

// State says what is going on: "listing", "hashing", "sending", "committing".
// A change is shown at once, in a log as a line of its own. Counts go on; the
// rate and the time left begin anew.
func (d *Display) State(what string) {
	d.update(func(now time.Time) bool {
		if what == d.what {
			return false
		}
		d.what, d.speed = what, meter{}
		d.speed.add(now, d.count.bytes)
		return true
	})
}

// Total sets what is to be done in all. Zero or less means not known.
func (d *Display) Total(files int, bytes int64) {
	d.update(func(time.Time) bool {
		d.count.allFiles, d.count.allBytes = files, bytes
		return false
	})
}

// Add counts what has been done. Either may be zero or negative.
func (d *Display) Add(files int, bytes int64) {
	d.update(func(now time.Time) bool {
		d.count.files += files
		d.count.bytes += bytes
		d.speed.add(now, d.count.bytes)
		return false
	})
}

// Tick draws again if it is time to. Call it now and then, so that the rate
// falls while nothing arrives.
func (d *Display) Tick() { d.Add(0, 0) }

// update changes the display's values and shows them if the change says so, or
// if the last time is long enough ago.
func (d *Display) update(change func(now time.Time) bool) {
	if d.o.Silent || d.o.Warnings {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.o.Now()
	at, every := change(now), logEvery
	if d.o.Terminal {
		every = drawEvery
	}
	if d.done || d.what == "" || !at && now.Sub(d.last) < every {
		return
	}
	d.last = now
	if d.o.Terminal {
		d.draw()
		return
	}
	fmt.Fprintf(d.o.Out, "%s: %s\n", d.o.Verb, strings.Join(d.fields(), ", "))
}

// fields returns the parts of a line.
func (d *Display) fields() []string {
	f := append([]string{d.what}, d.count.fields()...)
	return append(f, d.speed.fields(&d.count)...)
}

// draw writes the line over the one before. It pads with spaces rather than
// erase with an escape sequence, which not every console knows.
func (d *Display) draw() {
	line := layout(d.o.Verb+": "+strings.Join(d.fields(), "  "), &d.count, d.width()-1)
	n := utf8.RuneCountInString(line)
	fmt.Fprintf(d.o.Out, "\r%s%s", line, strings.Repeat(" ", max(d.shown-n, 0)))
	d.shown = n
}

func (d *Display) width() int {
	if d.o.Width != nil {
		if w := d.o.Width(); w >= 20 {
			return w
		}
	}
	return 80
}

// erase returns what clears the line.
func (d *Display) erase() string {
	if d.shown == 0 {
		return ""
	}
	s := "\r" + strings.Repeat(" ", d.shown) + "\r"
	d.shown = 0
	return s
}

// Printf writes a line of its own (a newline is added), above the progress
// line on a terminal. Names in it must have gone through [Escape].
func (d *Display) Printf(format string, args ...any) {
	if d.o.Silent {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	redraw := d.shown > 0 && !d.done
	fmt.Fprintf(d.o.Out, "%s%s\n", d.erase(), fmt.Sprintf(format, args...))
	if redraw {
		d.draw()
	}
}

// Done erases the progress line on a terminal; nothing but Printf's lines is
// written after it. In a log it writes nothing. It may be called again.
func (d *Display) Done() {
	if d.o.Silent {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if s := d.erase(); s != "" {
		io.WriteString(d.o.Out, s)
	}
	d.done = true
}

// Writer returns a writer whose bytes are counted by Add(0, n); for
// [io.TeeReader] and [io.MultiWriter]. It never fails.
func (d *Display) Writer() io.Writer { return counter{d} }

type counter struct{ d *Display }

func (c counter) Write(p []byte) (int, error) {
	c.d.Add(0, int64(len(p)))
	return len(p), nil
}
