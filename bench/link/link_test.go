package link

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"
)

// A queue sends at its rate, delays, and drops what does not fit.
func TestSchedule(t *testing.T) {
	now := time.Unix(1000, 0)
	// 8 Mbit/s are 1 MB/s: 1 us a byte.
	s := schedule{rate: Rate{BitsPerSecond: 8e6, Delay: 20 * time.Millisecond, QueueBytes: 3000}}
	var due []time.Duration
	for range 4 {
		at, ok := s.accept(now, 1486)
		if !ok {
			break
		}
		due = append(due, at.Sub(now))
	}
	want := []time.Duration{21500 * time.Microsecond, 23 * time.Millisecond}
	if len(due) != 2 || due[0] != want[0] || due[1] != want[1] {
		t.Fatalf("packets arrive after %v, want %v and the rest dropped", due, want)
	}
	if at, ok := s.accept(now.Add(time.Second), 986); !ok || at.Sub(now) != time.Second+21*time.Millisecond {
		t.Errorf("an idle link sends at once: got %v %v", at.Sub(now), ok)
	}
}

func TestScheduleWithoutBound(t *testing.T) {
	s := schedule{rate: Rate{Delay: time.Millisecond}}
	now := time.Unix(1, 0)
	for range 1000 {
		if at, ok := s.accept(now, 1500); !ok || at != now.Add(time.Millisecond) {
			t.Fatalf("got %v %v", at, ok)
		}
	}
}

func TestRelayCounts(t *testing.T) {
	up, down := exchange(t, func(address string) (string, func() Traffic) {
		r, err := NewRelay(address)
		if err != nil {
			t.Fatal(err)
		}
		return r.Address(), func() Traffic { r.Close(); return r.Traffic() }
	})
	if up != 100_000 || down != 7 {
		t.Errorf("counted %d up and %d down, want 100000 and 7", up, down)
	}
}

// The kernel's own count agrees, to the byte that a FIN may add.
func TestCounter(t *testing.T) {
	host := Host()
	defer host.Close()
	c, err := Count(host)
	if err != nil {
		t.Logf("not counted: %v", err)
		return
	}
	defer c.Close()
	up, down := exchange(t, func(address string) (string, func() Traffic) {
		_, port, _ := net.SplitHostPort(address)
		p, _ := net.LookupPort("tcp", port)
		return address, func() Traffic { return c.Take(p, 50*time.Millisecond) }
	})
	if up < 100_000 || up > 100_002 || down < 7 || down > 9 {
		t.Errorf("counted %d up and %d down, want 100000 and 7", up, down)
	}
}

// exchange sends 100,000 bytes to a server, which answers with 7.
func exchange(t *testing.T, through func(address string) (string, func() Traffic)) (up, down int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		_, _ = io.Copy(io.Discard, c)
		_, _ = c.Write([]byte("thanks\n"))
	}()
	address, counted := through(l.Addr().String())
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(make([]byte, 100_000)); err != nil {
		t.Fatal(err)
	}
	_ = c.(*net.TCPConn).CloseWrite()
	if _, err := io.ReadAll(c); err != nil {
		t.Fatal(err)
	}
	c.Close()
	tr := counted()
	return tr.Up, tr.Down
}

// Two namespaces reach each other with the delay asked for. Where namespaces are
// not permitted the error says so.
func TestShape(t *testing.T) {
	l, err := Shape(Rate{BitsPerSecond: 100e6, Delay: 10 * time.Millisecond})
	if err != nil {
		if !errors.Is(err, ErrNotPermitted) && os.Getuid() != 0 {
			t.Fatalf("refused without saying why: %v", err)
		}
		t.Logf("not made: %v", err)
		return
	}
	defer l.Close()
	var got net.Conn
	var rtt time.Duration
	listener := make(chan net.Listener, 1)
	if err := l.Server.Do(func() error {
		s, err := net.Listen("tcp", ServerAddress+":0")
		listener <- s
		return err
	}); err != nil {
		t.Fatal(err)
	}
	s := <-listener
	defer s.Close()
	if err := l.Client.Do(func() error {
		began := time.Now()
		var err error
		got, err = net.DialTimeout("tcp", s.Addr().String(), 5*time.Second)
		rtt = time.Since(began)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	got.Close()
	if rtt < 19*time.Millisecond {
		t.Errorf("connected after %v on a link of 20 ms", rtt)
	}
}
