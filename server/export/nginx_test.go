package export

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
)

// nginx serves a folder with a real nginx, which inherits a listening socket, and
// returns its URL.
func nginx(t *testing.T, dir string) string {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		t.Fatal("this test needs nginx: apt-get install nginx")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	tmp := t.TempDir()
	conf := fmt.Sprintf(`user root root; worker_processes 1; daemon off; pid %[1]s/pid; error_log stderr warn;
events { worker_connections 64; }
http {
  access_log off;
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server { listen %[2]s; root %[3]s; location /.versions { return 404; } }
}`, tmp, l.Addr(), dir)
	if err := os.WriteFile(filepath.Join(tmp, "nginx.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(program, "-p", tmp, "-c", "nginx.conf", "-e", "stderr")
	cmd.Env, cmd.ExtraFiles, cmd.Stderr = []string{"NGINX=3;"}, []*os.File{socket}, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		if err := cmd.Wait(); err != nil || t.Failed() {
			t.Logf("nginx: %v\n%s", err, &log)
		}
	})
	return "http://" + l.Addr().String()
}

// TestNginxServesTheExport reads an export through nginx, by a build's own name and
// by the alias, before and after the alias moves.
func TestNginxServesTheExport(t *testing.T) {
	s := newFake(t)
	one, two := s.hold("p/1/odd name+%", long, 0o644, time.Hour), s.hold("p/2/odd name+%", other, 0o644, time.Hour)
	s.publish(one, link("p/latest", "1"))
	x, _ := newExporter(t, s, Config{Targets: []manifest.Path{"p"}, Grace: time.Hour})
	syncOK(t, x)
	url := nginx(t, x.Path(""))
	get := func(path string, status int, want string) {
		t.Helper()
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != status || status == 200 && string(body) != want {
			t.Errorf("%s: %d, %d bytes, %v", path, resp.StatusCode, len(body), err)
		}
		if at := resp.Header.Get("Last-Modified"); status == 200 && at != one.ModTime().Format(http.TimeFormat) {
			t.Errorf("%s: last modified %s", path, at)
		}
	}
	get("/p/1/odd%20name+%25", 200, long)
	get("/p/latest/odd%20name+%25", 200, long)
	get("/p/2/odd%20name+%25", 404, "")
	s.publish(one, two, link("p/latest", "2"))
	syncOK(t, x)
	get("/p/latest/odd%20name+%25", 200, other)
	get("/p/1/odd%20name+%25", 200, long)
	get("/.versions/", 404, "")
}
