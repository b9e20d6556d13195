//go:build (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (darwin && (amd64 || arm64)) || (windows && (386 || amd64 || arm64)) || (freebsd && (amd64 || arm64))

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pubsync/pubsync/cli/config"
	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/server/store/disk"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/server/upkeep"
)

// unserved maintains a store that no server has open.
type unserved struct {
	*upkeep.Keeper
	store *disk.Store
}

// Collect is that of the keeper, in the name of whoever runs the command.
func (u unserved) Collect(ctx context.Context, dryRun bool) (upkeep.Report, error) {
	return u.Keeper.Collect(ctx, upkeep.Actor{Way: "a command on the store itself"}, dryRun)
}

func (u unserved) Close() error { return u.store.Close() }

// openStore opens the store in a folder, which must be there. The configuration
// file, if one is given, says what its types keep; without one nothing is
// removed. store.ErrLocked if a server has the store open.
func openStore(ctx context.Context, env *Env, dir, file string) (maintainer, error) {
	cfg := config.Default()
	if file != "" {
		var err error
		if cfg, err = config.Load(file); err != nil {
			return nil, usageError{err}
		}
	}
	cfg.Server.Store = dir
	if _, err := os.Stat(filepath.Join(dir, "format")); errors.Is(err, fs.ErrNotExist) {
		return nil, hinted{fmt.Errorf("no store: %w", err), "give its folder with --store DIR, or --server URL --credential FILE"}
	}
	st, err := disk.Open(ctx, disk.Options{Dir: dir})
	if err != nil {
		return nil, err
	}
	tokens, err := token.New(token.Config{Records: st, Clock: env.Now})
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	sessions := session.New(session.Config{Store: st, Now: env.Now})
	return unserved{newKeeper(env, cfg, st, sessions, tokens), st}, nil
}
