//go:build !((linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (darwin && (amd64 || arm64)) || (windows && (386 || amd64 || arm64)) || (freebsd && (amd64 || arm64)))

package cli

import (
	"context"
	"errors"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/pubsync/pubsync/server/store"
)

// The server's database is not to be had for every platform that the client
// runs on.
func noServer(verb string) *cobra.Command {
	return &cobra.Command{
		Use:    verb,
		Short:  "Not available on " + runtime.GOOS + "/" + runtime.GOARCH,
		Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			return usageError{errors.New(verb + " is not available on " + runtime.GOOS + "/" + runtime.GOARCH + ": run the server elsewhere")}
		},
	}
}

func serveCommand(*Env) *cobra.Command { return noServer("serve") }
func demoCommand(*Env) *cobra.Command  { return noServer("demo") }

// openStore leaves every store to the server that has it.
func openStore(context.Context, *Env, string, string) (maintainer, error) {
	return nil, store.ErrLocked
}
