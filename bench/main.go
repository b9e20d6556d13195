// Command bench compares pubsync with what its users would use instead, on this
// machine in one run: rsync as a daemon and over ssh, rclone over SFTP, casync,
// zsync, and nginx for readers.
//
//	go run ./bench            all workloads; writes bench/results
//	go run ./bench readers    HEAD and GET under load, against nginx
//	go run ./bench report     the report again, of all results saved so far
//	go run ./bench marks      holds the saved results against what the project set itself
//	go run ./bench deltas     bytes of deltas between releases, CI rebuilds and files of other kinds
//	go run ./bench auto       seconds of archives sent whole, by what is inside, and as pubsync chooses
//	go run ./bench scale      the cost model, its constants, and its simulation
//	go run ./bench tokens     how many tokens a minute a server issues and redeems
//	go run ./bench soak       kills, cuts, bit flips: tries to make a server lose a byte
//	go run ./bench secrets    whether the time of a refusal tells a wrong secret
//	go run ./bench fetch      only fetches and makes the data
//
// Data is fetched by name, pinned and checked, and kept in $XDG_CACHE_HOME/pubsync-bench
// or ./.cache/bench. Links other than loopback need root. Each run ends by
// comparing trees; a wrong byte ends the program, and there is no report.
//
// A full run takes hours, and may be cut up with --only and --links: results are
// saved for each workload and link, and the report is made of all that are there.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	verb := ""
	if len(args) > 0 && args[0] != "" && args[0][0] != '-' {
		verb, args = args[0], args[1:]
	}
	if verb == "soak" {
		return runSoak(ctx, args)
	}
	o, err := parseOptions(args)
	if err != nil {
		return err
	}
	defer o.status.close()
	switch verb {
	case "":
		return measureAll(ctx, o)
	case "deltas":
		return deltas(ctx, o)
	case "auto":
		return choices(ctx, o)
	case "scale":
		return scaleReport(ctx, o)
	case "secrets":
		return secrets(ctx, o)
	case "tokens":
		return lives(ctx, o)
	case "fetch":
		return fetchAll(ctx, o)
	case "readers":
		return readers(ctx, o)
	case "report":
		return writeReport(o)
	case "marks":
		return judgeMarks(o)
	}
	return fmt.Errorf("no such command: %q", verb)
}
