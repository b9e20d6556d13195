package server

import (
	"io"
	"net/http"
	"time"
)

// Pace bounds how slowly a request body may come in.
type Pace struct {
	Rate  int64         // least bytes per second on average once Grace is over; 0: no bound
	Grace time.Duration // how long a body may fall behind
}

// body returns the request's body, bounded in size and pace.
func (s *Server) body(w http.ResponseWriter, r *http.Request) io.Reader {
	return s.paced(w, http.MaxBytesReader(w, r.Body, s.cfg.Limits.Body))
}

// paced bounds the pace of a body only. What it may hold is the caller's to
// check before it reads.
func (s *Server) paced(w http.ResponseWriter, body io.Reader) io.Reader {
	if s.cfg.Pace.Rate == 0 {
		return body
	}
	return &pacedReader{r: body, pace: s.cfg.Pace, now: s.cfg.Now, deadline: http.NewResponseController(w).SetReadDeadline}
}

// pacedReader cuts a body off that falls behind its pace. Only the time spent
// waiting for the client counts.
type pacedReader struct {
	r        io.Reader
	pace     Pace
	now      func() time.Time
	deadline func(time.Time) error
	bytes    int64
	waited   time.Duration
}

func (p *pacedReader) Read(b []byte) (int, error) {
	allowed := p.pace.Grace + time.Duration(float64(p.bytes)/float64(p.pace.Rate)*float64(time.Second))
	began := p.now()
	// Connections that take no deadline (tests, odd proxies) are read as they are.
	_ = p.deadline(began.Add(allowed - p.waited))
	n, err := p.r.Read(b)
	p.waited += p.now().Sub(began)
	p.bytes += int64(n)
	if err == io.EOF {
		// What comes next on the connection is another matter. A body that was
		// cut off leaves the deadline as it is: nothing more is read.
		_ = p.deadline(time.Time{})
	}
	return n, err
}
