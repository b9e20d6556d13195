package cli_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pubsync/pubsync/server/identity"
)

// pebble finds a program of Let's Encrypt's test authority, which .ci/deps
// installs.
func pebble(t *testing.T, name string) string {
	t.Helper()
	if p, err := exec.LookPath(name); err == nil {
		return p
	}
	out, err := exec.Command("go", "env", "GOPATH").Output()
	if err != nil {
		t.Fatal(err)
	}
	p := filepath.Join(filepath.SplitList(strings.TrimSpace(string(out)))[0], "bin", name)
	if _, err := os.Stat(p); err != nil {
		t.Skipf("%s is not installed: run .ci/deps", name)
	}
	return p
}

// freePorts returns ports that nothing listens on just now.
func freePorts(t *testing.T, n int) (ports []int) {
	t.Helper()
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer ln.Close()
		ports = append(ports, ln.Addr().(*net.TCPAddr).Port)
	}
	return ports
}

// startAuthority runs pebble, which validates by connecting to tlsPort of
// whatever name, and returns its directory, the certificate that this is to be
// checked by, and a function that fetches the root of what it issues.
func startAuthority(t *testing.T, tlsPort int) (directory, ca string, root func() []byte) {
	t.Helper()
	server, names := pebble(t, "pebble"), pebble(t, "pebble-challtestsrv")
	dir := t.TempDir()
	own, err := identity.Load(dir, []string{"127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 4)
	at := func(i int) string { return fmt.Sprintf("127.0.0.1:%d", ports[i]) }
	cfg, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": at(0), "managementListenAddress": at(1),
		"certificate": filepath.Join(dir, "cert.pem"), "privateKey": filepath.Join(dir, "key.pem"),
		"httpPort": 1, "tlsPort": tlsPort,
	}})
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "pebble.json"), cfg, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	start(t, exec.Command(names, "-defaultIPv6", "", "-doh", "", "-http01", "", "-https01", "", "-tlsalpn01", "", "-dnsserver", at(2), "-management", at(3)))
	cmd := exec.Command(server, "-config", filepath.Join(dir, "pebble.json"), "-dnsserver", at(2))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=0")
	start(t, cmd)
	roots := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(own.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	roots.AddCert(leaf)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	root = func() []byte { return fetch(t, client, "https://"+at(1)+"/roots/0") }
	root() // it serves
	fetch(t, client, "https://"+at(0)+"/dir")
	return "https://" + at(0) + "/dir", filepath.Join(dir, "cert.pem"), root
}

func start(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
}

// fetch gets a page of a server that is only just starting.
func fetch(t *testing.T, c *http.Client, url string) []byte {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; <-time.After(10 * time.Millisecond) {
		resp, err := c.Get(url)
		if err == nil {
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%s: %s, %v", url, resp.Status, err)
			}
			return b
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// startProxy runs an HTTPS proxy that takes every tunnel to one address, so that
// names nobody knows lead to the server.
func startProxy(t *testing.T, to string) (url string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		up, err := (&net.Dialer{}).DialContext(context.WithoutCancel(r.Context()), "tcp", to)
		if err != nil || r.Method != http.MethodConnect {
			http.Error(w, "no tunnel", http.StatusBadGateway)
			return
		}
		w.WriteHeader(http.StatusOK)
		down, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			up.Close()
			return
		}
		go func() {
			_, _ = io.Copy(up, buf)
			up.Close()
		}()
		_, _ = io.Copy(down, up)
		down.Close()
	})}
	go srv.Serve(ln)
	t.Cleanup(func() { srv.Close() })
	return "http://" + ln.Addr().String()
}

// TestACME has the server get a certificate from a real ACME authority and
// pushes over it, the client knowing nothing but the authority's root.
func TestACME(t *testing.T) {
	port := freePorts(t, 1)[0]
	directory, ca, root := startAuthority(t, port)
	proxy := startProxy(t, fmt.Sprintf("127.0.0.1:%d", port))
	testscript.Run(t, testscript.Params{
		Dir: "testdata/acme",
		Setup: func(e *testscript.Env) error {
			e.Setenv("PUBSYNC_STATE_DIR", filepath.Join(e.WorkDir, ".state"))
			e.Setenv("SSL_CERT_FILE", filepath.Join(e.WorkDir, "root.pem"))
			e.Setenv("HTTPS_PROXY", proxy)
			e.Setenv("NO_PROXY", "127.0.0.1")
			cfg := fmt.Sprintf("[server]\nlisten = \"127.0.0.1:%d\"\n[tls.acme]\ndomains = [\"pub.example.test\"]\nemail = \"ops@example.test\"\ndirectory = %q\nca = %q\n", port, directory, ca)
			if err := os.WriteFile(filepath.Join(e.WorkDir, "config.toml"), []byte(cfg), 0o600); err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(e.WorkDir, "root.pem"), root(), 0o600)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"await": await, "setenv": setenv, "sametree": sametree},
	})
}
