package catalog

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/pubsync/pubsync/sync/manifest"
)

// TestDropLooksAgain leases a blob, and refers to another, after both were
// found unused: neither goes.
func TestDropLooksAgain(t *testing.T) {
	ctx := context.Background()
	c, err := Open(ctx, Options{Path: filepath.Join(t.TempDir(), "a b?%41.db"), Volatile: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	blobs := []Blob{{Digest: manifest.Digest{1}}, {Digest: manifest.Digest{2}}, {Digest: manifest.Digest{3}}}
	if err := c.Register(ctx, "s", blobs, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := c.DropLeases(ctx, "s"); err != nil {
		t.Fatal(err)
	}
	unused, _, err := c.Unused(ctx, 0, 10)
	if err != nil || len(unused) != 3 {
		t.Fatalf("unused: %v, %v", unused, err)
	}
	c.Lease("a", unused[0].ID)
	if err := c.Register(ctx, "b", nil, nil, []manifest.Digest{{2}}, nil); err != nil {
		t.Fatal(err)
	}
	dropped, err := c.Drop(ctx, unused)
	if err != nil || len(dropped) != 1 || dropped[0].Digest != (manifest.Digest{3}) {
		t.Fatalf("dropped %v, %v", dropped, err)
	}
}
