package token

import (
	"context"
	"sync"
	"time"

	"github.com/pubsync/pubsync/server/store"
)

// liveFor is how long a look at the records is believed: a revocation by
// another process on the same records is seen after at most this.
const liveFor = 500 * time.Millisecond

// liveness remembers when a token was last known not to be revoked.
type liveness struct {
	mu       sync.Mutex
	revision uint64 // of the service, when it was looked at
	at       time.Time
}

func (l *liveness) seen(revision uint64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.revision, l.at = revision, now
}

func (l *liveness) fresh(revision uint64, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.revision == revision && now.Sub(l.at) < liveFor && !now.Before(l.at)
}

// Live returns nil while the request may go on, and a *Denied once its token or
// an ancestor has been revoked, or FinishBy has passed. Call it for every chunk
// of a body: it is a comparison, and a look at the records twice a second or
// after something was revoked.
func (p *Pass) Live(ctx context.Context) error {
	s, now := p.service, p.service.now()
	if p.Use == nil || p.Use.Receipt == nil {
		if err := checkEnd(&p.Record.Grant, Within, now); err != nil {
			return s.Refuse(ctx, p, err)
		}
	}
	revision := s.revision.Load()
	if p.live.fresh(revision, now) {
		return nil
	}
	if err := s.Live(ctx, p.Record.Accessor); err != nil {
		return s.Refuse(ctx, p, err)
	}
	p.live.seen(revision, now)
	return nil
}

// Live returns a *Denied with CodeInvalid if the token, or one it was derived
// from, is unknown or revoked.
func (s *Service) Live(ctx context.Context, accessor string) error {
	return s.cfg.Records.View(ctx, func(tx store.Tx) error {
		c, err := getChain(tx, accessor)
		if err != nil {
			return err
		}
		return c.live()
	})
}
