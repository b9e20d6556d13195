package main

import (
	"context"

	"github.com/pubsync/pubsync/bench/corpus"
)

// fetchAll fetches and makes all data, so that a later run needs no network.
func fetchAll(ctx context.Context, o *options) error {
	for _, r := range append(corpus.Releases(), corpus.HeldOut()...) {
		if _, err := o.cache.Fetch(ctx, r); err != nil {
			o.status.notef("left out: %v", err)
		}
	}
	if _, err := o.cache.Rebuilds(ctx); err != nil {
		return err
	}
	for _, w := range workloads() {
		if w.rare || !o.only.MatchString(w.name) {
			continue
		}
		if _, err := w.trees(ctx, o); err != nil {
			return err
		}
	}
	return nil
}
