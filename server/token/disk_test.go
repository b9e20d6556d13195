package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

func openDisk(tb testing.TB, dir string, volatile bool) *disk.Store {
	tb.Helper()
	st, err := disk.Open(context.Background(), disk.Options{Dir: dir, Volatile: volatile})
	if err != nil {
		tb.Fatal(err)
	}
	return st
}

// publish opens a session on a real store and commits an empty directory in
// it, as a server does.
func publish(ctx context.Context, s *Service, st store.Store, bearer, secret string) (store.Version, error) {
	h := connect.HashSession(secret)
	p, err := s.Admit(ctx, Request{Bearer: bearer, From: here, Session: h})
	if err != nil {
		return 0, err
	}
	defer p.Release()
	err = st.Update(ctx, func(tx store.Tx) error {
		_, err := s.Open(tx, p, Opening{Hash: h, Session: store.SessionID(secret), Target: p.Record.Grant.Target})
		return err
	})
	if err != nil {
		return 0, s.Refuse(ctx, p, err)
	}
	r := Redemption{Hash: h}
	pub, err := st.Commit(ctx, store.Commit{
		Session: store.SessionID(secret), Target: p.Record.Grant.Target, Time: s.now(), Overwrite: p.Record.Grant.Overwrite,
		Entries: manifest.List{{Path: "d", Kind: manifest.Dir, Mode: 0o755}},
		Before:  func(tx store.Tx) error { return s.CheckRedeem(tx, p, r) },
		After: func(tx store.Tx, pub *store.Publication) error {
			return s.Redeem(tx, p, r, json.RawMessage(fmt.Sprint(pub.Number)))
		},
	})
	var done *Redeemed
	if errors.As(err, &done) {
		var n store.Version
		return n, json.Unmarshal(done.Receipt, &n)
	}
	if err != nil {
		return 0, s.Refuse(ctx, p, Exists(err))
	}
	s.Published(p, r)
	return pub.Number, nil
}

func TestOnARealStore(t *testing.T) {
	dir := t.TempDir()
	st := openDisk(t, dir, true)
	s, err := New(Config{Records: st, Clock: func() time.Time { return start }})
	if err != nil {
		t.Fatal(err)
	}
	bearer, r, err := s.Issue(t.Context(), Scheduler{Name: "farm"}, Grant{Target: "a/b", Parallel: 64}, IssueOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	errs := make([]error, 64)
	for i := range errs {
		wg.Go(func() { _, errs[i] = publish(t.Context(), s, st, bearer, fmt.Sprint("s", i)) })
	}
	wg.Wait()
	winner := -1
	for i, err := range errs {
		if err == nil && winner < 0 {
			winner = i
		} else if c := code(err); c != CodeInUse && c != CodeConsumed {
			t.Errorf("%d: %v", i, err)
		}
	}
	if v, err := st.Version(t.Context()); v != 1 || err != nil || winner < 0 {
		t.Fatalf("version %d, %v, winner %d", v, err, winner)
	}
	if n, err := publish(t.Context(), s, st, bearer, fmt.Sprint("s", winner)); n != 1 || err != nil {
		t.Errorf("the winner's repeat: %d, %v", n, err)
	}
	if list, err := s.List(t.Context(), Scheduler{Name: "farm"}, ListQuery{}); len(list) != 1 || err != nil ||
		list[0].Spent.Publications != 1 || list[0].Spent.InUse != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	_, accessor, secret, err := connect.SplitBearer(bearer)
	if err != nil || accessor != r.Accessor {
		t.Fatal(err)
	}
	if !inFiles(t, dir, accessor) {
		t.Error("the accessor is in no file: the test looks in the wrong place")
	}
	if inFiles(t, dir, secret) {
		t.Error("the secret is in a file")
	}
}

// inFiles reports whether a file below dir contains s.
func inFiles(t *testing.T, dir, s string) (found bool) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || strings.Contains(string(b), s)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// BenchmarkIssueAndRedeem issues a token, opens a session with it and publishes,
// all durable, by eight callers at once. 20,000 a minute are 3 ms each.
func BenchmarkIssueAndRedeem(b *testing.B) {
	st := openDisk(b, b.TempDir(), false)
	defer st.Close()
	s, err := New(Config{Records: st, Clock: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	var n sync.Mutex
	i := 0
	b.SetParallelism(4)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			n.Lock()
			i++
			id := i
			n.Unlock()
			target := manifest.Path(fmt.Sprintf("ci/%d/%d", id%100, id))
			bearer, _, err := s.Issue(b.Context(), Scheduler{Name: "farm"}, Grant{Target: target}, IssueOptions{})
			if err == nil {
				_, err = publish(b.Context(), s, st, bearer, fmt.Sprint("secret ", id))
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
}
