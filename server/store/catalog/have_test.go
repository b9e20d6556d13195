package catalog

import (
	"crypto/sha256"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// TestAbsentCostsWhatHiddenCosts counts what is asked for digests that are not
// there and for those out of sight: as many paths, and the disk about neither.
func TestAbsentCostsWhatHiddenCosts(t *testing.T) {
	ctx := t.Context()
	c, err := Open(ctx, Options{Path: filepath.Join(t.TempDir(), "catalog.db"), Volatile: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const n = 2500 // more than a page
	var (
		blobs          []Blob
		list           manifest.List
		hidden, absent []manifest.Digest
	)
	for i := range n {
		d := manifest.Digest(sha256.Sum256(fmt.Append(nil, i)))
		blobs = append(blobs, Blob{Digest: d, Size: 1})
		list = append(list, manifest.Entry{Path: manifest.Path(fmt.Sprintf("f%05d", i)), Kind: manifest.File, Mode: 0o644, Size: 1, Digest: d})
		hidden, absent = append(hidden, d), append(absent, sha256.Sum256(fmt.Append(nil, "absent", i)))
	}
	if err := c.Register(ctx, "s", blobs, nil, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Commit(ctx, store.Commit{Session: "s", Target: "private", Entries: list, Time: time.Unix(1, 0)}); err != nil {
		t.Fatal(err)
	}
	work := func(ds []manifest.Digest) (paths, probes int) {
		have, err := c.Have(ctx, "other", ds, func(manifest.Path) bool { paths++; return false },
			func(Blob) bool { probes++; return true })
		if err != nil || slices.Contains(have, true) {
			t.Errorf("said to be there: %v", err)
		}
		return paths, probes
	}
	hiddenPaths, hiddenProbes := work(hidden)
	absentPaths, absentProbes := work(absent)
	if hiddenProbes != 0 || absentProbes != 0 {
		t.Errorf("the disk is asked about %d hidden and %d absent blobs", hiddenProbes, absentProbes)
	}
	if hiddenPaths != 2*n || absentPaths != hiddenPaths {
		t.Errorf("%d paths looked at for hidden blobs, %d for absent ones", hiddenPaths, absentPaths)
	}
	// Asking about one digest many times at once does not make it louder.
	if paths, _ := work(slices.Repeat(hidden[:1], 3000)); paths != 2 {
		t.Errorf("%d paths looked at for one digest asked about 3000 times", paths)
	}
	have, err := c.Have(ctx, "other", []manifest.Digest{hidden[3], absent[0], hidden[3]}, func(manifest.Path) bool { return true },
		func(Blob) bool { return true })
	if err != nil || !slices.Equal(have, []bool{true, false, true}) {
		t.Errorf("%v %v", have, err)
	}
}
