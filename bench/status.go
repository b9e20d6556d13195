package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// status is the progress: one line that is written again on a terminal, a line for
// each thing elsewhere.
type status struct {
	w        io.Writer
	terminal bool
	began    time.Time

	mu          sync.Mutex
	done, total int
	shown       bool
}

func newStatus(w *os.File) *status {
	return &status{w: w, terminal: term.IsTerminal(int(w.Fd())), began: time.Now()}
}

// expect says how many steps there will be.
func (s *status) expect(total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done, s.total, s.began = 0, total, time.Now()
}

// step says that a step begins.
func (s *status) step(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	what := fmt.Sprintf(format, args...)
	if !s.terminal {
		fmt.Fprintf(s.w, "%3d/%d %6s %s\n", s.done+1, s.total, s.elapsed(), what)
		s.done++
		return
	}
	fmt.Fprintf(s.w, "\r\x1b[K%s %d/%d %s%s %s", bar(s.done, s.total, 24), s.done+1, s.total, s.elapsed(), s.left(), clip(what, 70))
	s.shown = true
	s.done++
}

func (s *status) elapsed() string { return time.Since(s.began).Round(time.Second).String() }

// left guesses the time to go from the steps so far.
func (s *status) left() string {
	if s.done < 3 || s.total <= s.done {
		return ""
	}
	each := time.Since(s.began) / time.Duration(s.done)
	return ", " + (each * time.Duration(s.total-s.done)).Round(time.Second).String() + " to go"
}

// note tells something on a line of its own.
func (s *status) note(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	fmt.Fprintln(s.w, what)
}

func (s *status) notef(format string, args ...any) { s.note(fmt.Sprintf(format, args...)) }

func (s *status) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
}

func (s *status) clear() {
	if s.shown {
		fmt.Fprint(s.w, "\r\x1b[K")
		s.shown = false
	}
}

func bar(done, total, width int) string {
	if total < 1 {
		return ""
	}
	full := min(done*width/total, width)
	b := make([]byte, width)
	for i := range b {
		b[i] = '.'
		if i < full {
			b[i] = '#'
		}
	}
	return "[" + string(b) + "]"
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n-3] + "..."
}
