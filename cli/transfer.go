package cli

import (
	"io"
	"os"
	"strconv"

	"github.com/spf13/pflag"

	"github.com/pubsync/pubsync/cli/config"
	"github.com/pubsync/pubsync/cli/progress"
	"github.com/pubsync/pubsync/sync/attic"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/remote"
	"github.com/pubsync/pubsync/sync/walk"
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
	early                                                  *remote.Client // connects while files are listed; may be nil
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
