package disk

import "errors"

// behindBytes is how much of a large blob is written before that is synced while more
// comes in: the sync at its end, for which somebody waits, then finds little to do.
const behindBytes = 32 << 20

// A behind syncs a file behind the back of its writer, one sync at a time. It is used
// by one goroutine.
type behind struct {
	f     File
	since int64      // bytes written since the last sync began
	under chan error // how the sync under way ended; nil if there is none
	err   error      // of those before
}

// wrote tells of n more bytes.
func (b *behind) wrote(n int) {
	b.since += int64(n)
	if b.since < behindBytes {
		return
	}
	if b.under != nil {
		select {
		case err := <-b.under:
			b.under, b.err = nil, errors.Join(b.err, err)
		default:
			return // it goes on: the next takes all of it
		}
	}
	b.since, b.under = 0, make(chan error, 1)
	go func(f File, done chan<- error) { done <- f.Sync() }(b.f, b.under)
}

// wait waits until no sync is under way and returns the error of any there was: the
// system tells of a failed write once, and a later sync knows nothing of it.
func (b *behind) wait() error {
	if b.under != nil {
		b.err = errors.Join(b.err, <-b.under)
		b.under = nil
	}
	return b.err
}
