package soak

import (
	"context"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Faults say what a proxy does to the connections that go through it. The zero
// value does nothing.
type Faults struct {
	// Delay is the longest that a piece is held up; one in 32 is.
	Delay time.Duration
	// Drop is the share of connections that are cut: half of them on the way
	// up, half when an answer comes down.
	Drop float64
	// Reach is about how many bytes upward a cut connection lives.
	Reach int64
}

// proxy passes connections on to a server, counts the bytes going up and does
// harm by a plan drawn from its seed.
type proxy struct {
	ln     net.Listener
	to     string
	faults Faults
	seed   uint64
	up     atomic.Int64
	doomed atomic.Uint64 // connections cut
	wg     sync.WaitGroup

	mu    sync.Mutex
	conns map[net.Conn]bool
	made  uint64
	at    int64  // of up, when hit is called
	hit   func() // nil: nothing waits
}

func newProxy(to string, f Faults, seed uint64) (*proxy, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	p := &proxy{ln: ln, to: to, faults: f, seed: seed, conns: map[net.Conn]bool{}}
	p.wg.Go(p.serve)
	return p, nil
}

func (p *proxy) url() string { return "https://" + p.ln.Addr().String() }

// sent returns the bytes that came from builders so far.
func (p *proxy) sent() int64 { return p.up.Load() }

// when has f called once, when n bytes have come up in all. The function it
// returns calls that off.
func (p *proxy) when(n int64, f func()) (off func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at, p.hit = n, f
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.hit = nil
	}
}

// cuts returns how many connections were cut so far.
func (p *proxy) cuts() uint64 { return p.doomed.Load() }

func (p *proxy) count(n int) {
	total := p.up.Add(int64(n))
	p.mu.Lock()
	f := p.hit
	if f == nil || total < p.at {
		p.mu.Unlock()
		return
	}
	p.hit = nil
	p.mu.Unlock()
	f()
}

func (p *proxy) close() {
	p.ln.Close()
	p.mu.Lock()
	for c := range p.conns {
		c.Close()
	}
	p.mu.Unlock()
	p.wg.Wait()
}

func (p *proxy) serve() {
	for {
		c, err := p.ln.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		p.made++
		rng := rand.New(rand.NewPCG(p.seed, p.made))
		p.mu.Unlock()
		p.wg.Go(func() { p.pass(c, rng) })
	}
}

// A fate is when a connection is cut: after so many bytes up, or with the first
// piece that comes down after them; -1: never.
type fate struct{ up, down int64 }

func (f Faults) fate(rng *rand.Rand) fate {
	if rng.Float64() >= f.Drop {
		return fate{-1, -1}
	}
	after := rng.Int64N(max(2*f.Reach, 1))
	if rng.IntN(2) == 0 {
		return fate{after, -1}
	}
	return fate{-1, after}
}

func (p *proxy) track(c net.Conn, on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if on {
		p.conns[c] = true
	} else {
		delete(p.conns, c)
	}
}

func (p *proxy) pass(client net.Conn, rng *rand.Rand) {
	defer client.Close()
	d := net.Dialer{Timeout: 5 * time.Second}
	server, err := d.DialContext(context.Background(), "tcp", p.to)
	if err != nil {
		return
	}
	defer server.Close()
	for _, c := range []net.Conn{client, server} {
		p.track(c, true)
		defer p.track(c, false)
	}
	f := p.faults.fate(rng)
	var up atomic.Int64
	upward := func(n int) bool {
		p.count(n)
		total := up.Add(int64(n))
		return f.up >= 0 && total > f.up
	}
	downward := func(int) bool { return f.down >= 0 && up.Load() > f.down }
	cut := func() { p.doomed.Add(1); client.Close(); server.Close() }
	held := [2]func(){p.faults.hold(rng.Uint64()), p.faults.hold(rng.Uint64())}
	var both sync.WaitGroup
	both.Go(func() { pump(server, client, held[0], upward, cut) })
	both.Go(func() { pump(client, server, held[1], downward, cut) })
	both.Wait()
}

// hold returns what holds a piece up.
func (f Faults) hold(seed uint64) func() {
	rng := rand.New(rand.NewPCG(seed, 0))
	return func() {
		if f.Delay > 0 && rng.IntN(32) == 0 {
			time.Sleep(time.Duration(rng.Int64N(int64(f.Delay))))
		}
	}
}

// pump copies until an end, or until doomed says that the piece that came is
// where the connection is cut: that piece is lost.
func pump(to, from net.Conn, hold func(), doomed func(n int) bool, cut func()) {
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			if doomed(n) {
				cut()
				return
			}
			hold()
			if _, werr := to.Write(buf[:n]); werr != nil {
				io.Copy(io.Discard, from) // the other way goes on to its end
				return
			}
		}
		if err != nil {
			if t, ok := to.(*net.TCPConn); ok {
				t.CloseWrite()
			}
			return
		}
	}
}
