package token

import (
	"fmt"
	"net/netip"
	"time"
	"unicode/utf8"

	"github.com/pubsync/pubsync/sync/manifest"
)

// Defaults of a grant's fields.
const (
	DefaultLifetime     = time.Hour
	DefaultPublications = 1
	DefaultCalls        = 10_000
	DefaultParallel     = 8
	DefaultFiles        = 100_000
	DefaultBytes        = 100_000_000_000
)

// MaxLifetime bounds how far in the future a token may end, whoever asks.
const MaxLifetime = 5 * 365 * 24 * time.Hour

// A Grant is what a token allows. A field left at its zero value takes its
// default when the token is issued, or, in a derived token, its parent's value.
// The JSON form is that of POST /v1/tokens.
type Grant struct {
	// Target is the prefix, by component, below which everything happens. Required.
	Target manifest.Path `json:"target"`
	// Reads are further prefixes whose content may serve as a basis and, with
	// Read or Link, be downloaded or linked.
	Reads []manifest.Path `json:"reads,omitempty"`
	Verbs Verbs           `json:"verbs,omitempty"` // default publish and check

	NotBefore time.Time `json:"not_before,omitzero"` // first instant; default now
	NotAfter  time.Time `json:"not_after,omitzero"`  // last instant for open and commit; default NotBefore + 60 min
	FinishBy  time.Time `json:"finish_by,omitzero"`  // last instant for any request; default NotAfter

	Sources   []netip.Prefix `json:"sources,omitempty"`    // networks requests may come from; default any
	PinSource bool           `json:"pin_source,omitempty"` // only from the address of the first request admitted

	Publications int64 `json:"publications,omitempty"` // default 1
	Calls        int64 `json:"calls,omitempty"`        // requests; default 10,000
	Parallel     int64 `json:"parallel,omitempty"`     // requests at once; default 8
	Files        int64 `json:"files,omitempty"`        // non-directories in all publications; default 100,000
	Bytes        int64 `json:"bytes,omitempty"`        // of their content; default 10^11

	Overwrite  bool            `json:"overwrite,omitempty"`  // may change or remove what is published
	Manifest   manifest.Digest `json:"manifest,omitzero"`    // the one manifest digest that may be committed; default any
	Visibility Visibility      `json:"visibility,omitempty"` // the widest that may be asked for; default private
}

// withDefaults returns g with every unset field at its default.
func (g Grant) withDefaults(now time.Time) Grant {
	if g.Verbs == 0 {
		g.Verbs = DefaultVerbs
	}
	if g.NotBefore.IsZero() {
		g.NotBefore = now
	}
	if g.NotAfter.IsZero() {
		g.NotAfter = g.NotBefore.Add(DefaultLifetime)
	}
	if g.FinishBy.IsZero() {
		g.FinishBy = g.NotAfter
	}
	defaultTo(&g.Publications, DefaultPublications)
	defaultTo(&g.Calls, DefaultCalls)
	defaultTo(&g.Parallel, DefaultParallel)
	defaultTo(&g.Files, DefaultFiles)
	defaultTo(&g.Bytes, DefaultBytes)
	if g.Visibility == "" {
		g.Visibility = Private
	}
	return g
}

func defaultTo(field *int64, value int64) {
	if *field == 0 {
		*field = value
	}
}

// normal returns g with its times in UTC and its networks in plain form.
func (g Grant) normal() Grant {
	g.NotBefore, g.NotAfter, g.FinishBy = plainTime(g.NotBefore), plainTime(g.NotAfter), plainTime(g.FinishBy)
	g.Sources = plainPrefixes(g.Sources)
	return g
}

// check returns a *Denied with CodeBadGrant for a grant, complete with its
// defaults, that makes no sense.
func (g *Grant) check(now time.Time) error {
	if err := g.checkPaths(); err != nil {
		return err
	}
	if err := g.checkTimes(now); err != nil {
		return err
	}
	for _, n := range g.numbers() {
		if n.value < 0 {
			return badGrant(n.name, "it is negative")
		}
	}
	for _, p := range g.Sources {
		if !p.IsValid() {
			return badGrant("sources", "a network is malformed; write 10.0.0.0/8 or 10.0.0.7/32")
		}
	}
	if g.Verbs == 0 || g.Verbs >= 1<<len(verbNames) {
		return badGrant("verbs", "there is none, or an unknown one")
	}
	if g.Visibility.rank() < 0 {
		return badGrant("visibility", fmt.Sprintf("%q is none of private, licensed, public", string(g.Visibility)))
	}
	return nil
}

func (g *Grant) checkPaths() error {
	for i, p := range append([]manifest.Path{g.Target}, g.Reads...) {
		field := "target"
		if i > 0 {
			field = "reads"
		}
		if _, err := manifest.ParsePath(string(p)); err != nil {
			return badGrant(field, err.Error())
		}
		if !utf8.ValidString(string(p)) {
			return badGrant(field, "it is not UTF-8")
		}
	}
	return nil
}

func (g *Grant) checkTimes(now time.Time) error {
	switch {
	case g.NotAfter.Before(g.NotBefore):
		return badGrant("not_after", "it is before not_before")
	case g.FinishBy.Before(g.NotBefore):
		return badGrant("finish_by", "it is before not_before")
	case g.NotAfter.Before(now):
		return badGrant("not_after", "it is in the past")
	case g.FinishBy.Before(now):
		return badGrant("finish_by", "it is in the past")
	case g.end().Sub(now) > MaxLifetime:
		return badGrant("not_after", fmt.Sprintf("it is more than %d days away", MaxLifetime/(24*time.Hour)))
	}
	return nil
}

// end returns the last instant at which the grant allows anything.
func (g *Grant) end() time.Time {
	if g.FinishBy.After(g.NotAfter) {
		return g.FinishBy
	}
	return g.NotAfter
}

// A number is a field of a grant by its JSON name.
type number struct {
	name  string
	value int64
}

func (g *Grant) numbers() []number {
	return []number{
		{"publications", g.Publications}, {"calls", g.Calls}, {"parallel", g.Parallel},
		{"files", g.Files}, {"bytes", g.Bytes},
	}
}

func badGrant(field, why string) error {
	return &Denied{Code: CodeBadGrant, Field: field, Reason: field + ": " + why}
}

// reads reports whether p lies below the target or one of the further prefixes.
func (g *Grant) reads(p manifest.Path) bool {
	if p.Within(g.Target) {
		return true
	}
	for _, r := range g.Reads {
		if p.Within(r) {
			return true
		}
	}
	return false
}
