package cli

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"github.com/pubsync/pubsync/cli/progress"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/remote"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

func pushCommand(env *Env) *cobra.Command {
	var (
		f      transferFlags
		target string
	)
	c := &cobra.Command{
		Use:   "push DIR...",
		Short: "Publish directories",
		Long: `push publishes the contents of the directories under the token's target, all at
once or not at all. Files that the server holds anywhere the token may read are
linked, changed ones go as deltas. Nothing is removed unless --delete is given.

A push that was interrupted goes on where it was when the same command is run
again. "pubsync --help" lists the exit codes.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			sources := make([]walk.Source, len(args))
			for i, dir := range args {
				if err := checkDir(dir); err != nil {
					return err
				}
				sources[i] = walk.Source{Dir: dir}
			}
			return f.run(c.Context(), env, sources, walk.Shape{}, target)
		},
	}
	f.add(c.Flags())
	c.Flags().StringVar(&target, "target", "", "`PATH` to publish under, at or below the token's target (default: that)")
	return c
}

// checkDir tells early and plainly what is wrong with a source.
func checkDir(dir string) error {
	fi, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return hinted{fmt.Errorf("no such directory: %s", dir), "give the directory whose contents are to be published"}
	case err != nil:
		return err
	case !fi.IsDir():
		return usageError{hinted{fmt.Errorf("not a directory: %s", dir), "push the directory that holds it, with --include or --files-from to choose"}}
	}
	return nil
}

// run walks the sources and pushes what they hold.
func (f *transferFlags) run(ctx context.Context, env *Env, sources []walk.Source, shape walk.Shape, target string) error {
	began := env.Now()
	if target != "" {
		if _, err := manifest.ParsePath(target); err != nil {
			return err
		}
	}
	conn, err := f.connection(env)
	if err != nil {
		return err
	}
	d := f.display(env, "push")
	defer d.Done()
	d.State("listing")
	names, err := f.names(env)
	if err != nil {
		return err
	}
	if f.early, err = f.client(env, conn, "", nil); err != nil {
		return err
	}
	defer f.early.Close()
	f.early.Connect()
	tree, err := walk.Walk(ctx, walk.Options{
		Sources: sources, Filter: &f.filter, Files: names, Shape: shape,
		Skipped: func(path string, kind fs.FileMode) {
			d.Printf("skipped, neither file, directory nor symlink: %s", progress.Escape(path))
		},
		Unfit: f.unfit(d),
	})
	if err != nil {
		return err
	}
	defer tree.Close()
	r, stats, err := f.push(ctx, env, conn, tree, target, d)
	d.Done()
	if err != nil {
		return err
	}
	return f.report(env, r, stats, env.Now().Sub(began).Seconds())
}

// unfit says what becomes of names that cannot be published: nil, that they are
// an error.
func (f *transferFlags) unfit(d *progress.Display) func(walk.Unfit) {
	if !f.skipUnfit {
		return nil
	}
	return func(u walk.Unfit) {
		d.Printf("skipped, cannot be published (%s): %s", u.Rule, progress.Escape(u.Local))
	}
}

func (f *transferFlags) names(env *Env) ([]string, error) {
	switch f.filesFrom {
	case "":
		return nil, nil
	case "-":
		return walk.ReadNames(env.Stdin, f.from0)
	}
	file, err := os.Open(f.filesFrom)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return walk.ReadNames(file, f.from0)
}

// display shows progress on a terminal, and where it was asked for.
func (f *transferFlags) display(env *Env, verb string) *progress.Display {
	_, terminal := env.Terminal()
	return progress.New(progress.Options{
		Out: env.Stderr, Silent: f.quiet, Warnings: f.json && !f.progress, Terminal: terminal, Now: env.Now, Verb: verb,
		Width: func() int { w, _ := env.Terminal(); return w },
	})
}

// push pushes the tree, with the secret of the session kept for it.
func (f *transferFlags) push(ctx context.Context, env *Env, conn connect.Connection, tree *walk.Tree, target string, d *progress.Display) (push.Result, remote.Stats, error) {
	kept, err := openSession(env, conn, target)
	if err != nil {
		return push.Result{}, remote.Stats{}, err
	}
	for {
		r, stats, err := f.pushOnce(ctx, env, conn, kept, tree, target, d)
		if errors.Is(err, push.ErrSessionUsed) {
			if err := kept.renew(); err != nil {
				return r, stats, err
			}
			continue
		}
		if err == nil && !f.dryRun {
			err = kept.remove()
		}
		return r, stats, err
	}
}

func (f *transferFlags) pushOnce(ctx context.Context, env *Env, conn connect.Connection, kept *sessionFile, tree *walk.Tree, target string, d *progress.Display) (push.Result, remote.Stats, error) {
	through, ok := map[string]push.Through{"auto": push.Auto, "always": push.Always, "never": push.Never, "": push.Auto}[f.through]
	if !ok {
		return push.Result{}, remote.Stats{}, usagef("--through-compression %q is none of auto, always, never", f.through)
	}
	var bases []*push.LocalBasis
	for _, name := range f.basis {
		b, err := push.OpenBasis(name)
		if err != nil {
			return push.Result{}, remote.Stats{}, err
		}
		defer b.Close()
		bases = append(bases, b)
	}
	client, err := f.client(env, conn, kept.Secret, d)
	if err != nil {
		return push.Result{}, remote.Stats{}, err
	}
	defer client.Close()
	if f.early != nil {
		client.TakeOver(f.early)
	}
	hash := connect.HashSession(kept.Secret)
	o := push.Options{
		Target: manifest.Path(target), Bases: bases, Attic: f.attic(env, d), Mirror: f.delete, Checksum: f.checksum, DryRun: f.dryRun, Visibility: f.visibility,
		SessionHash: hex.EncodeToString(hash[:]), Progress: d, Now: env.Now,
		Through: through, Spool: func() (*os.File, error) { return unnamed("") }, Aliases: f.aliases,
	}
	if f.verbose > 0 && !f.json {
		o.Event = func(e push.Event) { fmt.Fprintf(env.Stdout, "%-6s %s\n", e.What, progress.Escape(e.Path)) }
	}
	r, err := push.Push(ctx, client, tree, o)
	if r.Receipt != nil && r.Receipt.URL == "" {
		r.Receipt.URL = wire.PublishedURL(client.Origin(), r.Receipt.Target)
	}
	return r, client.Stats(), err
}
