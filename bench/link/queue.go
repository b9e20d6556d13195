package link

import "time"

// Rate is what a direction of a link may carry.
type Rate struct {
	// BitsPerSecond is the rate of packets, IP headers and 14 bytes of Ethernet
	// header each included. 0 is no bound.
	BitsPerSecond float64
	// Delay is how long a packet travels once it is sent: half the round trip.
	Delay time.Duration
	// QueueBytes is how much may wait to be sent; what finds the queue full is
	// dropped. 0 is one bandwidth-delay product of the round trip, at least 64 KiB.
	QueueBytes int
}

// ethernetHeader is counted for each packet, as on the links that are imitated.
const ethernetHeader = 14

func (r Rate) queue() float64 {
	if r.QueueBytes > 0 {
		return float64(r.QueueBytes)
	}
	return max(r.BitsPerSecond/8*(2*r.Delay).Seconds(), 64<<10)
}

// schedule is the queue of one direction as a calculation: it knows until when the
// link is busy, and so when a packet that comes now would arrive, and whether the
// queue holds it at all. It is not safe for concurrent use.
type schedule struct {
	rate Rate
	busy time.Time // when the last accepted packet has left
}

// accept says when a packet of n bytes that came at now arrives; false if the
// queue is full and it is lost.
func (s *schedule) accept(now time.Time, n int) (time.Time, bool) {
	if s.rate.BitsPerSecond <= 0 {
		return now.Add(s.rate.Delay), true
	}
	if s.busy.Before(now) {
		s.busy = now
	}
	waiting := s.busy.Sub(now).Seconds() * s.rate.BitsPerSecond / 8
	if waiting+float64(n) > s.rate.queue() {
		return time.Time{}, false
	}
	onTheWire := float64(n+ethernetHeader) * 8 / s.rate.BitsPerSecond
	s.busy = s.busy.Add(time.Duration(onTheWire * float64(time.Second)))
	return s.busy.Add(s.rate.Delay), true
}
