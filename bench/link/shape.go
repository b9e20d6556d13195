package link

import (
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// Addresses of the two ends of a shaped link.
const (
	ClientAddress = "192.0.2.1"
	ServerAddress = "192.0.2.2"
)

// Link is two namespaces joined by a shaped pair of devices.
type Link struct {
	Client, Server *Space

	up, down *direction
	files    []*os.File
	wg       sync.WaitGroup
}

// Shape makes a link that has the given rate in each direction. Close it.
func Shape(r Rate) (*Link, error) {
	l := &Link{}
	for _, end := range []struct {
		space  **Space
		device string
		addr   string
	}{{&l.Client, "pubc", ClientAddress + "/30"}, {&l.Server, "pubs", ServerAddress + "/30"}} {
		s, err := NewSpace()
		if err != nil {
			l.Close()
			return nil, err
		}
		*end.space = s
		f, err := openTUN(s, end.device, end.addr)
		if err != nil {
			l.Close()
			return nil, err
		}
		l.files = append(l.files, f)
	}
	l.up = newDirection(l.files[0], l.files[1], r)
	l.down = newDirection(l.files[1], l.files[0], r)
	for _, d := range []*direction{l.up, l.down} {
		l.wg.Go(d.read)
		l.wg.Go(d.write)
	}
	return l, nil
}

// SetRate changes both directions from the next packet on.
func (l *Link) SetRate(r Rate) {
	l.up.rate.Store(&r)
	l.down.rate.Store(&r)
}

// Dropped is how many packets found a queue full, since the link was made.
func (l *Link) Dropped() (up, down int64) { return l.up.dropped.Load(), l.down.dropped.Load() }

// Close takes the link down. What runs in its namespaces must have been ended.
func (l *Link) Close() {
	for _, f := range l.files {
		f.Close()
	}
	l.wg.Wait()
	for _, s := range []*Space{l.Client, l.Server} {
		if s != nil {
			s.Close()
		}
	}
}

// direction moves packets one way.
type direction struct {
	from, to *os.File
	rate     atomic.Pointer[Rate]
	queue    chan packet
	free     sync.Pool
	dropped  atomic.Int64
}

type packet struct {
	b   *[]byte
	due time.Time
}

// mostPackets bounds the packets on their way, so that reading stops rather than
// memory grow if the queue's rule were wrong: 10 MB of full packets.
const mostPackets = 1 << 16

func newDirection(from, to *os.File, r Rate) *direction {
	d := &direction{from: from, to: to, queue: make(chan packet, mostPackets)}
	d.rate.Store(&r)
	d.free.New = func() any { b := make([]byte, 0, MTU); return &b }
	return d
}

func (d *direction) read() {
	defer close(d.queue)
	var s schedule
	buf := make([]byte, 64<<10)
	for {
		n, err := d.from.Read(buf)
		if err != nil {
			return
		}
		s.rate = *d.rate.Load()
		due, ok := s.accept(time.Now(), n)
		if !ok {
			d.dropped.Add(1)
			continue
		}
		b := d.free.Get().(*[]byte)
		*b = append((*b)[:0], buf[:n]...)
		d.queue <- packet{b, due}
	}
}

// early is how much before its time a packet is sent rather than slept for: timers
// are no finer than this.
const early = 100 * time.Microsecond

func (d *direction) write() {
	for p := range d.queue {
		if wait := time.Until(p.due); wait > early {
			time.Sleep(wait)
		}
		// A packet that the device refuses is lost, as on any link.
		_, _ = d.to.Write(*p.b)
		d.free.Put(p.b)
	}
}
