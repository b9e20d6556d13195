package token

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// memory is store.Records in a map; a failed Update leaves it as it was.
type memory struct {
	mu      sync.RWMutex
	m       map[string][]byte // bucket NUL key
	updates int               // committed, of Update
}

func newMemory() *memory { return &memory{m: make(map[string][]byte)} }

func (r *memory) Update(_ context.Context, f func(store.Tx) error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	tx := &memoryTx{m: r.m, undo: make(map[string][]byte), write: true}
	if err := f(tx); err != nil {
		for k, v := range tx.undo {
			if v == nil {
				delete(r.m, k)
			} else {
				r.m[k] = v
			}
		}
		return err
	}
	r.updates++
	return nil
}

func (r *memory) View(_ context.Context, f func(store.Tx) error) error {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return f(&memoryTx{m: r.m})
}

// dump returns everything that is stored, keys and values.
func (r *memory) dump() string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(r.m)) {
		fmt.Fprintf(&b, "%s %s\n", k, r.m[k])
	}
	return b.String()
}

type memoryTx struct {
	m     map[string][]byte
	undo  map[string][]byte
	write bool
}

func (t *memoryTx) Get(bucket, key string) ([]byte, error) {
	v, ok := t.m[bucket+"\x00"+key]
	if !ok {
		return nil, fmt.Errorf("%w: %s %s", store.ErrNotFound, bucket, key)
	}
	return slices.Clone(v), nil
}

func (t *memoryTx) save(k string) {
	if !t.write {
		panic("a view was written to")
	}
	if _, ok := t.undo[k]; !ok {
		t.undo[k] = t.m[k]
	}
}

func (t *memoryTx) Put(bucket, key string, value []byte) error {
	k := bucket + "\x00" + key
	t.save(k)
	t.m[k] = append([]byte{}, value...)
	return nil
}

func (t *memoryTx) Delete(bucket, key string) error {
	t.save(bucket + "\x00" + key)
	delete(t.m, bucket+"\x00"+key)
	return nil
}

func (t *memoryTx) Scan(bucket, prefix string, f func(string, []byte) bool) error {
	for _, k := range slices.Sorted(maps.Keys(t.m)) {
		key, ok := strings.CutPrefix(k, bucket+"\x00")
		if ok && strings.HasPrefix(key, prefix) && !f(key, t.m[k]) {
			return nil
		}
	}
	return nil
}

// sink takes alerts and counts.
type sink struct {
	mu     sync.Mutex
	alerts []Alert
	counts map[string]int64
	waited []time.Duration
}

func (s *sink) Alert(a Alert) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.alerts = append(s.alerts, a)
}

func (s *sink) Add(name, label string, n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[name+" "+label] += n
}

func (s *sink) sleep(_ context.Context, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d > 0 {
		s.waited = append(s.waited, d)
	}
}

func (s *sink) kinds() []Kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ks []Kind
	for _, a := range s.alerts {
		ks = append(ks, a.Kind)
	}
	return ks
}

// world is a service with everything around it.
type world struct {
	*Service
	t       *testing.T
	records *memory
	sink    *sink
	now     time.Time
	farm    Scheduler // has no ceiling
}

var (
	start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	here  = netip.MustParseAddr("10.0.0.7")
	there = netip.MustParseAddr("192.0.2.9")
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, records: newMemory(), now: start, farm: Scheduler{Name: "farm"}}
	w.restart()
	if err := w.PutScheduler(t.Context(), w.farm); err != nil {
		t.Fatal(err)
	}
	return w
}

// restart replaces the service by a new one on the same records, as after a
// crash.
func (w *world) restart() {
	w.t.Helper()
	w.sink = &sink{counts: make(map[string]int64)}
	s, err := New(Config{
		Records: w.records, Clock: func() time.Time { return w.now },
		Alerts: w.sink, Counters: w.sink, Sleep: w.sink.sleep,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.Service = s
}

func (w *world) issue(g Grant) (bearer string, r Record) {
	w.t.Helper()
	if g.Target == "" {
		g.Target = "android/panda/42"
	}
	bearer, r, err := w.Issue(w.t.Context(), w.farm, g, IssueOptions{})
	if err != nil {
		w.t.Fatalf("Issue: %v", err)
	}
	return bearer, r
}

func (w *world) derive(parent string, g Grant) (bearer string, r Record) {
	w.t.Helper()
	bearer, r, err := w.Derive(w.t.Context(), w.farm, parent, g, IssueOptions{})
	if err != nil {
		w.t.Fatalf("Derive: %v", err)
	}
	return bearer, r
}

// admit admits a request and releases it at once.
func (w *world) admit(q Request) (*Pass, error) {
	if !q.From.IsValid() {
		q.From = here
	}
	p, err := w.Admit(context.Background(), q)
	if err == nil {
		p.Release()
	}
	return p, err
}

// open opens a session named like its secret.
func (w *world) open(bearer, secret string, files, bytes int64) (*Pass, *Use, error) {
	h := connect.HashSession(secret)
	p, err := w.admit(Request{Bearer: bearer, Phase: Outside, Session: h})
	if err != nil {
		return nil, nil, err
	}
	var u *Use
	err = w.records.Update(context.Background(), func(tx store.Tx) (err error) {
		u, err = w.Open(tx, p, Opening{
			Hash: h, Session: store.SessionID(secret), Target: p.Record.Grant.Target, Files: files, Bytes: bytes,
		})
		return err
	})
	return p, u, w.Refuse(context.Background(), p, err)
}

var receipt = json.RawMessage(`{"publication":7}`)

// commit redeems what the session holds, as a store's commit would.
func (w *world) commit(bearer, secret string, r Redemption) (json.RawMessage, error) {
	r.Hash = connect.HashSession(secret)
	p, err := w.admit(Request{Bearer: bearer, Phase: Finish, Session: r.Hash})
	if err != nil {
		return nil, err
	}
	if p.Use.Receipt != nil {
		return p.Use.Receipt, nil
	}
	err = w.records.Update(context.Background(), func(tx store.Tx) error {
		if err := w.CheckRedeem(tx, p, r); err != nil {
			return err
		}
		return w.Redeem(tx, p, r, receipt)
	})
	if err == nil {
		w.Published(p, r)
	}
	return receipt, w.Refuse(context.Background(), p, err)
}

func (w *world) show(accessor string) Record {
	w.t.Helper()
	r, _, err := w.Show(w.t.Context(), w.farm, accessor)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// events returns "kind code" of every event of the log, oldest first.
func (w *world) events(q Query) []string {
	w.t.Helper()
	var out []string
	err := Events(w.t.Context(), w.records, q, func(e Event) bool {
		out = append(out, strings.TrimSpace(string(e.Kind)+" "+cmp.Or(string(e.Code), string(e.Alert))))
		return true
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// code returns the code of a refusal, "" for nil, and the text of any other
// error.
func code(err error) Code {
	var d *Denied
	switch {
	case err == nil:
		return ""
	case errors.As(err, &d):
		return d.Code
	}
	return Code(err.Error())
}

func (w *world) want(err error, want Code) {
	w.t.Helper()
	if got := code(err); got != want {
		w.t.Errorf("got %q (%v), want %q", got, err, want)
	}
}

// forge makes a well-formed bearer of the parts.
func forge(kind connect.Kind, accessor, secret string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	s := string(kind) + accessor + secret
	sum := crc32.ChecksumIEEE([]byte(s))
	check := make([]byte, 6)
	for i := range check {
		check[5-i] = digits[sum%62]
		sum /= 62
	}
	return s + string(check)
}

// wrongSecret returns a well-formed bearer with the accessor of b and another
// secret.
func wrongSecret(b string) string {
	kind, accessor, secret, err := connect.SplitBearer(b)
	if err != nil {
		panic(err)
	}
	last := secret[len(secret)-1:]
	return forge(kind, accessor, secret[:len(secret)-1]+string("AB"[strings.Count(last, "A")]))
}

// spy writes down the operations on records by kind, bucket and size.
type spy struct {
	store.Records
	seen []string
}

func (s *spy) Update(ctx context.Context, f func(store.Tx) error) error {
	s.seen = append(s.seen, "update")
	return s.Records.Update(ctx, func(tx store.Tx) error { return f(spyTx{tx, s}) })
}

func (s *spy) View(ctx context.Context, f func(store.Tx) error) error {
	s.seen = append(s.seen, "view")
	return s.Records.View(ctx, func(tx store.Tx) error { return f(spyTx{tx, s}) })
}

type spyTx struct {
	store.Tx
	s *spy
}

func (t spyTx) Get(bucket, key string) ([]byte, error) {
	t.s.seen = append(t.s.seen, fmt.Sprint("get ", bucket, len(key)))
	return t.Tx.Get(bucket, key)
}

func (t spyTx) Put(bucket, key string, value []byte) error {
	t.s.seen = append(t.s.seen, fmt.Sprint("put ", bucket, len(key), len(value)))
	return t.Tx.Put(bucket, key, value)
}
