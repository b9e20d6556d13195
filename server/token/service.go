package token

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pubsync/pubsync/server/store"
)

// A Config is what a service works with. Only Records and Clock are required.
type Config struct {
	Records store.Records
	Clock   func() time.Time
	// Sleep waits for d or until ctx ends; it slows down the answers to an
	// address that guesses. Nil: such answers are not delayed, only banned.
	Sleep    func(ctx context.Context, d time.Duration)
	Alerts   Alerter  // nil: alerts are only in the audit log
	Counters Counters // nil: nothing is counted
	Guard    Guard    // thresholds against guessing; zero fields take their defaults
	Volume   Volume   // thresholds for alerts; zero fields take their defaults
}

// A Service issues, checks and redeems tokens. It is safe for concurrent use;
// several services, in one process or many, may share records: everything but
// the number of parallel requests and the bans stays exact then.
type Service struct {
	cfg       Config
	name      string // random; sets apart the events of several services
	guard     *guard
	calls     *callBook
	gates     *gates
	watch     *watch
	refusals  *refusals
	lastEvent atomic.Int64  // nanoseconds; keeps the audit log in order
	revision  atomic.Uint64 // changes whenever this process revokes something
	leasing   [64]sync.Mutex
}

// New returns a service.
func New(cfg Config) (*Service, error) {
	if cfg.Records == nil || cfg.Clock == nil {
		return nil, errors.New("token service: records and clock are required")
	}
	if cfg.Sleep == nil {
		cfg.Sleep = func(context.Context, time.Duration) {}
	}
	if cfg.Alerts == nil {
		cfg.Alerts = nobody{}
	}
	if cfg.Counters == nil {
		cfg.Counters = nobody{}
	}
	return &Service{
		cfg:      cfg,
		name:     rand.Text()[:8],
		guard:    newGuard(cfg.Guard.withDefaults()),
		calls:    newCallBook(),
		gates:    newGates(),
		watch:    newWatch(cfg.Volume.withDefaults()),
		refusals: newRefusals(),
	}, nil
}

func (s *Service) now() time.Time { return plainTime(s.cfg.Clock()) }

type nobody struct{}

func (nobody) Alert(Alert)               {}
func (nobody) Add(string, string, int64) {}
