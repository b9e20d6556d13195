package token

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
)

// A Kind says what an alert is about. Kinds are append-only.
type Kind string

// The kinds of alert.
const (
	AlertReuse   Kind = "token_reuse"    // a token in use or consumed, shown with another session secret
	AlertBan     Kind = "ban"            // an address was banned for guessing
	AlertFishing Kind = "digest_fishing" // many digests asked for that were never sent
	AlertVolume  Kind = "unusual_volume" // a scheduler beyond Volume
)

// An Alert is something a person should look at.
type Alert struct {
	Kind      Kind          `json:"kind"`
	Time      time.Time     `json:"time"`
	Accessor  string        `json:"accessor,omitempty"`
	Scheduler string        `json:"scheduler,omitempty"`
	From      netip.Addr    `json:"from,omitzero"`
	Target    manifest.Path `json:"target,omitempty"`
	Text      string        `json:"text"`
}

// An Alerter passes alerts on, to a log or a webhook. Alert must be safe for
// concurrent use and must not block.
type Alerter interface {
	Alert(Alert)
}

// Counters are told what happens, for metrics. Add must be safe for concurrent
// use. The label is a scheduler's name, a code or a kind, as the name's comment says.
type Counters interface {
	Add(name, label string, n int64)
}

// The names of counters.
const (
	CountIssued    = "tokens_issued"     // by scheduler
	CountRevoked   = "tokens_revoked"    // by scheduler
	CountOpened    = "sessions_opened"   // by scheduler
	CountPublished = "publications"      // by scheduler
	CountBytes     = "published_bytes"   // by scheduler
	CountRefused   = "refusals"          // by code
	CountAlerts    = "alerts"            // by kind
	CountBanned    = "bans"              //
	CountUnlogged  = "audit_not_written" // refusals that came too fast, or could not be written
)

// alert raises a, with the time set.
func (s *Service) alert(ctx context.Context, a Alert) {
	a.Time = s.now()
	s.cfg.Counters.Add(CountAlerts, string(a.Kind), 1)
	s.record(ctx, Event{
		Kind: EventAlert, Alert: a.Kind, Accessor: a.Accessor, Scheduler: a.Scheduler,
		From: a.From, Target: a.Target, Note: a.Text,
	})
	s.cfg.Alerts.Alert(a)
}

// Volume holds the thresholds for alerts. A zero field takes its default.
type Volume struct {
	Tokens  int64 // issued by one scheduler within an hour; default 100,000
	Bytes   int64 // published under one scheduler's tokens within an hour; default 10^13
	Fishing int64 // digests a token asked for, was told are absent, and has not sent; default 20,000
}

func (v Volume) withDefaults() Volume {
	defaultTo(&v.Tokens, 100_000)
	defaultTo(&v.Bytes, 10_000_000_000_000)
	defaultTo(&v.Fishing, 20_000)
	return v
}

// Sizes of what the watch remembers.
const (
	watchedSchedulers = 1_000
	watchedTokens     = 10_000
)

// An hour is what a scheduler did in one hour.
type hour struct {
	start         time.Time
	tokens, bytes int64
	alerted       bool
}

// watch keeps the sums behind alerts, in memory. It is safe for concurrent use.
type watch struct {
	Volume
	mu         sync.Mutex
	schedulers *lru[string, hour]
	asked      *lru[string, int64] // by accessor: digests asked for and not sent; -1 after the alert
}

func newWatch(v Volume) *watch {
	return &watch{
		Volume:     v,
		schedulers: newLRU[string, hour](watchedSchedulers),
		asked:      newLRU[string, int64](watchedTokens),
	}
}

// volume adds to what the scheduler did this hour and raises an alert, once an
// hour, if that is unusual.
func (s *Service) volume(scheduler string, from netip.Addr, tokens, bytes int64) {
	if s.watch.exceeded(scheduler, s.now(), tokens, bytes) {
		s.alert(context.Background(), Alert{
			Kind: AlertVolume, Scheduler: scheduler, From: plainAddr(from),
			Text: "more tokens or bytes within an hour than is usual",
		})
	}
}

func (w *watch) exceeded(scheduler string, now time.Time, tokens, bytes int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	h, _ := w.schedulers.get(scheduler)
	if now.Sub(h.start) >= time.Hour {
		h = hour{start: now}
	}
	h.tokens += tokens
	h.bytes += bytes
	first := !h.alerted && (h.tokens > w.Tokens || h.bytes > w.Bytes)
	h.alerted = h.alerted || first
	w.schedulers.put(scheduler, h)
	return first
}

// Asked counts digests that were answered as absent (whether they are absent
// or out of the token's sight), and Sent those whose content then came. An
// honest builder sends what it is told is absent; a token that asks for ever more
// and sends nothing raises one alert.
func (s *Service) Asked(ctx context.Context, p *Pass, absent int) {
	if absent > 0 && s.watch.fishing(p.Record.Accessor, int64(absent)) {
		s.alert(ctx, Alert{
			Kind: AlertFishing, Accessor: p.Record.Accessor, Scheduler: p.Record.Scheduler, From: p.From,
			Target: p.Record.Grant.Target, Text: "many digests asked for and never sent",
		})
	}
}

// Sent counts content that came after [Service.Asked].
func (s *Service) Sent(p *Pass, n int) { s.watch.fishing(p.Record.Accessor, -int64(n)) }

func (w *watch) fishing(accessor string, n int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	open, known := w.asked.get(accessor)
	if known && open < 0 {
		return false // alerted already
	}
	open = max(open+n, 0)
	alert := open > w.Fishing
	if alert {
		open = -1
	}
	w.asked.put(accessor, open)
	return alert
}
