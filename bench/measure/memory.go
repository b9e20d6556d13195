package measure

import (
	"slices"
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

// Memory is read often, which is cheap; the processes, which are many reads to find, are
// looked for less often. Together that costs below 1 % of a core.
const (
	sampleEvery = 20 * time.Millisecond
	findEvery   = 5 // samples
)

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
	var pids []int
	for n := 0; ; n++ {
		if n%findEvery == 0 {
			pids = p.processes()
		}
		p.peak = max(p.peak, private(pids))
		select {
		case <-p.stop:
			return
		case <-tick.C:
		}
	}
}

func (p *Peak) processes() []int {
	all := slices.Clone(p.roots)
	for _, root := range p.roots {
		all = append(all, Descendants(root)...)
	}
	return all
}

func private(pids []int) int64 {
	var sum int64
	for _, pid := range pids {
		sum += Private(pid)
	}
	return sum
}

// Stop ends watching and gives the peak in bytes.
func (p *Peak) Stop() int64 {
	close(p.stop)
	p.wg.Wait()
	return p.peak
}
