package push

import (
	"sync"
	"time"
)

// A push may spend allowance on archives beyond what sending them would take, to a
// server so near that sending takes no time: a push that is a few seconds slower for a
// thousandth of the bytes is what most people want of a network that others share. A
// push of more archives than it is enough for, if little of them has changed, has none:
// the first would have all of it, and better none are slow.
const (
	allowance      = 5 * time.Second
	allowanceBytes = 40_000_000 // of archives
)

// A purse holds the allowance of a push. It is safe for concurrent use.
type purse struct {
	mu       sync.Mutex
	archives int64     // bytes of those that may go by what is inside them
	began    time.Time // when the first was looked at
}

// open takes note of archives of so many bytes in all that are to be dealt with.
func (a *purse) open(bytes int64, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.archives += bytes
	if a.began.IsZero() && bytes > 0 {
		a.began = now
	}
}

// left is what may still be spent.
func (a *purse) left(now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.archives > allowanceBytes {
		return 0
	}
	if a.began.IsZero() {
		return allowance
	}
	return max(allowance-now.Sub(a.began), 0)
}

// slack is how much longer than sending them whole the archives of the push may take
// by now.
func (p *pusher) slack() time.Duration {
	if p.opts.Through != Auto || !p.rate.near() {
		return 0
	}
	return p.purse.left(p.opts.Now())
}

// muchLeft is the part of an archive's size, one in so many, beyond which what is left
// to send of it is much.
const muchLeft = 3

// slackFor is slack for an archive of a size that is matched as far as it goes, unless
// again says that more rounds follow: none if left, what is left to send of it, is much.
func (p *pusher) slackFor(size int64, again bool, left func() int64) time.Duration {
	slack := p.slack()
	if slack > 0 && !again && left() > size/muchLeft {
		return 0
	}
	return slack
}

// thorough reports whether archives are matched and coded for the fewest bytes, not
// in the least time.
func (p *pusher) thorough() bool { return p.opts.Through == Always || p.slack() > 0 }
