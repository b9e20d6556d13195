package server_test

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/pubsync/pubsync/server/token"
)

// nginx stands a real nginx before the server, as it is set up by default:
// bodies of 1 MB at most, and buffered. It has the server's key.
func (s *site) nginx() (url string) {
	s.t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx"
	}
	if _, err := os.Stat(program); err != nil {
		s.t.Fatal("this test needs nginx: apt-get install nginx-light")
	}
	// It inherits a listening socket, so there is no port to guess and nothing to
	// wait for.
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	s.check(err)
	defer ln.Close()
	sock, err := ln.(*net.TCPListener).File()
	s.check(err)
	defer sock.Close()
	dir := s.t.TempDir()
	key, err := x509.MarshalPKCS8PrivateKey(s.http.TLS.Certificates[0].PrivateKey)
	s.check(err)
	for name, b := range map[string]*pem.Block{
		"cert": {Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw}, "key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		s.check(os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600))
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root root; "
	}
	conf := filepath.Join(dir, "conf")
	s.check(os.WriteFile(conf, fmt.Appendf(nil, `
%[4]sworker_processes 1; daemon off; pid %[1]s/pid; error_log %[1]s/errors warn;
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server { listen %[2]s ssl; ssl_certificate %[1]s/cert; ssl_certificate_key %[1]s/key; location / { proxy_pass %[3]s; } }
}`, dir, ln.Addr(), s.http.URL, user), 0o600))
	cmd := exec.Command(program, "-e", filepath.Join(dir, "errors"), "-p", dir, "-c", conf)
	cmd.Env = append(os.Environ(), "NGINX=3;")
	cmd.ExtraFiles = []*os.File{sock}
	s.check(cmd.Start())
	s.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	return "https://" + ln.Addr().String()
}

// TestBehindNginx pushes through a real nginx with default settings to a server
// that takes larger bodies: parts shrink to what nginx takes, and an update goes
// through as well. Nothing the server reads is over 1 MB.
func TestBehindNginx(t *testing.T) {
	s := newSite(t, func(s *site) { s.limit = 32 << 20 })
	var largest, requests atomic.Int64
	s.put(func(h http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			for n := largest.Load(); r.ContentLength > n && !largest.CompareAndSwap(n, r.ContentLength); n = largest.Load() {
			}
			h.ServeHTTP(w, r)
		})
	})
	url := s.nginx()
	v := s.nextVersion(40)
	r := rand.New(rand.NewPCG(40, 0))
	s.write(v.old, "huge", noise(r, 9<<20))
	for i := range 300 {
		s.write(v.old, fmt.Sprintf("many/f%d", i), noise(r, 10_000))
	}
	for _, dir := range []string{v.old, v.new} {
		b := s.updater("proxied/1", dir)
		b.bearer, b.via = s.issue(token.Grant{Target: "proxied/1", Overwrite: true}), url
		b.mustPush()
		s.wantTree("proxied/1", dir)
	}
	if n := largest.Load(); n > 1<<20 || n < 256<<10 {
		t.Errorf("the largest body that came through has %d bytes", n)
	}
}
