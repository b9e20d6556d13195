package measure

import (
	"sync"
	"time"
)

// Peak watches how much memory process trees hold.
type Peak struct {
	roots []int
	stop  chan struct{}
	wg    sync.WaitGroup
	peak  int64
}

// sampleEvery is short against what is measured and costs below 1 % of a core.
const sampleEvery = 20 * time.Millisecond

// WatchPeak watches the processes and all below them until Stop is called: the
// sum of their private memory, the highest that a sample saw. What is forked shares
// pages with its parent and is counted again, as the system may have to hold it twice.
func WatchPeak(roots ...int) *Peak {
	p := &Peak{roots: roots, stop: make(chan struct{})}
	p.wg.Go(p.watch)
	return p
}

func (p *Peak) watch() {
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	for {
		p.peak = max(p.peak, p.sample())
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
	}
}

func (p *Peak) sample() int64 {
	var sum int64
	for _, root := range p.roots {
		sum += Private(root)
		for _, pid := range Descendants(root) {
			sum += Private(pid)
		}
	}
	return sum
}

// Stop ends watching and gives the peak in bytes.
func (p *Peak) Stop() int64 {
	close(p.stop)
	p.wg.Wait()
	return p.peak
}
