package measure

import (
	"context"
	"time"
)

// Processes are idle once they have used less than idleUse within idleFor.
const (
	idleFor = 30 * time.Millisecond
	idleUse = time.Millisecond
)

// Idle waits until the processes are idle, or have been busy for ten seconds, which are
// then taken to be their rest.
func Idle(ctx context.Context, pids ...int) error {
	tick := time.NewTicker(idleFor)
	defer tick.Stop()
	last, err := total(pids)
	for range int(10 * time.Second / idleFor) {
		if err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		before := last
		if last, err = total(pids); err == nil && last-before < idleUse {
			return nil
		}
	}
	return err
}
