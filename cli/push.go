package cli

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pubsync/pubsync/cli/config"
	"github.com/pubsync/pubsync/cli/progress"
	"github.com/pubsync/pubsync/sync/attic"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/remote"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// transferFlags are what push and publish share.
type transferFlags struct {
	bearerFlags
	delete, checksum, dryRun, stats, json, quiet, progress bool
	visibility                                             string
	verbose                                                int
	filter                                                 walk.Filter
	filesFrom                                              string
	through                                                string
	basis                                                  []string
	cache                                                  string
	cacheSize                                              config.Size
	from0, skipUnfit                                       bool
	aliases                                                []string
}

func (f *transferFlags) add(fl *pflag.FlagSet) {
	f.bearerFlags.add(fl)
	f.addHabits(fl)
	fl.BoolVar(&f.delete, "delete", false, "remove what the target holds beyond what is pushed (mirror)")
	fl.BoolVarP(&f.checksum, "checksum", "c", false, "compare contents, not size and modification time")
	fl.StringVar(&f.visibility, "visibility", "", "who may read the target from now on: private, licensed or public (default: as it is)")
	fl.BoolVarP(&f.dryRun, "dry-run", "n", false, "find out what would be sent, change nothing")
	fl.BoolVar(&f.stats, "stats", false, "print figures at the end")
	fl.BoolVar(&f.json, "json", false, "print one JSON object at the end, and no progress")
	fl.BoolVarP(&f.quiet, "quiet", "q", false, "print errors only")
	fl.CountVarP(&f.verbose, "verbose", "v", "name the files as they are dealt with")
	fl.BoolVar(&f.progress, "progress", false, "show progress on standard error, with --json too")
	fl.Var(ruleFlag{f.filter.Exclude}, "exclude", "leave out what matches the `PATTERN`, as in rsync")
	fl.Var(ruleFlag{f.filter.Include}, "include", "take what matches the `PATTERN`, though a later rule excludes it")
	fl.Var(ruleFlag{func(name string) error { return f.rulesFrom(name, f.filter.ExcludeFrom) }}, "exclude-from", "read exclude patterns from `FILE`")
	fl.Var(ruleFlag{func(name string) error { return f.rulesFrom(name, f.filter.IncludeFrom) }}, "include-from", "read include patterns from `FILE`")
	fl.BoolVar(&f.skipUnfit, "skip-unfit", false, "leave out, with a warning, names that cannot be published: with backslashes, control bytes, a dot at the end, of Windows devices")
	fl.StringVar(&f.filesFrom, "files-from", "", "push only the paths listed in `FILE`, one a line (- is standard input)")
	fl.StringArrayVar(&f.basis, "basis", nil, "an old `FILE` that the server holds too: what is new goes as the difference from it")
	fl.StringArrayVar(&f.aliases, "alias", nil, "have this `NAME` beside the build show it, such as lastSuccessful, unless it shows a build with a higher number; the server's configuration says which there are")
	fl.StringVar(&f.cache, "cache", "", "keep what is pushed in `DIR`, so that the next push sends true differences (default $PUBSYNC_CACHE, or no cache)")
	f.cacheSize = defaultCache
	fl.Var(sizeFlag{&f.cacheSize}, "cache-size", "`BYTES` that the cache may hold, such as 500MB; what was not used for longest goes first")
	fl.StringVar(&f.through, "through-compression", "auto", "`WHEN` to match archives by what is inside them: auto, always or never")
	fl.BoolVarP(&f.from0, "from0", "0", false, "lists of files end in NUL instead of newline")
}

// addHabits takes what fingers used to rsync type: what is always so here, and -P.
func (f *transferFlags) addHabits(fl *pflag.FlagSet) {
	for _, habit := range [][2]string{{"archive", "a"}, {"recursive", "r"}, {"compress", "z"}} {
		fl.BoolP(habit[0], habit[1], true, "always so, as in rsync")
		fl.Lookup(habit[0]).Hidden = true
	}
	fl.BoolVarP(&f.progress, "partial-progress", "P", false, "as --progress; what was interrupted always goes on")
	fl.Lookup("partial-progress").Hidden = true
}

// defaultCache is the size of a cache that was not given one.
const defaultCache = 10_000_000_000

// sizeFlag is a flag that takes a number of bytes, with a unit or without.
type sizeFlag struct{ size *config.Size }

func (s sizeFlag) String() string {
	if s.size == nil {
		return ""
	}
	return s.size.String()
}

func (s sizeFlag) Set(text string) error {
	if _, err := strconv.ParseUint(text, 10, 62); err == nil {
		text += "B"
	}
	return s.size.UnmarshalText([]byte(text))
}

func (s sizeFlag) Type() string { return "size" }

// attic opens the cache, if there is to be one. One that cannot be used is worth
// a warning and no failure.
func (f *transferFlags) attic(env *Env, d *progress.Display) push.Attic {
	dir := or(f.cache, env.Getenv("PUBSYNC_CACHE"))
	if dir == "" {
		return nil
	}
	a, err := attic.Open(dir, int64(f.cacheSize), env.Now)
	if err != nil {
		d.Printf("no cache: %s", oneLine(err.Error()))
		return nil
	}
	return a
}

// ruleFlag hands each value of a flag on in the order given: for filter rules
// the order is what counts.
type ruleFlag struct{ add func(string) error }

func (r ruleFlag) String() string     { return "" }
func (r ruleFlag) Set(s string) error { return r.add(s) }
func (r ruleFlag) Type() string       { return "string" }

func (f *transferFlags) rulesFrom(name string, add func(io.Reader, string, bool) error) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	return add(file, name, f.from0)
}

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
	return r, client.Stats(), err
}

// A summary is the JSON object at the end of a push.
type summary struct {
	Status       string            `json:"status"`      // "published", "unchanged" or "dry-run"
	Publication  int64             `json:"publication"` // 0 for a dry run
	Target       manifest.Path     `json:"target"`
	URL          string            `json:"url,omitempty"`
	Files        int               `json:"files"` // files and symlinks pushed, changed or not
	Bytes        int64             `json:"bytes"` // of all files
	FilesSent    int64             `json:"files_sent"`
	FilesDelta   int64             `json:"files_delta"`
	FilesLinked  int64             `json:"files_linked"`
	FilesRemoved int               `json:"files_removed"`
	Sent         int64             `json:"sent_bytes"`     // at the socket, TLS included
	Received     int64             `json:"received_bytes"` // likewise
	Requests     int64             `json:"requests"`
	Seconds      float64           `json:"seconds"`
	Methods      map[string]method `json:"methods"`
}

type method = push.Method

func summarize(r push.Result, s remote.Stats, seconds float64) summary {
	sum := summary{
		Status: r.Status, Target: r.Target, Files: r.Files, Bytes: r.Bytes,
		FilesSent: r.Whole.Files, FilesDelta: r.Delta.Files + r.Archive.Files, FilesLinked: r.Linked.Files, FilesRemoved: r.FilesRemoved,
		Sent: s.Sent, Received: s.Received, Requests: s.Requests, Seconds: seconds,
		Methods: map[string]method{"whole": r.Whole, "delta": r.Delta, "archive": r.Archive, "linked": r.Linked},
	}
	if r.Receipt != nil {
		sum.Publication, sum.URL = r.Receipt.Publication, r.Receipt.URL
	}
	return sum
}

func (f *transferFlags) report(env *Env, r push.Result, s remote.Stats, seconds float64) error {
	sum := summarize(r, s, seconds)
	if f.json {
		return json.NewEncoder(env.Stdout).Encode(sum)
	}
	if f.quiet {
		return nil
	}
	switch r.Status {
	case "unchanged":
		fmt.Fprintf(env.Stdout, "unchanged: %s is as it was published in %d\n", progress.Escape(r.Target), sum.Publication)
	case "dry-run":
		fmt.Fprintf(env.Stdout, "dry run for %s: %s would be sent, %d as deltas, %d linked\n",
			progress.Escape(r.Target), count(sum.FilesSent, "file"), sum.FilesDelta, sum.FilesLinked)
	default:
		fmt.Fprintf(env.Stdout, "published %s as publication %d: %s, %s\n", progress.Escape(r.Target), sum.Publication, count(int64(sum.Files), "file"), wire.Bytes(sum.Bytes))
		if sum.URL != "" {
			fmt.Fprintf(env.Stdout, "%s\n", sum.URL)
		}
	}
	if f.stats || f.verbose > 0 {
		printStats(env.Stdout, sum)
	}
	return nil
}

// count writes a number of things.
func count(n int64, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

func printStats(w io.Writer, s summary) {
	for _, name := range []string{"whole", "delta", "archive", "linked"} {
		if m := s.Methods[name]; m.Files > 0 || m.Sent > 0 {
			fmt.Fprintf(w, "%-8s %s of %s, %s sent, %s saved\n", name+":", count(m.Files, "file"), wire.Bytes(m.Bytes), wire.Bytes(m.Sent), wire.Bytes(m.Saved))
		}
	}
	fmt.Fprintf(w, "removed: %d\n", s.FilesRemoved)
	fmt.Fprintf(w, "sent %s, received %s in %d requests and %.2f s\n", wire.Bytes(s.Sent), wire.Bytes(s.Received), s.Requests, s.Seconds)
}

func publishCommand(env *Env) *cobra.Command {
	var (
		f     transferFlags
		typ   string
		strip int
	)
	c := &cobra.Command{
		Use:   "publish BUILD_ID GLOB...",
		Short: "Publish the files that match, under TYPE/BUILD_ID",
		Long: `publish pushes what the globs match (doublestar patterns: "out/**/*.img") to the
target TYPE/BUILD_ID. The server's profile of the type, if it has one, says what
else is left out and how paths are changed; --strip drops leading components as
in tar.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if typ == "" {
				return usagef("--type is required: the first component of what is published")
			}
			shape, err := f.shape(c, env, typ, strip)
			if err != nil {
				return err
			}
			sources, err := walk.GlobSources(".", args[1:])
			if err != nil {
				return err
			}
			return f.run(c.Context(), env, sources, shape, strings.Trim(typ+"/"+args[0], "/"))
		},
	}
	f.add(c.Flags())
	c.Flags().StringVar(&typ, "type", "", "build `TYPE`: the first component of the target")
	c.Flags().IntVar(&strip, "strip", 0, "drop `N` leading components of each path")
	return c
}

// shape asks the server for the profile of a type; what the command line says
// wins.
func (f *transferFlags) shape(c *cobra.Command, env *Env, typ string, strip int) (walk.Shape, error) {
	conn, err := f.connection(env)
	if err != nil {
		return walk.Shape{}, err
	}
	client, err := f.client(env, conn, "", nil)
	if err != nil {
		return walk.Shape{}, err
	}
	defer client.Close()
	var p wire.Profile
	err = client.GetJSON(c.Context(), "/v1/profiles/"+strings.TrimSpace(manifest.Path(typ).First()), &p)
	if err != nil && !errors.Is(err, &wire.Error{Code: wire.CodeNotFound}) {
		return walk.Shape{}, err
	}
	if c.Flags().Lookup("strip").Changed {
		p.Strip = strip
	}
	f.delete = f.delete || p.Mode == wire.Mirror
	return walk.Shape{Include: p.Include, Exclude: p.Exclude, Strip: p.Strip, Flatten: p.Flatten}, nil
}
