package peer

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pubsync/pubsync/bench/measure"
)

// Casync sends chunks to a store on the far side over ssh, and extracts the tree there in
// the same command: what is published is files, as with the other peers. The old files are
// no seed: all chunks are at hand there, and casync fails now and then on seeds that it
// replaces (ESTALE).
type Casync struct {
	ssh sshServer
}

// Name implements [Peer].
func (c *Casync) Name() string { return "casync over ssh" }

// Start implements [Peer].
func (c *Casync) Start(ctx context.Context, s *Site) error {
	if err := c.ssh.start(ctx, s); err != nil {
		return err
	}
	if _, err := s.fresh("chunks"); err != nil {
		return err
	}
	// casync runs a program by this name with a host and a command.
	return os.WriteFile(c.wrapper(), []byte("#!/bin/sh\nexec "+c.ssh.shell()+" \"$@\"\n"), 0o755)
}

func (c *Casync) wrapper() string { return filepath.Join(c.ssh.site.Dir, "casync-ssh") }

// Push implements [Peer].
func (c *Casync) Push(_ context.Context, j Job) (measure.Command, error) {
	chunks := filepath.Join(c.ssh.site.Dir, "chunks")
	index, to := filepath.Join(chunks, j.Target+".caidx"), filepath.Join(c.ssh.files, j.Target)
	host := c.ssh.site.Address
	script := fmt.Sprintf("casync make --store=%s:%s/chunks.castr %s:%s '%s' >&2 && %s %s 'mkdir -p %s && casync extract --seed-output=no --store=%s/chunks.castr %s %s'",
		host, chunks, host, index, j.Tree, c.wrapper(), host, to, chunks, index, to)
	return measure.Command{
		Args: []string{"sh", "-c", script}, Env: append(environment(c.ssh.site.Dir), "CASYNC_SSH_PATH="+c.wrapper()),
	}, nil
}

// Servers implements [Peer].
func (c *Casync) Servers() []int { return c.ssh.Servers() }

// Port implements [Peer].
func (c *Casync) Port() int { return c.ssh.port }

// Published implements [Peer].
func (c *Casync) Published(_ context.Context, target string) (string, error) {
	return filepath.Join(c.ssh.files, target), nil
}

// Stop implements [Peer].
func (c *Casync) Stop() { c.ssh.Stop() }

// casyncPull serves a chunk store and an index with nginx.
type casyncPull struct{ nginx Nginx }

// Name implements [Peer].
func (c *casyncPull) Name() string { return "casync over HTTP" }

// Start implements [Peer].
func (c *casyncPull) Start(ctx context.Context, s *Site) error { return c.nginx.Start(ctx, s) }

func (c *casyncPull) publish(ctx context.Context, tree, target string) error {
	files := c.nginx.Files()
	_, err := c.nginx.site.output(ctx, "casync", "make", "--store="+files+"/chunks.castr", filepath.Join(files, target+".caidx"), tree)
	return err
}

func (c *casyncPull) fetch(target, dir string) measure.Command {
	from := fmt.Sprintf("http://%s:%d/files/", c.nginx.site.Address, c.nginx.plain)
	script := fmt.Sprintf("casync extract --seed-output=no --seed=%[1]s --store=%[2]schunks.castr %[2]s%[3]s.caidx %[1]s.new && rm -r %[1]s && mv %[1]s.new %[1]s",
		dir, from, target)
	return measure.Command{Args: []string{"sh", "-c", script}, Env: environment(c.nginx.site.Dir)}
}

// Servers implements [Peer].
func (c *casyncPull) Servers() []int { return c.nginx.Servers() }

// Port implements [Peer].
func (c *casyncPull) Port() int { return c.nginx.plain }

// Stop implements [Peer].
func (c *casyncPull) Stop() { c.nginx.Stop() }
