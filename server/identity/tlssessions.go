package identity

import (
	"crypto/rand"
	"crypto/tls"
	"sync"
)

// nameSize is the length of a session's name in bytes. It is no secret, and it need not
// be hard to guess: nobody gets on without the secret of the session.
const nameSize = 8

// TLSSessions are the TLS sessions that clients may go on with. Where package tls has each
// client keep the session's state for it, under a key of the server, these are kept here
// and the client's ticket is their name: that is a hundred bytes less each way over every
// connection, and there is no key to lose by which all of them could be read. They end
// with the process, as the key did.
//
// It is safe for concurrent use.
type TLSSessions struct {
	room int // bytes left

	mu     sync.Mutex
	states map[string][]byte
	names  []string // those of states, oldest first
}

// NewTLSSessions returns room for sessions of about so many bytes in all; one takes about 200.
// Where there are more the oldest go, whose clients then prove nothing worse than that
// they are new here.
func NewTLSSessions(room int) *TLSSessions {
	return &TLSSessions{room: room, states: map[string][]byte{}}
}

// Use has the server of a configuration keep its sessions here.
func (s *TLSSessions) Use(c *tls.Config) { c.WrapSession, c.UnwrapSession = s.keep, s.find }

// overhead is about what keeping a session takes beside its state.
const overhead = 120

// keep keeps a session and returns its name.
func (s *TLSSessions) keep(_ tls.ConnectionState, session *tls.SessionState) ([]byte, error) {
	state, err := session.Bytes()
	if err != nil {
		return nil, err
	}
	var name [nameSize]byte
	s.mu.Lock()
	defer s.mu.Unlock()
	for taken := true; taken; _, taken = s.states[string(name[:])] {
		_, _ = rand.Read(name[:]) // never fails
	}
	s.states[string(name[:])] = state
	s.names = append(s.names, string(name[:]))
	s.room -= len(state) + overhead
	for s.room < 0 {
		oldest := s.names[0]
		s.names = s.names[1:]
		s.room += len(s.states[oldest]) + overhead
		delete(s.states, oldest)
	}
	return name[:], nil
}

// find returns the session of that name, nil if it is not kept, or not any more.
func (s *TLSSessions) find(name []byte, _ tls.ConnectionState) (*tls.SessionState, error) {
	s.mu.Lock()
	state := s.states[string(name)]
	s.mu.Unlock()
	if state == nil {
		return nil, nil
	}
	return tls.ParseSessionState(state)
}
