package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// An EventKind says what an event of the audit log is about. Kinds are
// append-only.
type EventKind string

// The kinds of event.
const (
	EventIssue     EventKind = "issue"     // also of derived tokens, with Parent
	EventOpen      EventKind = "open"      // of a session
	EventCommit    EventKind = "commit"    // a publication
	EventRefuse    EventKind = "refuse"    // with Code
	EventRevoke    EventKind = "revoke"    //
	EventReset     EventKind = "reset"     // of a token's open sessions
	EventAlert     EventKind = "alert"     // with Alert
	EventScheduler EventKind = "scheduler" // a change to a scheduler, in Note
)

// An Event is an entry of the audit log. It holds no secret.
type Event struct {
	Time         time.Time       `json:"time"`
	Kind         EventKind       `json:"kind"`
	Accessor     string          `json:"accessor,omitempty"`
	Parent       string          `json:"parent,omitempty"`
	Scheduler    string          `json:"scheduler,omitempty"`
	From         netip.Addr      `json:"from,omitzero"`
	Target       manifest.Path   `json:"target,omitempty"`
	Session      store.SessionID `json:"session,omitempty"`
	Code         Code            `json:"code,omitempty"`
	Alert        Kind            `json:"alert,omitempty"`
	Files        int64           `json:"files,omitempty"` // granted, announced or published
	Bytes        int64           `json:"bytes,omitempty"`
	Publications int64           `json:"publications,omitempty"`
	Note         string          `json:"note,omitempty"`
	Suppressed   int64           `json:"suppressed,omitempty"` // refusals before this one that were not written down
}

// event returns an event about what the pass's session holds.
func (p *Pass) event(k EventKind, u *Use) Event {
	return Event{
		Kind: k, Accessor: p.Record.Accessor, Parent: p.Record.Parent, Scheduler: p.Record.Scheduler, From: p.From,
		Target: u.Target, Session: u.Session, Files: u.Files, Bytes: u.Bytes,
	}
}

// audit appends e, with the time set, to the log. Its key is later than that of
// every event this service has written before, even if the clock stands still.
func (s *Service) audit(tx store.Tx, e Event) error {
	e.Time = s.now()
	at := e.Time.UnixNano()
	for {
		last := s.lastEvent.Load()
		at = max(at, last+1)
		if s.lastEvent.CompareAndSwap(last, at) {
			break
		}
	}
	b, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("coding an audit event: %w", err)
	}
	return tx.Put(bucketAudit, timeKey(time.Unix(0, at))+"-"+s.name, b)
}

// Refuse writes a refusal to the audit log, counts it, raises the alert it is
// worth, and returns err as it is. Errors that are no *Denied pass through. Call
// it once for every error that a function with a transaction and a pass gave.
func (s *Service) Refuse(ctx context.Context, p *Pass, err error) error {
	e := Event{Accessor: p.Record.Accessor, Parent: p.Record.Parent, Scheduler: p.Record.Scheduler, From: p.From}
	e.Target = p.Record.Grant.Target
	return s.refuse(ctx, e, err)
}

// RefuseScheduler is Refuse for what a scheduler asked for.
func (s *Service) RefuseScheduler(ctx context.Context, by Scheduler, from netip.Addr, err error) error {
	return s.refuse(ctx, Event{Scheduler: by.Name, From: plainAddr(from)}, err)
}

func (s *Service) refuse(ctx context.Context, e Event, err error) error {
	var d *Denied
	if !errors.As(err, &d) {
		return err
	}
	s.cfg.Counters.Add(CountRefused, string(d.Code), 1)
	e.Kind, e.Code, e.Note = EventRefuse, d.Code, d.Field
	s.record(ctx, e)
	if d.alert != "" {
		s.alert(ctx, Alert{
			Kind: d.alert, Accessor: e.Accessor, Scheduler: e.Scheduler, From: e.From, Target: e.Target,
			Text: "token used again with another session secret: " + string(d.Code),
		})
	}
	return err
}

// Bounds of how many refusals are written down: a flood of them must not become
// a flood of transactions.
const (
	refusalsPerSecond = 50
	refusalsBurst     = 500
)

// refusals is a token bucket (a leaky bucket as a meter) over the events that
// anybody can cause.
type refusals struct {
	mu         sync.Mutex
	level      float64 // how many may be written now
	at         time.Time
	suppressed int64
}

func newRefusals() *refusals { return &refusals{level: refusalsBurst} }

// admit reports whether an event may be written, and how many were not since
// the last that was.
func (r *refusals) admit(now time.Time) (suppressed int64, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.at.IsZero() && now.After(r.at) {
		r.level = min(r.level+now.Sub(r.at).Seconds()*refusalsPerSecond, refusalsBurst)
	}
	r.at = now
	if r.level < 1 {
		r.suppressed++
		return 0, false
	}
	r.level--
	suppressed, r.suppressed = r.suppressed, 0
	return suppressed, true
}
