// Package storetest is the conformance suite of [store.Store]: what its
// contract promises, shown on any implementation.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T, dir string) store.Store { ... })
//	}
package storetest

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// An Opener opens the store kept in dir, which exists and is empty the first
// time. The suite closes what it opens, and opens some folders again.
type Opener func(t *testing.T, dir string) store.Store

// Run runs the suite.
func Run(t *testing.T, open Opener) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"content", contentTests},
		{"lease", leaseTests},
		{"partial", partialTests},
		{"commit", commitTests},
		{"rule", ruleTests},
		{"version", versionTests},
		{"history", historyTests},
		{"standing", standingTests},
		{"search", searchTests},
		{"records", recordTests},
		{"maintenance", maintenanceTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, tt := range group.tests {
				t.Run(strings.ReplaceAll(tt.name, " ", "_"), func(t *testing.T) {
					t.Parallel()
					k := &kit{T: t, open: open, dir: t.TempDir()}
					k.reopen()
					defer func() { k.must(k.Store.Close()) }()
					tt.run(k)
				})
			}
		})
	}
}

// A test is one promise of the contract.
type test struct {
	name string
	run  func(k *kit)
}

// kit is a store with what tests need around it.
type kit struct {
	*testing.T
	store.Store
	open Opener
	dir  string
}

var (
	ctx = context.Background()
	now = time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
)

// reopen closes the store, if it is open, and opens it again.
func (k *kit) reopen() {
	k.Helper()
	if k.Store != nil {
		k.must(k.Store.Close())
	}
	k.Store = k.open(k.T, k.dir)
}

func (k *kit) must(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

// want fails unless err wraps target.
func (k *kit) want(err, target error) {
	k.Helper()
	if !isErr(err, target) {
		k.Fatalf("got error %v, want %v", err, target)
	}
}

// put adds contents in one batch of session "s" and returns their digests.
func (k *kit) put(contents ...string) []manifest.Digest {
	k.Helper()
	return k.putAs("s", contents...)
}

func (k *kit) putAs(s store.SessionID, contents ...string) []manifest.Digest {
	k.Helper()
	ds, err := add(k, s, contents)
	k.must(err)
	return ds
}

// add adds contents in one batch.
func add(st store.Store, s store.SessionID, contents []string) (ds []manifest.Digest, err error) {
	b, err := st.NewBatch(s)
	if err != nil {
		return nil, err
	}
	defer b.Discard()
	for _, c := range contents {
		d := manifest.DigestOf([]byte(c))
		if err := b.Add(d, int64(len(c)), strings.NewReader(c)); err != nil {
			return nil, err
		}
		ds = append(ds, d)
	}
	return ds, b.Commit(ctx)
}

// read returns the content of a blob.
func (k *kit) read(d manifest.Digest) string {
	k.Helper()
	b, err := k.Open(ctx, d)
	k.must(err)
	defer b.Close()
	got, err := io.ReadAll(io.NewSectionReader(b, 0, b.Size()+1))
	k.must(err)
	return string(got)
}

// have asks whether session s has the blobs, seeing what is below sight.
func (k *kit) have(s store.SessionID, sight manifest.Path, ds ...manifest.Digest) []bool {
	k.Helper()
	got, err := k.Have(ctx, s, ds, func(p manifest.Path) bool { return p.Within(sight) })
	k.must(err)
	return got
}

// tree makes a list of "path", "path=content", "path->link" and "path/".
// Every entry has mode 0644 (directories 0755) and the same mtime.
func tree(specs ...string) (l manifest.List) {
	for _, s := range specs {
		e := manifest.Entry{Mode: 0o644, MTime: 1_600_000_000_123_456_789}
		switch {
		case strings.HasSuffix(s, "/"):
			e.Path, e.Kind, e.Mode = manifest.Path(strings.TrimSuffix(s, "/")), manifest.Dir, 0o755
		case strings.Contains(s, "->"):
			path, link, _ := strings.Cut(s, "->")
			e.Path, e.Kind, e.Link, e.Mode = manifest.Path(path), manifest.Symlink, link, 0o777
		default:
			path, content, _ := strings.Cut(s, "=")
			e.Path, e.Kind, e.Size, e.Digest = manifest.Path(path), manifest.File, int64(len(content)), manifest.DigestOf([]byte(content))
		}
		l = append(l, e)
	}
	l.Sort()
	return l
}

// A change is a commit in words: the flags are "mirror", "overwrite".
func change(target manifest.Path, flags string, specs ...string) store.Commit {
	l := tree(specs...)
	return store.Commit{
		Session: "s", Target: target, Entries: l, TreeDigest: l.TreeDigest(), Time: now,
		Mirror: strings.Contains(flags, "mirror"), Overwrite: strings.Contains(flags, "overwrite"),
	}
}

// publish puts the contents of the entries and commits the change.
func (k *kit) publish(target manifest.Path, flags string, specs ...string) store.Publication {
	k.Helper()
	for _, s := range specs {
		if _, content, ok := strings.Cut(s, "="); ok {
			k.put(content)
		}
	}
	p, err := k.Commit(ctx, change(target, flags, specs...))
	k.must(err)
	return p
}

// show returns everything below dir at v in the words of tree, sorted.
func (k *kit) show(dir manifest.Path, v store.Version) (out []string) {
	k.Helper()
	k.must(k.Walk(ctx, dir, v, func(e manifest.Entry) error {
		s := string(e.Path)
		switch e.Kind {
		case manifest.Dir:
			s += "/"
		case manifest.Symlink:
			s += "->" + e.Link
		case manifest.File:
			s += "=" + k.read(e.Digest)
		}
		out = append(out, s)
		return nil
	}))
	slices.Sort(out)
	return out
}

// shows fails unless show gives just these.
func (k *kit) shows(dir manifest.Path, v store.Version, want ...string) {
	k.Helper()
	if got := k.show(dir, v); !slices.Equal(got, want) {
		k.Fatalf("below %q at %d:\n got %q\nwant %q", dir, v, got, want)
	}
}

func equal[T comparable](k *kit, what string, got, want T) {
	k.Helper()
	if got != want {
		k.Fatalf("%s: got %v, want %v", what, got, want)
	}
}

func equals[T comparable](k *kit, what string, got, want []T) {
	k.Helper()
	if !slices.Equal(got, want) {
		k.Fatalf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// noise returns n hexadecimal digits that do not repeat, other ones for every
// seed.
func noise(seed string, n int) string {
	var b strings.Builder
	for d := manifest.DigestOf([]byte(seed)); b.Len() < n; d = manifest.DigestOf(d[:]) {
		b.WriteString(d.String())
	}
	return b.String()[:n]
}
