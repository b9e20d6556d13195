package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pubsync/pubsync/cli/progress"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/upkeep"
	"github.com/pubsync/pubsync/sync/wire"
)

// A maintainer does to a store what its administrator asks for: through the
// server that has it open, or, if none has, itself.
type maintainer interface {
	Collect(ctx context.Context, dryRun bool) (upkeep.Report, error)
	Check(ctx context.Context, o upkeep.CheckOptions, f func(upkeep.Line) error) error
	Backup(ctx context.Context, dir string) (lacking int, err error)
	Close() error
}

// maintainFlags say which store to maintain.
type maintainFlags struct {
	schedulerFlags
	config string
}

func (f *maintainFlags) add(fl *pflag.FlagSet) {
	f.schedulerFlags.add(fl)
	fl.StringVar(&f.config, "config", "", "the server's configuration `file`, for a store that no server has open")
}

// open finds the store. The lock on its folder decides whether a server has it.
func (f *maintainFlags) open(ctx context.Context, env *Env) (maintainer, error) {
	if f.server == "" && f.credential == "" {
		m, err := openStore(ctx, env, f.store, f.config)
		if err == nil || !errors.Is(err, store.ErrLocked) {
			return m, err
		}
	}
	client, err := f.client(env)
	if err != nil {
		return nil, err
	}
	return served{client}, nil
}

func gcCommand(env *Env) *cobra.Command {
	var (
		f              maintainFlags
		dryRun, asJSON bool
	)
	c := &cobra.Command{
		Use:   "gc",
		Short: "Remove builds beyond their type's bounds and free what nothing refers to; may run during pushes",
		Long: `gc removes the builds that their type keeps no longer (keep_builds, keep_days; not
those that are pinned or shown by an alias), forgets history that is too old
(keep_history), and frees the content that nothing refers to any more. Each build
that goes is in the audit log: who, why, how much. It asks the server that has the
store open, or works on the store itself if none has: then the types are those of
--config, and without it no build goes.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := f.open(c.Context(), env)
			if err != nil {
				return err
			}
			defer m.Close()
			r, err := m.Collect(c.Context(), dryRun)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(env.Stdout).Encode(r)
			}
			printReport(env.Stdout, r, dryRun)
			if _, served := m.(served); !served && f.config == "" {
				fmt.Fprintln(env.Stderr, "note: without --config no type is known, so no build was looked at by keep_builds or keep_days")
			}
			return nil
		},
	}
	f.add(c.Flags())
	c.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "only tell")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object")
	return c
}

func printReport(w io.Writer, r upkeep.Report, dryRun bool) {
	would := ""
	if dryRun {
		would = "would have "
	}
	for _, b := range r.Removed {
		fmt.Fprintf(w, "%sremoved %s: %s of %s, last published to %s, %s\n", would,
			progress.Escape(string(b.Target)), count(int64(b.Files), "file"), wire.Bytes(b.Bytes), b.Last.UTC().Format(time.DateTime), b.Why)
	}
	if r.Forgotten > 0 {
		fmt.Fprintf(w, "forgot %d entries of older versions\n", r.Forgotten)
	}
	fmt.Fprintf(w, "%sfreed %s on disk: %d unused blobs of %s, %d packs rewritten or removed, %d orphans, %d forgotten sessions\n",
		would, wire.Bytes(r.Freed), r.Blobs, wire.Bytes(r.Bytes), r.Packs, r.Orphans, r.Sessions)
}

func fsckCommand(env *Env) *cobra.Command {
	var (
		f      maintainFlags
		o      upkeep.CheckOptions
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "fsck",
		Short: "Check that everything published is there and sound",
		Long: `fsck compares the catalog with the blobs, and with --content every byte with its
digest. It names every published path that is damaged, and the versions in which
it is. A later push of the same content heals it. It asks the server that has the
store open, or works on the store itself if none has.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			m, err := f.open(c.Context(), env)
			if err != nil {
				return err
			}
			defer m.Close()
			p := findings{w: env.Stdout, json: asJSON}
			if err := m.Check(c.Context(), o, p.print); err != nil {
				return err
			}
			return p.verdict()
		},
	}
	f.add(c.Flags())
	c.Flags().BoolVar(&o.Content, "content", false, "read every byte")
	c.Flags().BoolVar(&o.Repair, "repair", false, "rebuild what can be rebuilt first")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a finding, then one for the sum")
	return c
}

// findings prints what a check finds, as it does.
type findings struct {
	w       io.Writer
	json    bool
	damaged int
	done    bool
}

func (p *findings) print(l upkeep.Line) error {
	if l.Finding != nil {
		p.damaged++
	}
	p.done = p.done || l.Checked != nil
	if p.json {
		return json.NewEncoder(p.w).Encode(l)
	}
	switch {
	case l.Checked != nil:
		fmt.Fprintf(p.w, "%d blobs checked, %s read, %d damaged\n", l.Checked.Blobs, wire.Bytes(l.Checked.Bytes), l.Checked.Damaged)
	case l.Repaired != nil:
		if l.Repaired.Indexes {
			fmt.Fprintln(p.w, "repaired: the catalog's indexes were made anew")
		}
		fmt.Fprintf(p.w, "repaired: %d places found, %d healed, %d still damaged\n", l.Repaired.Found, l.Repaired.Healed, l.Repaired.Damaged)
	case l.Finding != nil:
		fmt.Fprintf(p.w, "damaged: %s: %s\n", l.Finding.Digest, progress.Escape(l.Finding.Error))
		for _, u := range l.Finding.Uses {
			fmt.Fprintf(p.w, "  in %s, %s\n", progress.Escape(unescape(u.Path)), versions(u))
		}
	}
	return nil
}

func versions(u upkeep.Use) string {
	if u.Until == 0 {
		return fmt.Sprintf("from version %d on", u.From)
	}
	return fmt.Sprintf("versions %d to %d", u.From, u.Until-1)
}

// verdict makes damage an error.
func (p *findings) verdict() error {
	switch {
	case !p.done:
		return wire.Errorf(wire.CodeBusy, "the check was cut short")
	case p.damaged > 0:
		return hinted{fmt.Errorf("damaged content: %s", count(int64(p.damaged), "blob")), "push the same files again: that heals them in every tree that has them"}
	}
	return nil
}

func backupCommand(env *Env) *cobra.Command {
	var f maintainFlags
	c := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy the whole store to a folder on the server's machine, while it serves",
		Long: `backup writes a copy of the store, of one moment, to a folder that does not exist
yet: content, every version, tokens, the server's certificate. The copy is a store:
"pubsync restore" copies it back, or serve it as it is: pubsync serve --store DIR.
On the store's own file system large files are hard links, which take no space and
no time, and are lost with the disk: copy the folder elsewhere, or back up to another
disk. Exit code 74 if some content was not there whole, to be copied.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := f.open(c.Context(), env)
			if err != nil {
				return err
			}
			defer m.Close()
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			lacking, err := m.Backup(c.Context(), dir)
			if err != nil {
				return err
			}
			fmt.Fprintf(env.Stdout, "backed up to %s\n", progress.Escape(dir))
			return whole(lacking)
		},
	}
	f.add(c.Flags())
	return c
}

// whole makes content that a copy lacks an error.
func whole(lacking int) error {
	if lacking == 0 {
		return nil
	}
	return hinted{
		fmt.Errorf("the copy is without %d blobs or packs that were not there whole", lacking),
		"\"pubsync fsck\" names the paths; push their files again, to heal them, then make another copy",
	}
}

func restoreCommand(env *Env) *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "restore BACKUP",
		Short: "Make a store of a backup",
		Long: `restore copies a backup to a new folder, which "pubsync serve --store DIR" then
serves. The backup stays as it is.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := openStore(c.Context(), env, args[0], "")
			if err != nil {
				return err
			}
			defer m.Close()
			lacking, err := m.Backup(c.Context(), to)
			if err != nil {
				return err
			}
			fmt.Fprintf(env.Stdout, "restored to %s\n", progress.Escape(to))
			return whole(lacking)
		},
	}
	c.Flags().StringVar(&to, "store", "pubsync-data", "`folder` of the new store, which must not exist or be empty")
	return c
}
