package server_test

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// A relay stands between builders and the server. It counts the bytes that come
// from builders, and cuts the connection on which a given count is reached: what has
// come by then gets to the server, and no more.
type relay struct {
	ln net.Listener
	to string
	// hangs: the server is not told of a cut, as when a network is gone.
	hangs bool
	wg    sync.WaitGroup
	sent  atomic.Int64
	at    atomic.Int64 // 0: never
	hit   atomic.Value // func() int64
}

func (s *site) relay() *relay {
	s.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	s.check(err)
	r := &relay{ln: ln, to: s.http.Listener.Addr().String()}
	r.wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			r.wg.Go(func() { r.pass(c) })
		}
	})
	s.t.Cleanup(func() {
		ln.Close()
		s.http.CloseClientConnections()
		r.wg.Wait()
	})
	return r
}

func (r *relay) url() string { return "https://" + r.ln.Addr().String() }

// when has a connection cut when n bytes have been sent in all. Then hit is called,
// and says when to do it again, or 0.
func (r *relay) when(n int64, hit func() int64) {
	r.hit.Store(hit)
	r.at.Store(n)
}

func (r *relay) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", r.to)
	if err != nil {
		return
	}
	defer server.Close()
	var cut atomic.Bool
	down := make(chan struct{})
	r.wg.Go(func() {
		defer close(down)
		io.Copy(client, server)
		if !cut.Load() {
			client.Close()
		}
	})
	buf := make([]byte, 4<<10)
	for {
		n, err := client.Read(buf)
		at := r.at.Load()
		if at > 0 {
			n = int(min(int64(n), at-r.sent.Load()))
		}
		r.sent.Add(int64(n))
		if _, werr := server.Write(buf[:n]); werr != nil || err != nil {
			return
		}
		if at > 0 && r.sent.Load() >= at {
			cut.Store(true)
			if !r.hangs {
				server.(*net.TCPConn).CloseWrite()
				<-down // it has read all that came
			}
			r.at.Store(r.hit.Load().(func() int64)())
			client.Close()
			<-down
			return
		}
	}
}

// none waits until a number is 0.
func none(n *atomic.Int64) {
	for n.Load() > 0 {
		<-time.After(time.Millisecond)
	}
}
