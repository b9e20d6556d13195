package peer

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/pubsync/pubsync/bench/measure"
)

// fetcher is a way of fetching a tree that was published.
type fetcher interface {
	Name() string
	Start(ctx context.Context, s *Site) error
	// publish makes the server have the tree under the target.
	publish(ctx context.Context, tree, target string) error
	// fetch is the command that makes dir, which is there, like the target.
	fetch(target, dir string) measure.Command
	Servers() []int
	Port() int
	Stop()
}

// Pull is a [Peer] the other way round: its jobs publish the tree, which is not timed,
// and the command fetches it into a folder of the client that holds what the job before
// fetched. Published is that folder.
type Pull struct {
	fetcher
	site *Site
}

// PubsyncPull fetches with pubsync pull.
func PubsyncPull() *Pull { return &Pull{fetcher: &pubsyncPull{Pubsync: Pubsync{Public: true}}} }

// RsyncDaemonPull fetches from rsync's daemon.
func RsyncDaemonPull(flags ...string) *Pull {
	return &Pull{fetcher: &rsyncDaemonPull{RsyncDaemon{Flags: flags}}}
}

// RsyncSSHPull fetches with rsync over ssh.
func RsyncSSHPull(flags ...string) *Pull {
	return &Pull{fetcher: &rsyncSSHPull{RsyncSSH{Flags: flags}}}
}

// Zsync fetches with zsync from nginx, over plain HTTP, the only kind it speaks.
func Zsync() *Pull { return &Pull{fetcher: &zsync{}} }

// CasyncPull extracts with casync from nginx, over plain HTTP, beside the old files, which
// are its seed, and puts the new ones in their place.
func CasyncPull() *Pull { return &Pull{fetcher: &casyncPull{}} }

// Start implements [Peer].
func (p *Pull) Start(ctx context.Context, s *Site) error {
	p.site = s
	if _, err := s.fresh("fetched"); err != nil {
		return err
	}
	return p.fetcher.Start(ctx, s)
}

// Push implements [Peer].
func (p *Pull) Push(ctx context.Context, j Job) (measure.Command, error) {
	if err := p.publish(ctx, j.Tree, j.Target); err != nil {
		return measure.Command{}, fmt.Errorf("publishing: %w", err)
	}
	dir, err := p.site.folder("fetched", j.Target)
	return p.fetch(j.Target, dir), err
}

// Published implements [Peer].
func (p *Pull) Published(_ context.Context, target string) (string, error) {
	return filepath.Join(p.site.Dir, "fetched", target), nil
}

type pubsyncPull struct{ Pubsync }

// Name implements [Peer].
func (p *pubsyncPull) Name() string { return "pubsync pull" }

func (p *pubsyncPull) publish(ctx context.Context, tree, target string) error {
	cmd, err := p.Push(ctx, Job{Tree: tree, Target: target, Delete: true})
	if err == nil {
		_, err = p.site.output(ctx, cmd.Args...)
	}
	return err
}

func (p *pubsyncPull) fetch(target, dir string) measure.Command {
	args := []string{p.site.Pubsync, "pull", target, dir, "--json", "--delete", "--store", p.store()}
	return measure.Command{Args: args, Env: environment(p.site.Dir)}
}

type rsyncDaemonPull struct{ RsyncDaemon }

// Name implements [Peer].
func (r *rsyncDaemonPull) Name() string { return r.RsyncDaemon.Name() + " pull" }

func (r *rsyncDaemonPull) publish(ctx context.Context, tree, target string) error {
	return r.site.mirror(ctx, tree, filepath.Join(r.site.Dir, "rsyncd", target))
}

func (r *rsyncDaemonPull) fetch(target, dir string) measure.Command {
	from := fmt.Sprintf("rsync://%s:%d/m/%s/", r.site.Address, r.port, target)
	return measure.Command{Args: pullArgs(r.Flags, from, dir), Env: environment(r.site.Dir)}
}

type rsyncSSHPull struct{ RsyncSSH }

// Name implements [Peer].
func (r *rsyncSSHPull) Name() string { return r.RsyncSSH.Name() + " pull" }

func (r *rsyncSSHPull) publish(ctx context.Context, tree, target string) error {
	return r.ssh.site.mirror(ctx, tree, filepath.Join(r.ssh.files, target))
}

func (r *rsyncSSHPull) fetch(target, dir string) measure.Command {
	from := fmt.Sprintf("%s:%s/", r.ssh.site.Address, filepath.Join(r.ssh.files, target))
	return measure.Command{Args: pullArgs(append(r.Flags, "-e", r.ssh.shell()), from, dir), Env: environment(r.ssh.site.Dir)}
}

func pullArgs(flags []string, from, dir string) []string {
	return append(append([]string{"rsync", "-a", "--delete"}, flags...), from, dir+"/")
}

// mirror makes a folder of the server's like a tree.
func (s *Site) mirror(ctx context.Context, tree, dir string) error {
	_, err := s.output(ctx, "rsync", "-a", "--delete", "--whole-file", tree+"/", dir+"/")
	return err
}
