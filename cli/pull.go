package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pubsync/pubsync/cli/progress"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/pull"
	"github.com/pubsync/pubsync/sync/wire"
)

func pullCommand(env *Env) *cobra.Command {
	var (
		f                        readFlags
		o                        pull.Options
		at                       int64
		asJSON, quiet, showNames bool
	)
	c := &cobra.Command{
		Use:   "pull TARGET DIR",
		Short: "Fetch a published tree into a directory",
		Long: `pull makes DIR like the published TARGET, fetching only what differs, of a file
that is there in an older state only the ranges that are new, and checks every file
against its digest. All of it is of one version, whatever is published meanwhile.
Nothing is removed unless --delete is given.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			target, err := manifest.ParsePath(strings.Trim(args[0], "/"))
			if err != nil {
				return err
			}
			client, err := f.reader(env)
			if err != nil {
				return err
			}
			defer client.Close()
			_, statErr := os.Stat(args[1])
			if err := os.MkdirAll(args[1], 0o755); err != nil {
				return err
			}
			root, err := os.OpenRoot(args[1])
			if err != nil {
				return err
			}
			defer root.Close()
			began := env.Now()
			o.Target, o.At = target, at
			if showNames && !asJSON {
				o.Event = func(p manifest.Path, what string) { fmt.Fprintf(env.Stdout, "%-7s %s\n", what, progress.Escape(p)) }
			}
			d := (&transferFlags{quiet: quiet, json: asJSON}).display(env, "pull")
			o.Progress = d.Add
			r, err := pull.Pull(c.Context(), client, root, o)
			d.Done()
			if err != nil {
				if errors.Is(statErr, fs.ErrNotExist) {
					_ = os.Remove(args[1]) // if nothing has come into it
				}
				return err
			}
			s := client.Stats()
			if asJSON {
				return json.NewEncoder(env.Stdout).Encode(map[string]any{
					"target": target, "version": r.Version, "files": r.Files, "bytes": r.Bytes, "files_fetched": r.Fetched, "bytes_reused": r.Reused,
					"files_removed": r.Removed, "sent_bytes": s.Sent, "received_bytes": s.Received, "requests": s.Requests,
					"seconds": env.Now().Sub(began).Seconds(),
				})
			}
			if !quiet {
				fmt.Fprintf(env.Stdout, "%s at publication %d: %s, %d fetched, %d removed; received %s\n",
					progress.Escape(target), r.Version, count(int64(r.Files), "file"), r.Fetched, r.Removed, wire.Bytes(s.Received))
			}
			return nil
		},
	}
	f.add(c)
	fl := c.Flags()
	fl.Int64Var(&at, "at", 0, "as it was after publication `N`")
	fl.BoolVar(&o.Delete, "delete", false, "remove what the target does not hold")
	fl.BoolVarP(&o.Checksum, "checksum", "c", false, "compare contents, not size and modification time")
	fl.BoolVarP(&o.Whole, "whole-file", "W", false, "fetch changed files whole: quicker where the link is quicker than the disk")
	fl.BoolVarP(&o.DryRun, "dry-run", "n", false, "find out what would be fetched, change nothing")
	fl.BoolVar(&asJSON, "json", false, "print one JSON object at the end, and no progress")
	fl.BoolVarP(&quiet, "quiet", "q", false, "print errors only")
	fl.BoolVarP(&showNames, "verbose", "v", false, "name the files as they are dealt with")
	return c
}
