package identity

import (
	"crypto/tls"
	"net"
	"testing"
	"time"
)

// A tickets is the one ticket of a client, as it came.
type tickets struct {
	newest *tls.ClientSessionState
	sizes  []int // of the tickets that came
}

func (t *tickets) Get(string) (*tls.ClientSessionState, bool) { return t.newest, t.newest != nil }

func (t *tickets) Put(_ string, s *tls.ClientSessionState) {
	t.newest = s
	if label, _, err := s.ResumptionState(); err == nil {
		t.sizes = append(t.sizes, len(label))
	}
}

// connect connects once, and returns whether the server knew the session.
func connect(t *testing.T, server *tls.Config, known *tls.ClientSessionState, kept *tickets) bool {
	t.Helper()
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	kept.newest = known
	client := tls.Client(near, &tls.Config{InsecureSkipVerify: true, ServerName: "server", ClientSessionCache: kept})
	served := make(chan error, 1)
	s := tls.Server(far, server)
	go func() {
		if err := s.Handshake(); err != nil {
			served <- err
			return
		}
		_, err := s.Write([]byte("hello")) // behind the ticket
		served <- err
	}()
	if _, err := client.Read(make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	return client.ConnectionState().DidResume
}

func serverOf(t *testing.T, s *TLSSessions) *tls.Config {
	t.Helper()
	c, err := Load(t.TempDir(), []string{"server"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{c}}
	s.Use(config)
	return config
}

// A session goes on by a short name, as often as one likes, and by no other name.
func TestSessionsGoOnByName(t *testing.T) {
	server, kept := serverOf(t, NewTLSSessions(1<<20)), &tickets{}
	if connect(t, server, nil, kept) {
		t.Error("the first connection goes on with something")
	}
	first := kept.newest
	for range 3 {
		if !connect(t, server, first, kept) {
			t.Error("the session does not go on")
		}
	}
	for _, n := range kept.sizes {
		if n != nameSize {
			t.Errorf("a ticket of %d bytes, want %d", n, nameSize)
		}
	}
	if len(kept.sizes) != 4 {
		t.Errorf("%d tickets came, want 4", len(kept.sizes))
	}
	_, state, err := first.ResumptionState()
	if err != nil {
		t.Fatal(err)
	}
	strange, err := tls.NewResumptionState([]byte("a name!!"), state)
	if err != nil {
		t.Fatal(err)
	}
	if connect(t, server, strange, kept) {
		t.Error("it goes on by another name")
	}
}

// The secret of a session does not leave the server: its name is all the ticket holds, and
// another server, or the same after a restart, knows nothing of it.
func TestSessionsOfAnother(t *testing.T) {
	kept := &tickets{}
	connect(t, serverOf(t, NewTLSSessions(1<<20)), nil, kept)
	if connect(t, serverOf(t, NewTLSSessions(1<<20)), kept.newest, kept) {
		t.Error("another server goes on with it")
	}
}

func TestSessionsAreBounded(t *testing.T) {
	const room = 5000
	s := NewTLSSessions(room)
	server, kept := serverOf(t, s), &tickets{}
	connect(t, server, nil, kept)
	first := kept.newest
	for range 50 {
		connect(t, server, nil, kept)
	}
	newest := kept.newest
	if n := len(s.states); n == 0 || n > room/overhead || n != len(s.names) {
		t.Errorf("%d sessions are kept, %d names", n, len(s.names))
	}
	if connect(t, server, first, kept) {
		t.Error("the oldest is kept")
	}
	if !connect(t, server, newest, kept) {
		t.Error("the newest is not kept")
	}
}
