package peer

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pubsync/pubsync/bench/measure"
)

// sshServer is an OpenSSH server with keys made for it, and a folder that clients
// write to.
type sshServer struct {
	site  *Site
	files string
	port  int
	d     *daemon
}

func (h *sshServer) start(ctx context.Context, s *Site) error {
	h.site = s
	dir, err := s.fresh("ssh")
	if err != nil {
		return err
	}
	if h.files, err = s.fresh("sshfiles"); err != nil {
		return err
	}
	for _, key := range []string{"host", "user"} {
		if _, err := s.output(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)); err != nil {
			return err
		}
	}
	if h.port, err = s.freePort(); err != nil {
		return err
	}
	program, err := exec.LookPath("sshd")
	if err != nil {
		program = "/usr/sbin/sshd"
	}
	// Where sshd separates its privileges; Debian's own service makes it at boot.
	if os.Getuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			return err
		}
	}
	conf := fmt.Sprintf("Port %d\nListenAddress %s\nHostKey %s/host\nAuthorizedKeysFile %s/user.pub\nStrictModes no\nUsePAM no\n"+
		"PidFile none\nMaxStartups 100\nSubsystem sftp internal-sftp\n", h.port, s.Address, dir, dir)
	name := filepath.Join(dir, "sshd.conf")
	if err := os.WriteFile(name, []byte(conf), 0o644); err != nil {
		return err
	}
	h.d, err = s.start(ctx, h.port, program, "-D", "-e", "-f", name)
	return err
}

// options are the client's flags that name this server and its key and read no
// configuration.
func (h *sshServer) options() []string {
	dir := filepath.Join(h.site.Dir, "ssh")
	return []string{"-F", "none", "-p", strconv.Itoa(h.port), "-i", filepath.Join(dir, "user"),
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"}
}

// shell is the client's command line, up to the host.
func (h *sshServer) shell() string { return "ssh " + strings.Join(h.options(), " ") }

// Servers are its processes' root.
func (h *sshServer) Servers() []int { return []int{h.d.pid()} }

// Stop ends it.
func (h *sshServer) Stop() { h.d.stop() }

// Rclone is rclone over SFTP, to an OpenSSH server. It does not check hashes on the
// far side: it would log in and run md5sum for each file.
type Rclone struct {
	ssh sshServer
}

// Name implements [Peer].
func (r *Rclone) Name() string { return "rclone over SFTP" }

// Start implements [Peer].
func (r *Rclone) Start(ctx context.Context, s *Site) error { return r.ssh.start(ctx, s) }

// Push implements [Peer].
func (r *Rclone) Push(_ context.Context, j Job) (measure.Command, error) {
	verb := "copy"
	if j.Delete {
		verb = "sync"
	}
	s := r.ssh.site
	return measure.Command{
		Args: []string{"rclone", verb, "--config", "", "--transfers", "8", "--checkers", "16", "--links", "--quiet",
			"--sftp-host", s.Address, "--sftp-port", strconv.Itoa(r.ssh.port), "--sftp-user", user(),
			"--sftp-key-file", filepath.Join(s.Dir, "ssh", "user"), "--sftp-concurrency", "64", "--sftp-disable-hashcheck",
			j.Tree, ":sftp:" + filepath.Join(r.ssh.files, j.Target)},
		Env: environment(s.Dir),
	}, nil
}

func user() string {
	if os.Getuid() == 0 {
		return "root"
	}
	return os.Getenv("USER")
}

// Servers implements [Peer].
func (r *Rclone) Servers() []int { return r.ssh.Servers() }

// Port implements [Peer].
func (r *Rclone) Port() int { return r.ssh.port }

// Published implements [Peer].
func (r *Rclone) Published(_ context.Context, target string) (string, error) {
	return filepath.Join(r.ssh.files, target), nil
}

// Stop implements [Peer].
func (r *Rclone) Stop() { r.ssh.Stop() }
