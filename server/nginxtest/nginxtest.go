// Package nginxtest runs a real nginx for tests of what stands before or beside
// the server.
package nginxtest

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
)

// A Site is what nginx is to serve. All else is as nginx has it by default:
// bodies of 1 MB at most, and buffered.
type Site struct {
	Rules       string           // what stands in nginx's "server" block after "listen"
	Certificate *tls.Certificate // nil: plain HTTP; an ECDSA, RSA or Ed25519 key
}

// Start runs nginx with one site and returns its address, "http://127.0.0.1:PORT"
// or "https://...". It ends with the test, and what it complained of is logged if
// the test failed. A machine without nginx fails the test.
//
// nginx inherits a listening socket (its variable NGINX, made for changing
// programs without a gap), so there is no port to guess and nothing to wait for.
func Start(t testing.TB, site Site) (url string) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx" // where Debian has it, which users' PATH may lack
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatal("this test needs nginx: apt-get install nginx-light")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer ln.Close()
	sock, err := ln.(*net.TCPListener).File()
	check(t, err)
	defer sock.Close()
	dir := t.TempDir()
	conf := filepath.Join(dir, "nginx.conf")
	check(t, os.WriteFile(conf, fmt.Appendf(nil, `
%[1]sworker_processes 1; daemon off; pid %[2]s/pid; error_log stderr warn;
events { worker_connections 64; }
http {
  access_log off; default_type application/octet-stream;
  client_body_temp_path %[2]s/b; proxy_temp_path %[2]s/p; fastcgi_temp_path %[2]s/f; uwsgi_temp_path %[2]s/u; scgi_temp_path %[2]s/s;
  server { listen %[3]s%[4]s
%[5]s
  }
}
`, asRoot(), dir, ln.Addr(), site.certificate(t, dir), site.Rules), 0o600))
	var log bytes.Buffer
	cmd := exec.Command(program, "-p", dir, "-c", conf, "-e", "stderr")
	cmd.Env, cmd.ExtraFiles, cmd.Stderr = []string{"NGINX=3;"}, []*os.File{sock}, &log
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("nginx: %v\n%s", err, &log)
		}
	})
	if site.Certificate != nil {
		return "https://" + ln.Addr().String()
	}
	return "http://" + ln.Addr().String()
}

// asRoot keeps the workers able to read what the test wrote.
func asRoot() string {
	if os.Getuid() == 0 {
		return "user root root; "
	}
	return ""
}

// certificate writes the certificate and key to dir and returns the end of the
// "listen" line.
func (s Site) certificate(t testing.TB, dir string) string {
	t.Helper()
	if s.Certificate == nil {
		return ";"
	}
	key, err := x509.MarshalPKCS8PrivateKey(s.Certificate.PrivateKey)
	check(t, err)
	for name, b := range map[string]*pem.Block{
		"cert": {Type: "CERTIFICATE", Bytes: s.Certificate.Certificate[0]}, "key": {Type: "PRIVATE KEY", Bytes: key},
	} {
		check(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(b), 0o600))
	}
	return fmt.Sprintf(" ssl; ssl_certificate %[1]s/cert; ssl_certificate_key %[1]s/key;", dir)
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
