// Package access decides how visible what is published is: to anybody, to
// whoever accepts a licence, or only to those with leave to read.
//
// A build type, the first component of a path, may fix a visibility and may
// have a licence. Where the type fixes none, what counts is what a push asked
// for the target, or the nearest target above it; where none asked, it is public.
// The licence of a type narrows public to licensed, never the reverse.
//
// What pushes ask for is kept in records, in the transaction that publishes,
// and in memory.
package access

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
)

// bucket holds what was asked for: target, visibility.
const bucket = "visibility"

// A Type is what is configured for a build type.
type Type struct {
	Visibility token.Visibility // "" leaves it to the pushes
	Licence    string           // the text readers must accept; "" if there is none
}

// A Licence is a text that readers must accept. It is accepted by naming its
// digest, so that a text that changes has to be accepted anew.
type Licence struct {
	Type   manifest.Path
	Text   string
	Digest manifest.Digest // of the text
}

// Rules answer for every path. They are safe for concurrent use.
type Rules struct {
	types map[manifest.Path]Type

	mu    sync.RWMutex
	asked map[manifest.Path]token.Visibility // by target
}

// New returns the rules of the configured types and of what pushes asked for
// before.
func New(ctx context.Context, types map[manifest.Path]Type, records store.Records) (*Rules, error) {
	r := &Rules{types: types, asked: map[manifest.Path]token.Visibility{}}
	err := records.View(ctx, func(tx store.Tx) error {
		return tx.Scan(bucket, "", func(target string, v []byte) bool {
			r.asked[manifest.Path(target)] = token.Visibility(v)
			return true
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading what is private: %w", err)
	}
	return r, nil
}

// Of returns the visibility of a path.
func (r *Rules) Of(p manifest.Path) token.Visibility {
	t := r.types[manifest.Path(p.First())]
	v := t.Visibility
	if v == "" {
		v = r.askedFor(p)
	}
	if v == token.Public && t.Licence != "" {
		v = token.Licensed
	}
	return v
}

func (r *Rules) askedFor(p manifest.Path) token.Visibility {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for q := p; len(r.asked) > 0 && q != ""; q = q.Dir() {
		if v, ok := r.asked[q]; ok {
			return v
		}
	}
	return token.Public
}

// Public reports whether anybody may read the path.
func (r *Rules) Public(p manifest.Path) bool { return r.Of(p) == token.Public }

// Licence returns the licence that the path is under, if its visibility is that
// of whoever accepts one.
func (r *Rules) Licence(p manifest.Path) (Licence, bool) {
	if r.Of(p) != token.Licensed {
		return Licence{}, false
	}
	return r.LicenceOf(manifest.Path(p.First()))
}

// LicenceOf returns the licence of a build type.
func (r *Rules) LicenceOf(typ manifest.Path) (Licence, bool) {
	text := r.types[typ].Licence
	return Licence{typ, text, sha256.Sum256([]byte(text))}, text != ""
}

// Check returns a *[token.Denied] with [token.CodeVisibilityDenied] if a push
// to the target may not ask for the visibility, whatever its token allows.
// Without leave to overwrite, what was asked for once stays.
func (r *Rules) Check(target manifest.Path, v token.Visibility, overwrite bool) error {
	if v == "" {
		return nil
	}
	t := r.types[manifest.Path(target.First())]
	deny := func(format string, args ...any) error {
		return &token.Denied{Code: token.CodeVisibilityDenied, Reason: fmt.Sprintf(format, args...)}
	}
	switch {
	case t.Visibility != "" && v != t.Visibility:
		return deny("the type %q is %s", target.First(), t.Visibility)
	case v == token.Public && t.Licence != "":
		return deny("the type %q has a licence that readers must accept", target.First())
	case v == token.Licensed && t.Licence == "":
		return deny("the type %q has no licence that readers could accept", target.First())
	}
	r.mu.RLock()
	defer r.mu.RUnlock()
	if was, ok := r.asked[target]; ok && was != v && !overwrite {
		return deny("%q is %s, and this token may not overwrite", string(target), was)
	}
	return nil
}

// Put records, in the transaction that publishes and at its end, what a push
// asked for. Call [Rules.Published] once it has committed. What is to be narrower
// is so at once, so that nothing can be read in between; should the transaction
// fail after all, it stays so until the next start.
func (r *Rules) Put(tx store.Tx, target manifest.Path, v token.Visibility) error {
	if v == "" {
		return nil
	}
	if err := tx.Put(bucket, string(target), []byte(v)); err != nil {
		return err
	}
	if v == token.Private || v == token.Licensed && r.askedFor(target) == token.Public {
		r.Published(target, v)
	}
	return nil
}

// Published says that what Put recorded holds.
func (r *Rules) Published(target manifest.Path, v token.Visibility) {
	if v == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked[target] = v
}
