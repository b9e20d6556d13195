package load

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"
)

// Load is what to ask for.
type Load struct {
	Address     string // host and port
	TLS         *tls.Config
	Connections int
	// Requests is how many to make in all; For bounds the time. Whichever ends first.
	Requests int
	For      time.Duration
	Method   string // "HEAD" or "GET"
	// Header is lines of header fields beside Host, each ended by CR and LF.
	Header string
	// Path gives the path of the n-th request; it is called from several goroutines.
	Path func(n int) string
}

// Result is what was answered.
type Result struct {
	Requests    int
	Bytes       int64 // of bodies
	Wall        time.Duration
	P50, P99    time.Duration // of one request, from its first byte to the answer's last
	Handshake   time.Duration // the median, TCP and TLS
	Connections int
}

// PerSecond is the rate of requests.
func (r Result) PerSecond() float64 { return float64(r.Requests) / r.Wall.Seconds() }

// BytesPerSecond is the rate of bodies.
func (r Result) BytesPerSecond() float64 { return float64(r.Bytes) / r.Wall.Seconds() }

// ErrStatus says that an answer was not 200.
var ErrStatus = errors.New("load: an answer was not 200")

// Run makes the requests. Any failure ends it: a server that refuses under load has
// not served it.
func Run(ctx context.Context, l Load) (Result, error) {
	ctx, stop := context.WithTimeout(ctx, l.For)
	defer stop()
	var (
		mu    sync.Mutex
		next  int
		fail  error
		all   []time.Duration
		hands []time.Duration
		r     = Result{Connections: l.Connections}
		wg    sync.WaitGroup
	)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		if next >= l.Requests || fail != nil || ctx.Err() != nil {
			return 0, false
		}
		next++
		return next - 1, true
	}
	began := time.Now()
	for range l.Connections {
		wg.Go(func() {
			w, err := dial(l)
			if err == nil {
				defer w.conn.Close()
				err = w.work(l, take)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil && fail == nil {
				fail = err
			}
			if w != nil {
				all, hands, r.Bytes = append(all, w.took...), append(hands, w.handshake), r.Bytes+w.bytes
			}
		})
	}
	wg.Wait()
	r.Wall, r.Requests = time.Since(began), len(all)
	if fail == nil && len(all) == 0 {
		fail = errors.New("load: no request was answered in time")
	}
	r.P50, r.P99, r.Handshake = quantile(all, 0.5), quantile(all, 0.99), quantile(hands, 0.5)
	return r, fail
}

func quantile(d []time.Duration, q float64) time.Duration {
	if len(d) == 0 {
		return 0
	}
	slices.Sort(d)
	return d[int(q*float64(len(d)-1))]
}

// worker is one connection.
type worker struct {
	conn      net.Conn
	in        *bufio.Reader
	handshake time.Duration
	took      []time.Duration
	bytes     int64
	out       []byte
}

func dial(l Load) (*worker, error) {
	began := time.Now()
	c, err := tls.DialWithDialer(&net.Dialer{Timeout: 10 * time.Second}, "tcp", l.Address, l.TLS)
	if err != nil {
		return nil, fmt.Errorf("load: %w", err)
	}
	return &worker{conn: c, in: bufio.NewReaderSize(c, 256<<10), handshake: time.Since(began)}, nil
}

func (w *worker) work(l Load, take func() (int, bool)) error {
	for {
		n, ok := take()
		if !ok {
			return nil
		}
		began := time.Now()
		w.out = append(w.out[:0], l.Method...)
		w.out = append(append(w.out, ' '), l.Path(n)...)
		w.out = append(append(w.out, " HTTP/1.1\r\nHost: "...), l.Address...)
		w.out = append(append(append(w.out, "\r\n"...), l.Header...), "\r\n"...)
		if _, err := w.conn.Write(w.out); err != nil {
			return fmt.Errorf("load: %w", err)
		}
		body, err := answer(w.in, l.Method == "HEAD")
		if err != nil {
			return fmt.Errorf("%s %s: %w", l.Method, l.Path(n), err)
		}
		w.bytes += body
		w.took = append(w.took, time.Since(began))
	}
}
