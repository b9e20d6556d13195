package token

import (
	"fmt"
	"slices"

	"github.com/pubsync/pubsync/sync/manifest"
)

// inherit returns g with every unset field at the parent's value.
func (g Grant) inherit(parent *Grant) Grant {
	if g.Target == "" {
		g.Target = parent.Target
	}
	if g.Verbs == 0 {
		g.Verbs = parent.Verbs
	}
	if g.Reads == nil {
		g.Reads = parent.Reads
	}
	if g.NotBefore.IsZero() {
		g.NotBefore = parent.NotBefore
	}
	if g.NotAfter.IsZero() {
		g.NotAfter = parent.NotAfter
	}
	if g.FinishBy.IsZero() {
		g.FinishBy = parent.FinishBy
	}
	if len(g.Sources) == 0 {
		g.Sources = parent.Sources
	}
	g.PinSource = g.PinSource || parent.PinSource
	defaultTo(&g.Publications, parent.Publications)
	defaultTo(&g.Calls, parent.Calls)
	defaultTo(&g.Parallel, parent.Parallel)
	defaultTo(&g.Files, parent.Files)
	defaultTo(&g.Bytes, parent.Bytes)
	if g.Manifest.IsZero() {
		g.Manifest = parent.Manifest
	}
	if g.Visibility == "" {
		g.Visibility = parent.Visibility
	}
	return g
}

// within returns a *Denied with CodeCeiling, naming the field, if the complete
// grant g is wider than parent in any respect.
func (g *Grant) within(parent *Grant) error {
	switch {
	case !g.Target.Within(parent.Target):
		return wider("target")
	case slices.ContainsFunc(g.Reads, func(p manifest.Path) bool { return !parent.reads(p) }):
		return wider("reads")
	case !parent.Verbs.Has(g.Verbs):
		return wider("verbs")
	case g.NotBefore.Before(parent.NotBefore):
		return wider("not_before")
	case g.NotAfter.After(parent.NotAfter):
		return wider("not_after")
	case g.FinishBy.After(parent.FinishBy):
		return wider("finish_by")
	case len(parent.Sources) > 0 && (len(g.Sources) == 0 || !covers(parent.Sources, g.Sources)):
		return wider("sources")
	case parent.PinSource && !g.PinSource:
		return wider("pin_source")
	case g.Overwrite && !parent.Overwrite:
		return wider("overwrite")
	case !parent.Manifest.IsZero() && g.Manifest != parent.Manifest:
		return wider("manifest")
	case g.Visibility.rank() > parent.Visibility.rank():
		return wider("visibility")
	}
	limits := parent.numbers()
	for i, n := range g.numbers() {
		if n.value > limits[i].value {
			return wider(n.name)
		}
	}
	return nil
}

func wider(field string) error {
	return &Denied{Code: CodeCeiling, Field: field, Reason: fmt.Sprintf("%s: wider than the parent token's", field)}
}
