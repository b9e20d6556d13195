package token

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
)

// A Ceiling bounds what a scheduler may grant. A field at its zero value bounds
// nothing.
type Ceiling struct {
	Lifetime     time.Duration   `json:"lifetime,omitempty"`     // from issue to the last instant of any use
	Targets      []manifest.Path `json:"targets,omitempty"`      // prefixes of Target and Reads
	Networks     []netip.Prefix  `json:"networks,omitempty"`     // of Sources; a grant for any address gets these
	Verbs        Verbs           `json:"verbs,omitempty"`        // the most
	Publications int64           `json:"publications,omitempty"` // of one token; the next four too
	Calls        int64           `json:"calls,omitempty"`
	Parallel     int64           `json:"parallel,omitempty"`
	Files        int64           `json:"files,omitempty"`
	Bytes        int64           `json:"bytes,omitempty"`
	NoOverwrite  bool            `json:"no_overwrite,omitempty"`
	Visibility   Visibility      `json:"visibility,omitempty"` // the widest
}

// lower brings the defaults down to the ceiling: it sets fields of g that are
// unset and whose default would exceed c.
func (c *Ceiling) lower(g Grant, now time.Time) Grant {
	from := g.NotBefore
	if from.IsZero() {
		from = now
	}
	if last := now.Add(c.Lifetime); c.Lifetime > 0 && g.NotAfter.IsZero() && from.Add(DefaultLifetime).After(last) {
		g.NotAfter = last
	}
	if len(g.Sources) == 0 {
		g.Sources = c.Networks
	}
	if g.Verbs == 0 && c.Verbs != 0 {
		g.Verbs = DefaultVerbs & c.Verbs
	}
	lowerTo(&g.Publications, DefaultPublications, c.Publications)
	lowerTo(&g.Calls, DefaultCalls, c.Calls)
	lowerTo(&g.Parallel, DefaultParallel, c.Parallel)
	lowerTo(&g.Files, DefaultFiles, c.Files)
	lowerTo(&g.Bytes, DefaultBytes, c.Bytes)
	return g
}

func lowerTo(field *int64, usual, ceiling int64) {
	if *field == 0 && ceiling > 0 && ceiling < usual {
		*field = ceiling
	}
}

// allows returns a *Denied with CodeCeiling, naming the field, if the complete
// grant g exceeds c.
func (c *Ceiling) allows(g *Grant, now time.Time) error {
	if err := c.allowsPaths(g); err != nil {
		return err
	}
	switch {
	case c.Lifetime > 0 && g.end().Sub(now) > c.Lifetime:
		field := "not_after"
		if g.FinishBy.After(g.NotAfter) {
			field = "finish_by"
		}
		return above(field, "at most %s from now", c.Lifetime)
	case len(c.Networks) > 0 && (len(g.Sources) == 0 || !covers(plainPrefixes(c.Networks), g.Sources)):
		return above("sources", "within %v", c.Networks)
	case c.Verbs != 0 && !c.Verbs.Has(g.Verbs):
		return above("verbs", "of %s", c.Verbs)
	case c.NoOverwrite && g.Overwrite:
		return above("overwrite", "not at all")
	case c.Visibility != "" && g.Visibility.rank() > c.Visibility.rank():
		return above("visibility", "at most %s", c.Visibility)
	}
	limits := []int64{c.Publications, c.Calls, c.Parallel, c.Files, c.Bytes}
	for i, n := range g.numbers() {
		if limits[i] > 0 && n.value > limits[i] {
			return above(n.name, "at most %d", limits[i])
		}
	}
	return nil
}

func (c *Ceiling) allowsPaths(g *Grant) error {
	if len(c.Targets) == 0 {
		return nil
	}
	held := func(p manifest.Path) bool {
		for _, t := range c.Targets {
			if p.Within(t) {
				return true
			}
		}
		return false
	}
	if !held(g.Target) {
		return above("target", "below %q", c.Targets)
	}
	for _, p := range g.Reads {
		if !held(p) {
			return above("reads", "below %q", c.Targets)
		}
	}
	return nil
}

func above(field, format string, args ...any) error {
	return &Denied{
		Code: CodeCeiling, Field: field,
		Reason: fmt.Sprintf("%s: this scheduler may grant it "+format, append([]any{field}, args...)...),
	}
}
