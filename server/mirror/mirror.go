// Package mirror offers exported trees to stock rsync clients: it writes the
// configuration of a real rsync daemon, runs it and keeps it running.
//
// Every module is read-only. Started by root the daemon changes its root to
// the module; otherwise it runs as the server's user and rsync itself confines
// clients to the module's path. A module's path may be the symlink that
// package export swaps: rsync enters it once for each connection, so that one
// transfer sees one version. Without a change of root, requests to follow
// symlinks on this side (-L and its kin) are refused, since they could lead out
// of the module.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrBadConfig is the error for a configuration that rsync could not run with
// or would misread.
var ErrBadConfig = errors.New("bad mirror configuration")

// A Daemon serves until its context ends.
type Daemon interface {
	// Run serves until ctx is done and then stops in order and returns nil.
	// Any other return is an error that no retry can cure.
	Run(ctx context.Context) error
}

// A Module is a tree offered under a name.
type Module struct {
	Name    string // letters, digits, '.', '_', '-'; as in rsync://host/NAME/
	Path    string // absolute; may be a symlink to a directory
	Comment string // one line shown in the list of modules
	Hidden  bool   // not in that list

	// Allow and Deny are addresses or networks ("10.0.0.7", "fd00::/8"); at
	// most one of the two may be given. With Allow, only those may read;
	// with Deny, all but those. Names are refused: a name that does not
	// resolve would deny nobody.
	Allow, Deny []string
}

// A Config says what an rsync daemon serves.
type Config struct {
	Modules []Module
	Listen  string // host:port; the host may be empty for all addresses. The port must not be 0
	Dir     string // absolute; the server's own folder for configuration and lock file; made if absent

	// Rsync is the program. Default "rsync", found on PATH.
	Rsync string

	// User and Group are what the daemon becomes if root starts it. Default:
	// rsync's own, nobody, who cannot read what was published unreadable for
	// others. Without effect otherwise.
	User, Group string

	MaxConnections int           // for each module; 0: no limit
	Timeout        time.Duration // of an idle connection, in whole seconds; default 10 minutes

	// After returns a channel that delivers once d has passed, for the pause
	// before a restart. Required.
	After func(d time.Duration) <-chan time.Time

	// Log gets the daemon's own lines and what the supervisor does, one line
	// each, safe to print. Default: dropped. It is called from one goroutine
	// at a time.
	Log func(line string)

	// Ready is called each time the daemon has come to listen. Optional.
	Ready func()
}

// Rsync is a [Daemon] that supervises a real rsync.
type Rsync struct {
	cfg  Config
	host string
	port string
}

// New checks c and returns a daemon. Errors wrap [ErrBadConfig].
func New(c Config) (*Rsync, error) {
	if c.Rsync == "" {
		c.Rsync = "rsync"
	}
	if c.Timeout == 0 {
		c.Timeout = 10 * time.Minute
	}
	if c.Log == nil {
		c.Log = func(string) {}
	}
	if c.Ready == nil {
		c.Ready = func() {}
	}
	host, port, err := check(&c)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadConfig, err)
	}
	return &Rsync{cfg: c, host: host, port: port}, nil
}

var _ Daemon = (*Rsync)(nil)
