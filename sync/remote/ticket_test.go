package remote

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// A ticketSite is a server that notes how each connection to it was made, and clients
// that keep their tickets in one folder.
type ticketSite struct {
	*server
	dir string
	met []tls.ConnectionState
}

func newTicketSite(t *testing.T) *ticketSite {
	s := &ticketSite{dir: filepath.Join(t.TempDir(), "state", "tls")}
	s.server = newServer(t, func(w http.ResponseWriter, r *http.Request) {
		s.met = append(s.met, *r.TLS)
		fmt.Fprintln(w, "{}")
	})
	return s
}

// pin is that of the server's key.
func (s *ticketSite) pin() *[32]byte {
	sum := sha256.Sum256(s.http.Certificate().RawSubjectPublicKeyInfo)
	return &sum
}

// visit makes one request over a connection of its own.
func (s *ticketSite) visit(cfg Config) (Stats, error) {
	s.Helper()
	cfg.Tickets, cfg.Token = s.dir, "a canary that sings"
	if cfg.Patience == 0 {
		cfg.Patience = 1
	}
	c := s.client(cfg)
	defer c.Close()
	err := c.GetJSON(s.Context(), "/", nil)
	return c.Stats(), err
}

// mustVisit is a visit that succeeds at once; it returns how the connection was made.
func (s *ticketSite) mustVisit(cfg Config) (Stats, tls.ConnectionState) {
	s.Helper()
	stats, err := s.visit(cfg)
	if err != nil {
		s.Fatal(err)
	}
	return stats, s.met[len(s.met)-1]
}

// file is where the one ticket is.
func (s *ticketSite) file() string {
	s.Helper()
	names, err := filepath.Glob(filepath.Join(s.dir, "*"))
	if err != nil || len(names) != 1 {
		s.Fatalf("tickets: %q, %v", names, err)
	}
	return names[0]
}

// change rewrites the ticket that is kept.
func (s *ticketSite) change(f func(*ticket)) {
	s.Helper()
	b, err := os.ReadFile(s.file())
	k := &ticket{}
	if err = errors.Join(err, json.Unmarshal(b, k)); err != nil {
		s.Fatal(err)
	}
	f(k)
	if b, err = json.Marshal(k); err == nil {
		err = os.WriteFile(s.file(), b, 0o600)
	}
	if err != nil {
		s.Fatal(err)
	}
}

// A later client goes on with the session of one before, which spares both sides the
// certificate and the large key shares; again and again.
func TestResumesSessions(t *testing.T) {
	s := newTicketSite(t)
	cfg := Config{Pin: s.pin()}
	first, met := s.mustVisit(cfg)
	if met.DidResume || met.CurveID != tls.X25519MLKEM768 {
		t.Errorf("the first connection is resumed: %v, its keys are of %v", met.DidResume, met.CurveID)
	}
	fi, err := os.Stat(s.file())
	if err != nil || runtime.GOOS != "windows" && fi.Mode() != 0o600 {
		t.Errorf("kept with mode %v, %v", fi.Mode(), err)
	}
	b, _ := os.ReadFile(s.file())
	if bytes.Contains(b, []byte("canary")) {
		t.Error("the token is kept")
	}
	for range 3 {
		next, met := s.mustVisit(cfg)
		if !met.DidResume || met.CurveID != tls.X25519 {
			t.Errorf("a later connection is resumed: %v, its keys are of %v", met.DidResume, met.CurveID)
		}
		if up, down := first.Sent-next.Sent, first.Received-next.Received; up < 900 || down < 1000 {
			t.Errorf("it spares %d bytes up and %d down", up, down)
		}
	}
}

// What a server is known by is checked of a resumed session too: were it not, the
// ticket that one server gave would open the door to another.
func TestResumedIdentity(t *testing.T) {
	for name, strange := range map[string]Config{
		"another pin":       {Pin: &[32]byte{1}},
		"other authorities": {Roots: x509.NewCertPool()},
	} {
		s := newTicketSite(t)
		right := Config{}
		if strange.Pin != nil {
			right.Pin = s.pin()
		}
		s.mustVisit(right)
		kept := s.file()
		// The strange one finds it under the name that it looks for.
		other := newTickets(Config{Tickets: s.dir, Pin: strange.Pin}, s.http.Listener.Addr().String()).kept.file
		if other != kept {
			if err := os.Rename(kept, other); err != nil {
				t.Fatal(err)
			}
		}
		visits := len(s.met)
		if _, err := s.visit(strange); !errors.Is(err, ErrIdentity) {
			t.Errorf("%s: %v", name, err)
		}
		if len(s.met) != visits {
			t.Errorf("%s: the request was sent", name)
		}
	}
}

// A ticket that is of no use costs a full handshake, with the usual keys, and nobody
// notices.
func TestUselessTickets(t *testing.T) {
	uselessTickets(t, map[string]func(*ticketSite) error{
		"the server was restarted": func(s *ticketSite) error {
			var key [32]byte
			_, _ = rand.Read(key[:])
			s.http.TLS.SetSessionTicketKeys([][32]byte{key})
			return nil
		},
		"the server speaks no HTTP/2 any more": func(s *ticketSite) error {
			s.change(func(k *ticket) { k.HTTP2 = true })
			s.http.TLS.NextProtos = []string{"http/1.1"}
			return nil
		},
		"no JSON": func(s *ticketSite) error { return os.WriteFile(s.file(), []byte("?"), 0o600) },
		"no state": func(s *ticketSite) error {
			s.change(func(k *ticket) { k.State = k.State[:9] })
			return nil
		},
		"too large": func(s *ticketSite) error {
			b, err := os.ReadFile(s.file())
			if err != nil {
				return err
			}
			spaces := bytes.Repeat([]byte(" "), maxKeptFile+1-len(b))
			return os.WriteFile(s.file(), append(b, spaces...), 0o600) // it would be read otherwise
		},
		"a week old": func(s *ticketSite) error {
			s.change(func(k *ticket) { k.Full -= int64(maxTicketAge / time.Second) })
			return nil
		},
		"of tomorrow": func(s *ticketSite) error {
			s.change(func(k *ticket) { k.Full += 24 * 3600 })
			return nil
		},
	})
}

// uselessTickets visits a site again after its ticket was spoilt in each way.
func uselessTickets(t *testing.T, ways map[string]func(*ticketSite) error) {
	t.Helper()
	for name, spoil := range ways {
		s := newTicketSite(t)
		cfg := Config{Pin: s.pin()}
		s.mustVisit(cfg)
		if err := spoil(s); err != nil {
			t.Fatal(err)
		}
		if _, met := s.mustVisit(cfg); met.DidResume || met.CurveID != tls.X25519MLKEM768 {
			t.Errorf("%s: resumed: %v, keys of %v", name, met.DidResume, met.CurveID)
		}
	}
}

// Where the first keys did not withstand quantum computers, those of a resumed session
// are offered to.
func TestResumedKeysAreNoWorse(t *testing.T) {
	s := newTicketSite(t)
	cfg := Config{Pin: s.pin()}
	s.mustVisit(cfg)
	s.change(func(k *ticket) { k.Hybrid = false })
	for _, want := range []tls.CurveID{tls.X25519MLKEM768, tls.X25519} {
		if _, met := s.mustVisit(cfg); !met.DidResume || met.CurveID != want {
			t.Errorf("resumed: %v, keys of %v, want %v", met.DidResume, met.CurveID, want)
		}
	}
}

// However often a session goes on, the week is counted from the last full handshake.
func TestResumedSessionsAge(t *testing.T) {
	s := newTicketSite(t)
	cfg := Config{Pin: s.pin()}
	s.mustVisit(cfg)
	age := func(by time.Duration) { s.change(func(k *ticket) { k.Full -= int64(by / time.Second) }) }
	for range 3 {
		age(2 * 24 * time.Hour)
		if _, met := s.mustVisit(cfg); !met.DidResume {
			t.Error("within the week it is not resumed")
		}
	}
	age(2 * 24 * time.Hour)
	if _, met := s.mustVisit(cfg); met.DidResume {
		t.Error("after eight days it is resumed still")
	}
}

// Tickets of TLS 1.2 hold the keys of the session itself, so they are not kept.
func TestNoTicketsOfTLS12(t *testing.T) {
	s := newTicketSite(t)
	s.http.TLS.MaxVersion = tls.VersionTLS12
	for range 2 {
		if _, met := s.mustVisit(Config{Pin: s.pin()}); met.Version != tls.VersionTLS12 || met.DidResume {
			t.Errorf("version %x, resumed: %v", met.Version, met.DidResume)
		}
	}
	if kept, err := os.ReadDir(s.dir); len(kept) > 0 {
		t.Errorf("%d tickets are kept, %v", len(kept), err)
	}
}

// Nothing is kept where nothing can be, and only so many tickets.
func TestTicketsAreFew(t *testing.T) {
	s := newTicketSite(t)
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range 2 * maxKept {
		if err := os.WriteFile(filepath.Join(s.dir, fmt.Sprint(i)), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.mustVisit(Config{Pin: s.pin()})
	if all, err := os.ReadDir(s.dir); err != nil || len(all) != maxKept {
		t.Errorf("%d files, %v", len(all), err)
	}
	if _, met := s.mustVisit(Config{Pin: s.pin()}); !met.DidResume {
		t.Error("the newest was removed")
	}
	blocked := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(blocked, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.dir = filepath.Join(blocked, "tls") // below a file there is no folder
	for range 2 {
		if _, met := s.mustVisit(Config{Pin: s.pin()}); met.DidResume {
			t.Error("resumed by a ticket from nowhere")
		}
	}
}
