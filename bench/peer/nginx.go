package peer

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// Nginx serves a folder at /files/, over TLS on one port and plainly on another.
type Nginx struct {
	// Steady says that the files do not change while it runs: it keeps them open.
	Steady bool

	site        *Site
	port, plain int
	d           *daemon
}

// Files is the folder that is served.
func (n *Nginx) Files() string { return filepath.Join(n.site.Dir, "nginx", "files") }

// Start starts it. Like pubsync's, its key is on P-256.
func (n *Nginx) Start(ctx context.Context, s *Site) error {
	n.site = s
	dir, err := s.fresh("nginx")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(n.Files(), 0o755); err != nil {
		return err
	}
	for _, port := range []*int{&n.port, &n.plain} {
		if *port, err = s.freePort(); err != nil {
			return err
		}
	}
	key, cert := filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	if _, err := s.output(ctx, "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
		"-subj", "/CN=localhost", "-keyout", key, "-out", cert); err != nil {
		return err
	}
	user := ""
	if os.Getuid() == 0 {
		user = "user root;\n"
	}
	keep := ""
	if n.Steady {
		keep = "open_file_cache max=8000 inactive=60s;"
	}
	conf := fmt.Sprintf(`%sdaemon off; worker_processes 2; worker_rlimit_nofile 65536; pid %s/pid; error_log %s/error.log;
events { worker_connections 1024; }
http {
 access_log off; sendfile on; tcp_nopush on; keepalive_requests 10000000; default_type application/octet-stream;
 %s client_body_temp_path %s/t1; proxy_temp_path %s/t2; fastcgi_temp_path %s/t3;
 uwsgi_temp_path %s/t4; scgi_temp_path %s/t5;
 server { listen %s ssl; listen %s; ssl_certificate %s; ssl_certificate_key %s; ssl_protocols TLSv1.3;
  location /files/ { alias %s/; } }
}
`, user, dir, dir, keep, dir, dir, dir, dir, dir, net.JoinHostPort(s.Address, strconv.Itoa(n.port)), net.JoinHostPort(s.Address, strconv.Itoa(n.plain)),
		cert, key, n.Files())
	name := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(name, []byte(conf), 0o644); err != nil {
		return err
	}
	program, err := exec.LookPath("nginx")
	if err != nil {
		program = "/usr/sbin/nginx"
	}
	n.d, err = s.start(ctx, n.port, program, "-p", dir, "-e", filepath.Join(dir, "error.log"), "-c", name)
	return err
}

// Servers are its processes' root.
func (n *Nginx) Servers() []int { return []int{n.d.pid()} }

// Port is the TLS one, Plain the other.
func (n *Nginx) Port() int  { return n.port }
func (n *Nginx) Plain() int { return n.plain }

// Stop ends it.
func (n *Nginx) Stop() { n.d.stop() }
