//go:build (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (darwin && (amd64 || arm64)) || (windows && (386 || amd64 || arm64)) || (freebsd && (amd64 || arm64))

package cli

import (
	"context"
	"sync"

	"golang.org/x/time/rate"

	"github.com/pubsync/pubsync/cli/config"
	"github.com/pubsync/pubsync/server/build"
	"github.com/pubsync/pubsync/server/session"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/server/upkeep"
)

// newKeeper makes what looks after a store, as the configuration says.
func newKeeper(env *Env, cfg *config.Config, st store.Store, sessions *session.Engine, tokens *token.Service) *upkeep.Keeper {
	return upkeep.New(upkeep.Config{
		Store: st, Types: buildTypes(cfg), Now: env.Now, Live: sessions.Live,
		Audit: func(tx store.Tx, by upkeep.Actor, r build.Removal) error {
			why := r.Why
			if by.Way != "" {
				why += "; by " + by.Way
			}
			return tokens.Removed(tx, by.Scheduler, by.From, r.Target, int64(r.Usage.Files), r.Usage.Unique, why)
		},
		Dir: cfg.Server.Store, Beside: []string{"tls", "acme", CredentialFile, linkKeyFile},
	})
}

// buildTypes is what the configuration says of builds.
func buildTypes(cfg *config.Config) build.Types {
	types := build.Types{}
	for name, t := range cfg.Types {
		types[name] = build.Type{
			Depth: t.BuildDepth, Aliases: t.Aliases, Named: t.NamedAliases,
			KeepBuilds: t.KeepBuilds, KeepDays: t.KeepDays, KeepHistory: t.KeepHistory.D(),
		}
	}
	return types
}

// keepUp runs retention, collection and checks in the background until ctx ends.
func (s *site) keepUp(ctx context.Context, env *Env, wg *sync.WaitGroup) {
	m := s.cfg.Server.Maintenance
	limit := rate.NewLimiter(rate.Limit(m.CheckRate), checkBurst)
	schedule := upkeep.Schedule{
		Every: m.Every.D(), CheckEvery: m.CheckEvery.D(), Throttle: limit.WaitN, Sleep: env.Sleep, Log: s.log,
	}
	wg.Go(func() { s.upkeep.Collections(ctx, schedule) })
	wg.Go(func() { s.upkeep.Checks(ctx, schedule) })
}

// checkBurst is how many bytes a check reads at once at most.
const checkBurst = 1 << 20
