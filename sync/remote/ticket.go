package remote

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// A ticket is what a TLS 1.3 session is resumed by: the server's certificate is not
// sent again, and the keys come from the session before and a fresh key exchange.
// The certificate is checked all the same, against the pin or the authorities as they
// are now, since it is kept in the ticket.
//
// Tickets are kept in files that only their owner may read; there is no token in them,
// nor anything else that the server would take for who is asking. Whoever steals one
// can pretend to be that server to this client, if they are also where its connections
// pass, and so be handed the next token: until the client has used it, for then there
// is another, and for a week at most. What was recorded of connections cannot be read
// with it, whose keys come from exchanges of their own.
type ticket struct {
	Full   int64  `json:"full"`   // when the server last proved itself by its certificate; Unix seconds
	Hybrid bool   `json:"hybrid"` // its keys come from an exchange that withstands quantum computers
	Label  []byte `json:"ticket"`
	State  []byte `json:"state"`
}

// maxTicketAge is how long sessions go on without a full handshake, as RFC 8446 asks of
// single tickets in section 4.6.1.
const maxTicketAge = 7 * 24 * time.Hour

// valid reports whether the session may go on. A nil ticket is not valid.
func (k *ticket) valid(now time.Time) bool {
	if k == nil {
		return false
	}
	age := now.Sub(time.Unix(k.Full, 0))
	return 0 <= age && age < maxTicketAge
}

// session returns the ticket as package tls takes it, nil if it cannot be.
func (k *ticket) session() *tls.ClientSessionState {
	state, err := tls.ParseSessionState(k.State)
	if err != nil {
		return nil
	}
	s, err := tls.NewResumptionState(k.Label, state)
	if err != nil {
		return nil
	}
	return s
}

// Bounds of what is kept of tickets.
const (
	maxTicket  = 64 << 10 // bytes of a file
	maxTickets = 64       // files in the folder
)

// tickets keeps the newest ticket of one server in a file. What goes wrong with that
// costs a full handshake and is not told. It is safe for concurrent use.
type tickets struct {
	file string
	now  func() time.Time

	mu     sync.Mutex
	loaded bool
	newest *ticket
}

// newTickets returns the tickets of the server that cfg names and of how its identity
// is checked; nil if none are to be kept.
func newTickets(cfg Config, host string) *tickets {
	if cfg.Tickets == "" {
		return nil
	}
	whose := host + "\n"
	if cfg.Pin != nil {
		whose += hex.EncodeToString(cfg.Pin[:])
	}
	sum := sha256.Sum256([]byte(whose))
	return &tickets{file: filepath.Join(cfg.Tickets, hex.EncodeToString(sum[:16])+".json"), now: cfg.Now}
}

// get returns the newest ticket, nil if none is valid.
func (t *tickets) get() *ticket {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.loaded {
		t.loaded, t.newest = true, t.load()
	}
	if !t.newest.valid(t.now()) {
		return nil
	}
	return t.newest
}

func (t *tickets) load() *ticket {
	dir, err := os.Lstat(filepath.Dir(t.file))
	if err != nil || !private(dir) {
		return nil
	}
	fi, err := os.Lstat(t.file)
	if err != nil || !fi.Mode().IsRegular() || !private(fi) || fi.Size() > maxTicket {
		return nil
	}
	b, err := os.ReadFile(t.file)
	k := &ticket{}
	if err != nil || json.Unmarshal(b, k) != nil || k.session() == nil {
		return nil
	}
	return k
}

// put keeps a ticket, or with nil forgets the one that was.
func (t *tickets) put(k *ticket) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.loaded, t.newest = true, k
	if k == nil {
		_ = os.Remove(t.file)
		return
	}
	b, err := json.Marshal(k)
	if err != nil || len(b) > maxTicket {
		return
	}
	dir := filepath.Dir(t.file)
	if os.MkdirAll(dir, 0o700) != nil {
		return
	}
	if fi, err := os.Lstat(dir); err != nil || !private(fi) {
		return
	}
	makeRoom(dir)
	tmp, err := os.CreateTemp(dir, "new-*") // readable by its owner only
	if err != nil {
		return
	}
	_, err = tmp.Write(b)
	if closed := tmp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(tmp.Name(), t.file)
	}
	if err != nil {
		_ = os.Remove(tmp.Name())
	}
}

// makeRoom removes the oldest files where there are many.
func makeRoom(dir string) {
	all, err := os.ReadDir(dir)
	if err != nil || len(all) < maxTickets {
		return
	}
	written := func(e os.DirEntry) (at time.Time) {
		if fi, err := e.Info(); err == nil {
			at = fi.ModTime()
		}
		return at
	}
	slices.SortFunc(all, func(a, b os.DirEntry) int { return written(a).Compare(written(b)) })
	for _, e := range all[:len(all)-maxTickets+1] {
		_ = os.Remove(filepath.Join(dir, e.Name()))
	}
}
