package main

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/pubsync/pubsync/bench/soak"
)

// soakTrees are the modules whose sources are pushed unless trees are named:
// many small files, and a few large ones of all kinds.
const soakTrees = "golang.org/x/text github.com/klauspost/compress golang.org/x/net"

// runSoak tries to make a server lose a byte; see package soak.
func runSoak(ctx context.Context, args []string) error {
	o := soak.Options{Out: os.Stdout, Now: time.Now}
	fl := flag.NewFlagSet("soak", flag.ContinueOnError)
	fl.Usage = func() {
		fmt.Fprintf(fl.Output(), "usage: bench soak [flags] [TREE...]\n\nstages:\n  %s\n\nflags:\n", strings.Join(soak.Stages(), "\n  "))
		fl.PrintDefaults()
	}
	fl.Uint64Var(&o.Seed, "seed", 0, "of all choices; 0 draws one")
	fl.IntVar(&o.Kills, "kills", 200, "kills of each stage that kills at random")
	fl.IntVar(&o.Pushes, "pushes", 100, "pushes during collections")
	fl.IntVar(&o.Entries, "entries", 1_000_000, "entries of the large store")
	fl.StringVar(&o.Pubsync, "pubsync", "", "binary to try, instead of building this checkout")
	only := fl.String("only", "", "only these stages, with commas between")
	work := fl.String("work", filepath.Join(cacheDir(), "work"), "folder for what is written; keep it off a RAM disk")
	limit := fl.Duration("limit", 3*time.Hour, "the run ends, and fails, after this `time`")
	if err := fl.Parse(args); err != nil {
		return err
	}
	if *only != "" {
		o.Only = strings.Split(*only, ",")
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	ctx, cancel := context.WithTimeout(ctx, *limit)
	defer cancel()
	if err := os.MkdirAll(*work, 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(*work, "soak-")
	if err != nil {
		return err
	}
	if o.Dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if o.Trees, err = soakFolders(ctx, fl.Args()); err != nil {
		return err
	}
	if o.Pubsync == "" {
		o.Pubsync = filepath.Join(o.Dir, "pubsync")
		if err := buildPubsync(ctx, o.Pubsync); err != nil {
			return err
		}
	}
	if o.Pubsync, err = filepath.Abs(o.Pubsync); err != nil {
		return err
	}
	if err := soak.Run(ctx, o); err != nil {
		return fmt.Errorf("%w; what it left is in %s", err, o.Dir)
	}
	return os.RemoveAll(o.Dir)
}

// soakFolders gives the folders named, or those of modules that this one needs.
func soakFolders(ctx context.Context, named []string) ([]string, error) {
	if len(named) == 0 {
		list := exec.CommandContext(ctx, "go", append([]string{"list", "-m", "-f", "{{.Dir}}"}, strings.Fields(soakTrees)...)...)
		list.Dir = checkout()
		out, err := list.Output()
		if err != nil {
			return nil, fmt.Errorf("finding trees to push (name some): %w", err)
		}
		named = strings.Fields(string(out))
	}
	for i, dir := range named {
		var err error
		if named[i], err = filepath.Abs(dir); err != nil {
			return nil, err
		}
	}
	return named, nil
}
