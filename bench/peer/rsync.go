package peer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pubsync/pubsync/bench/measure"
)

// RsyncDaemon is rsync with its own daemon: no encryption, no login. It writes in
// place of the old file by a rename, as pubsync does, but syncs nothing to disk.
type RsyncDaemon struct {
	// Flags are flags beside -a.
	Flags []string

	site *Site
	port int
	d    *daemon
}

// Name implements [Peer].
func (r *RsyncDaemon) Name() string {
	return strings.Join(append([]string{"rsync daemon"}, r.Flags...), " ")
}

// Start implements [Peer].
func (r *RsyncDaemon) Start(ctx context.Context, s *Site) error {
	r.site = s
	dir, err := s.fresh("rsyncd")
	if err != nil {
		return err
	}
	if r.port, err = s.freePort(); err != nil {
		return err
	}
	var owner string
	if os.Getuid() == 0 {
		owner = "uid = root\ngid = root\n"
	}
	conf := fmt.Sprintf("use chroot = no\n%slog file = %s.log\nmax verbosity = 0\n[m]\npath = %s\nread only = no\n", owner, dir, dir)
	if err := os.WriteFile(dir+".conf", []byte(conf), 0o644); err != nil {
		return err
	}
	r.d, err = s.start(ctx, r.port, "rsync", "--daemon", "--no-detach", "--config="+dir+".conf",
		"--address="+s.Address, "--port="+strconv.Itoa(r.port))
	return err
}

// Push implements [Peer].
func (r *RsyncDaemon) Push(_ context.Context, j Job) (measure.Command, error) {
	to := fmt.Sprintf("rsync://%s:%d/m/%s/", r.site.Address, r.port, j.Target)
	return measure.Command{Args: rsyncArgs(j, r.Flags, to), Env: environment(r.site.Dir)}, nil
}

func rsyncArgs(j Job, flags []string, to string) []string {
	args := append([]string{"rsync", "-a"}, flags...)
	if j.Delete {
		args = append(args, "--delete")
	}
	return append(args, j.Tree+"/", to)
}

// Servers implements [Peer].
func (r *RsyncDaemon) Servers() []int { return []int{r.d.pid()} }

// Port implements [Peer].
func (r *RsyncDaemon) Port() int { return r.port }

// Published implements [Peer].
func (r *RsyncDaemon) Published(_ context.Context, target string) (string, error) {
	return filepath.Join(r.site.Dir, "rsyncd", target), nil
}

// Stop implements [Peer].
func (r *RsyncDaemon) Stop() { r.d.stop() }

// RsyncSSH is rsync over ssh, what most people have today.
type RsyncSSH struct {
	// Flags are flags beside -a.
	Flags []string

	ssh sshServer
}

// Name implements [Peer].
func (r *RsyncSSH) Name() string {
	return strings.Join(append([]string{"rsync over ssh"}, r.Flags...), " ")
}

// Start implements [Peer].
func (r *RsyncSSH) Start(ctx context.Context, s *Site) error { return r.ssh.start(ctx, s) }

// Push implements [Peer].
func (r *RsyncSSH) Push(_ context.Context, j Job) (measure.Command, error) {
	to := fmt.Sprintf("%s:%s/", r.ssh.site.Address, filepath.Join(r.ssh.files, j.Target))
	return measure.Command{Args: rsyncArgs(j, append(r.Flags, "-e", r.ssh.shell()), to), Env: environment(r.ssh.site.Dir)}, nil
}

// Servers implements [Peer].
func (r *RsyncSSH) Servers() []int { return r.ssh.Servers() }

// Port implements [Peer].
func (r *RsyncSSH) Port() int { return r.ssh.port }

// Published implements [Peer].
func (r *RsyncSSH) Published(_ context.Context, target string) (string, error) {
	return filepath.Join(r.ssh.files, target), nil
}

// Stop implements [Peer].
func (r *RsyncSSH) Stop() { r.ssh.Stop() }
