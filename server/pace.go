package server

import (
	"bytes"
	"io"
	"net/http"
	"sync"
	"time"
)

// Pace bounds how slowly the body of a request may come in, and that of an
// answer be taken.
type Pace struct {
	Rate  int64         // least bytes per second on average; 0: no bound
	Grace time.Duration // how far behind that it may fall
}

// clocked is how far one direction of a connection may still fall behind its
// pace. Only the time spent waiting for the client counts, and being fast for a
// while is no leave to stop for longer than the grace.
type clocked struct {
	pace   Pace
	now    func() time.Time
	credit time.Duration
}

// worth is how long n bytes may take.
func (c *clocked) worth(n int) time.Duration {
	return time.Duration(float64(n) / float64(c.pace.Rate) * float64(time.Second))
}

// spend takes what moving n bytes took off the credit.
func (c *clocked) spend(n int, waited time.Duration) {
	c.credit = min(c.pace.Grace, c.credit+c.worth(n)-waited)
}

// pacedReader cuts a body off that comes in too slowly.
type pacedReader struct {
	io.ReadCloser
	clocked
	deadline func(time.Time) error

	mu      sync.Mutex // guards the deadline
	stopped bool
}

// stop ends reading at once. It may be called by others than the reader.
func (p *pacedReader) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	_ = p.deadline(time.Unix(1, 0))
}

// until sets the deadline unless reading was ended.
func (p *pacedReader) until(t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.stopped {
		// Connections that take no deadline (tests, odd proxies) are read as they are.
		_ = p.deadline(t)
	}
}

func (p *pacedReader) Read(b []byte) (int, error) {
	began := p.now()
	p.until(began.Add(p.credit))
	n, err := p.ReadCloser.Read(b)
	p.spend(n, p.now().Sub(began))
	if err == io.EOF {
		// What comes next on the connection is another matter. A body that was
		// cut off leaves the deadline as it is: nothing more is read.
		p.until(time.Time{})
	}
	return n, err
}

// pacedWriter cuts an answer off that is taken too slowly.
type pacedWriter struct {
	http.ResponseWriter
	clocked
	deadline func(time.Time) error
}

// Unwrap is for [http.ResponseController].
func (p *pacedWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }

func (p *pacedWriter) Write(b []byte) (int, error) {
	began := p.now()
	_ = p.deadline(began.Add(p.credit + p.worth(len(b))))
	n, err := p.ResponseWriter.Write(b)
	p.spend(n, p.now().Sub(began))
	return n, err
}

// finish bounds the writing of what is buffered still.
func (p *pacedWriter) finish() { _ = p.deadline(p.now().Add(p.pace.Grace)) }

// paced has the body of a request come in, and the answer go out, at the
// server's pace. Call done when the request is answered.
func (s *Server) paced(w http.ResponseWriter, r *http.Request) (pw http.ResponseWriter, done func()) {
	pace := s.cfg.Pace
	if pace.Rate == 0 {
		return w, func() {}
	}
	control := http.NewResponseController(w)
	// What the answer before left behind.
	_ = control.SetWriteDeadline(time.Time{})
	c := clocked{pace: pace, now: s.cfg.Now, credit: pace.Grace}
	r.Body = &pacedReader{ReadCloser: r.Body, clocked: c, deadline: control.SetReadDeadline}
	p := &pacedWriter{w, c, control.SetWriteDeadline}
	return p, p.finish
}

// body returns the request's body, bounded in size.
func (s *Server) body(w http.ResponseWriter, r *http.Request) stoppable {
	if p, ok := w.(*pacedWriter); ok {
		w = p.ResponseWriter // that MaxBytesReader knows, to close the connection
	}
	b := stoppable{Reader: http.MaxBytesReader(w, r.Body, s.cfg.Limits.Body)}
	if p, ok := r.Body.(*pacedReader); ok {
		b.stop = p.stop
	} else {
		control := http.NewResponseController(w)
		b.stop = func() { _ = control.SetReadDeadline(time.Unix(1, 0)) }
	}
	return b
}

// stoppable is a body that implements [session.Stopper]: to be stopped is to have
// come too slowly.
type stoppable struct {
	io.Reader
	stop func()
}

func (b stoppable) Stop() { b.stop() }

// after returns the body with something before it.
func (b stoppable) after(front []byte) stoppable {
	return stoppable{io.MultiReader(bytes.NewReader(front), b.Reader), b.stop}
}
