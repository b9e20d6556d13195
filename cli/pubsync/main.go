// Command pubsync publishes the files a build made, and serves them.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/pubsync/pubsync/cli"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(cli.Run(ctx, cli.System()))
}
