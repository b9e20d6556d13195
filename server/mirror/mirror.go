// Package mirror offers exported trees to stock rsync clients: it writes the
// configuration of a real rsync daemon, runs it and keeps it running.
//
// Every module is read-only. Started by root the daemon changes its root to
// the module; otherwise it runs as the server's user and rsync itself confines
// clients to the module's path. A module's path may be the symlink that
// package export swaps: rsync enters it once for each connection, so that one
// transfer sees one version.
package mirror

import (
	"context"
	"errors"
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
	Name    string   // letters, digits, '.', '_', '-'; as in rsync://host/NAME/
	Path    string   // absolute; may be a symlink to a directory
	Comment string   // one line shown in the list of modules
	Allow   []string // addresses, networks or host names that may read; none: all
	Deny    []string // that may not, if Allow does not match
}

// A Config says what an rsync daemon serves.
type Config struct {
	Modules []Module
	Listen  string // host:port; the host may be empty for all addresses. The port must not be 0
	Dir     string // the server's own folder for the configuration and lock files; made if absent

	// Rsync is the program. Default "rsync", found on PATH.
	Rsync string

	MaxConnections int           // for each module; 0: no limit
	Timeout        time.Duration // of an idle connection, in whole seconds; default 10 minutes

	// After returns a channel that delivers once d has passed, for the pause
	// before a restart. Required.
	After func(d time.Duration) <-chan time.Time

	// Log gets the daemon's own lines and what the supervisor does, one line
	// each, safe to print. Default: dropped. It is called from one goroutine
	// at a time.
	Log func(line string)

	// Ready is called each time the daemon listens. Optional.
	Ready func()
}

// Rsync is a [Daemon] that supervises a real rsync.
type Rsync struct{ cfg Config }

// New checks c and returns a daemon. Errors wrap [ErrBadConfig].
func New(c Config) (*Rsync, error) { return nil, nil }

// Run implements [Daemon]. A daemon that ends by itself is started again after
// a pause that doubles from one second to one minute, and begins anew once it
// has listened.
func (d *Rsync) Run(ctx context.Context) error { return nil }
