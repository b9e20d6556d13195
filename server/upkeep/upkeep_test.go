package upkeep_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/build"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/server/upkeep"
	"github.com/pubsync/pubsync/sync/manifest"
)

// large is the size of a file that is not in a pack.
const large = 2 * store.SmallBlob

// kit is a store with one file in each of some builds.
type kit struct {
	*testing.T
	*disk.Store
	dir string
	now time.Time
}

func newKit(t *testing.T, builds, size int) *kit {
	k := &kit{T: t, dir: t.TempDir(), now: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}
	var err error
	k.Store, err = disk.Open(t.Context(), disk.Options{Dir: k.dir, Volatile: true})
	k.check(err)
	t.Cleanup(func() { k.Store.Close() })
	b, err := k.NewBatch("s")
	k.check(err)
	for i := range builds {
		c := content(i, size)
		k.check(b.Add(manifest.DigestOf(c), int64(len(c)), bytes.NewReader(c)))
	}
	k.check(b.Commit(t.Context()))
	for i := range builds {
		c := content(i, size)
		_, err = k.Commit(t.Context(), store.Commit{Target: manifest.Path(fmt.Sprintf("p/%d", i)), Time: k.now, Entries: manifest.List{
			{Path: "odd 100%\xff", Kind: manifest.File, Mode: 0o644, Size: int64(len(c)), Digest: manifest.DigestOf(c)},
		}})
		k.check(err)
	}
	k.check(k.Release(t.Context(), "s"))
	return k
}

func content(i, size int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%08d", i), size/8) }

func (k *kit) check(err error) {
	k.Helper()
	if err != nil {
		k.Fatal(err)
	}
}

func (k *kit) keeper(types build.Types) *upkeep.Keeper {
	return upkeep.New(upkeep.Config{
		Store: k.Store, Types: types, Now: func() time.Time { return k.now }, Dir: k.dir, Beside: []string{"tls", "absent", "key"},
		Live: func(context.Context) func(store.SessionID) bool { return func(store.SessionID) bool { return false } },
	})
}

// flip alters a byte of the content of build i, which is in the first pack.
func (k *kit) flip(i, size int) {
	k.Helper()
	name := filepath.Join(k.dir, "packs", "00000001.pack")
	b, err := os.ReadFile(name)
	k.check(err)
	at := bytes.Index(b, content(i, size))
	if at < 0 {
		k.Fatalf("build %d is not in the pack", i)
	}
	b[at] ^= 1
	k.check(os.WriteFile(name, b, 0o600))
}

func TestCollectReportsRetentionAndSpace(t *testing.T) {
	k := newKit(t, 3, large)
	keep := k.keeper(build.Types{"p": {KeepBuilds: 1}})
	for _, dry := range []bool{true, false} {
		r, err := keep.Collect(t.Context(), upkeep.Actor{}, dry)
		k.check(err)
		if len(r.Removed) != 2 || r.Removed[0].Files != 1 || r.Removed[0].Bytes != large {
			t.Fatalf("dry run %v: %+v", dry, r.Removed)
		}
		if r.Blobs != 2 || r.Freed != 2*large || !dry && r.Forgotten != 4 {
			t.Errorf("dry run %v: %+v", dry, r)
		}
	}
}

func TestCheckNamesPathsAndVersions(t *testing.T) {
	k := newKit(t, 2, 64)
	k.flip(1, 64)
	var lines []upkeep.Line
	err := k.keeper(nil).Check(t.Context(), upkeep.CheckOptions{Content: true, Repair: true}, func(l upkeep.Line) error {
		lines = append(lines, l)
		return nil
	})
	k.check(err)
	if len(lines) != 3 || lines[0].Repaired == nil || lines[1].Finding == nil || lines[2].Checked.Damaged != 1 {
		t.Fatalf("%+v", lines)
	}
	if got, want := lines[1].Finding.Uses, (upkeep.Use{Path: "p/1/odd%20100%25%FF", From: 2}); len(got) != 1 || got[0] != want {
		t.Errorf("uses: %+v", got)
	}
}

// sleeps returns a Sleep that goes on so many times.
func sleeps(n int, each func()) func(context.Context, time.Duration) error {
	return func(context.Context, time.Duration) error {
		if n--; n < 0 {
			return errors.New("over")
		}
		each()
		return nil
	}
}

func TestCollectionsInTheBackground(t *testing.T) {
	k := newKit(t, 2, large)
	var log bytes.Buffer
	k.keeper(build.Types{"p": {KeepBuilds: 1}}).Collections(t.Context(), upkeep.Schedule{
		Every: time.Hour, Sleep: sleeps(2, func() {}), Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	if n := strings.Count(log.String(), "removed by retention"); n != 1 || !strings.Contains(log.String(), "freed=") {
		t.Errorf("log: %s", &log)
	}
}

// A check in the background is cut off half way, goes on where it was, finds the
// damage, keeps to its rate, and begins again when it is due.
func TestChecksInTheBackground(t *testing.T) {
	const size = 64
	k := newKit(t, 2100, size)
	k.flip(10, size)
	k.flip(2050, size)
	var (
		log  bytes.Buffer
		read int
		stop = errors.New("stop")
		fail = true
	)
	keep := k.keeper(nil)
	schedule := func(n int) upkeep.Schedule {
		return upkeep.Schedule{
			CheckEvery: 7 * 24 * time.Hour, Sleep: sleeps(n, func() { k.now = k.now.Add(time.Minute) }),
			Log: slog.New(slog.NewTextHandler(&log, nil)),
			Throttle: func(_ context.Context, n int) error {
				if read += n; fail && read > size*2040 {
					return stop
				}
				return nil
			},
		}
	}
	keep.Checks(t.Context(), schedule(1))
	if got := log.String(); !strings.Contains(got, "stop") || !strings.Contains(got, "p/10/odd") || strings.Contains(got, "p/2050/") {
		t.Fatalf("cut off: %s", got)
	}
	log.Reset()
	fail, read = false, 0
	k.keeper(nil).Checks(t.Context(), schedule(3))
	if got := log.String(); !strings.Contains(got, "p/2050/") || strings.Contains(got, "p/10/odd") || strings.Count(got, "content checked") != 1 {
		t.Errorf("gone on: %s", got)
	}
	if read > 110*large {
		t.Errorf("%d bytes read again", read)
	}
	k.now = k.now.Add(7 * 24 * time.Hour)
	log.Reset()
	k.keeper(nil).Checks(t.Context(), schedule(1))
	if got := log.String(); !strings.Contains(got, "damaged=2") {
		t.Errorf("due again: %s", got)
	}
}

func TestBackupTakesWhatLiesBesideTheStore(t *testing.T) {
	k := newKit(t, 1, large)
	k.check(os.MkdirAll(filepath.Join(k.dir, "tls"), 0o700))
	k.check(os.WriteFile(filepath.Join(k.dir, "tls", "cert.pem"), []byte("c"), 0o644))
	k.check(os.WriteFile(filepath.Join(k.dir, "key"), []byte("k"), 0o600))
	to := filepath.Join(t.TempDir(), "copy")
	_, err := k.keeper(nil).Backup(t.Context(), to)
	k.check(err)
	for name, mode := range map[string]os.FileMode{"tls/cert.pem": 0o644, "key": 0o600, "format": 0o600} {
		st, err := os.Stat(filepath.Join(to, name))
		k.check(err)
		if st.Mode() != mode {
			t.Errorf("%s has mode %v", name, st.Mode())
		}
	}
	if _, err := k.keeper(nil).Backup(t.Context(), to); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("onto a backup: %v", err)
	}
	s, err := disk.Open(t.Context(), disk.Options{Dir: to, Volatile: true})
	k.check(err)
	defer s.Close()
	sum, err := s.Check(t.Context(), store.CheckOptions{Content: true}, func(f store.Finding) error { return f.Err })
	k.check(err)
	if sum.Blobs != 1 {
		t.Errorf("%+v", sum)
	}
}
