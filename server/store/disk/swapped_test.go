package disk_test

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/pubsync/pubsync/sync/walk/swaptest"

	"github.com/pubsync/pubsync/server/store/disk"
)

// TestSwappedFolders does everything that a store does to files while a folder
// of the store and a link to a folder outside take turns at one name (threats,
// row 19): nothing outside is read, written, renamed or removed. An operation
// may fail.
func TestSwappedFolders(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	for _, name := range []string{dir + "/sub/f", dir + "/sub/gone", dir + "/sub/moved", outside + "/f", outside + "/gone", outside + "/moved", outside + "/only-outside"} {
		text := "good"
		if filepath.Dir(name) == outside {
			text = "evil"
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	fsys, err := disk.NewFS(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	var (
		flips atomic.Int64
		stop  = make(chan struct{})
		wg    sync.WaitGroup
	)
	wg.Go(func() { swaptest.Flip(stop, dir, outside, &flips) })
	const rounds = 300
	done := 0
	for i := 0; i < rounds || flips.Load() < rounds; i++ {
		done += useFolder(t, fsys)
	}
	close(stop)
	wg.Wait()
	if done += useFolder(t, fsys); done == 0 {
		t.Error("nothing was ever done")
	}
	names := func(dir string) (list []string) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			list = append(list, e.Name())
		}
		return list
	}
	if got := names(outside); !slices.Equal(got, []string{"f", "gone", "moved", "only-outside"}) {
		t.Errorf("outside holds %q", got)
	}
	for _, name := range names(outside) {
		if b, err := os.ReadFile(filepath.Join(outside, name)); err != nil || string(b) != "evil" {
			t.Errorf("outside, %s holds %q, %v", name, b, err)
		}
	}
}

// useFolder reads, writes, lists, renames and removes in the folder "sub", and
// returns how much of it went through.
func useFolder(t *testing.T, fsys disk.FS) (done int) {
	t.Helper()
	if f, err := fsys.OpenFile("sub/f", os.O_RDONLY, 0); err == nil {
		b := make([]byte, 4)
		if _, err := f.ReadAt(b, 0); err == nil && string(b) != "good" {
			t.Errorf("read %q", b)
		}
		f.Close()
		done++
	}
	if f, err := fsys.OpenFile("sub/new", os.O_RDWR|os.O_CREATE, 0o600); err == nil {
		_, _ = f.WriteAt([]byte("new"), 0)
		f.Close()
		done++
	}
	if list, err := fsys.ReadDir("sub"); err == nil {
		for _, e := range list {
			if e.Name() == "only-outside" {
				t.Error("the folder outside was listed")
			}
		}
		done++
	}
	if st, err := fsys.Stat("sub/only-outside"); err == nil {
		t.Errorf("outside, %s was seen", st.Name())
	}
	for _, err := range []error{
		fsys.Rename("sub/moved", "sub/away"), fsys.Remove("sub/gone"), fsys.Mkdir("sub/folder", 0o700), fsys.SyncDir("sub"),
	} {
		if err == nil {
			done++
		}
	}
	return done
}
