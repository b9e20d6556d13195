package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/pubsync/pubsync/bench/corpus"
)

// options are the flags, and what is made of them.
type options struct {
	rounds  int
	quick   bool
	only    *regexp.Regexp
	all     bool // --only was not given
	links   string
	peers   *regexp.Regexp
	steps   *regexp.Regexp
	out     string // folder of the report
	work    string // folder of the measured files
	fs      string // "fresh" or "here"; see [mountFresh]
	onFS    string // what was made of it, for the report
	trim    func() // after something was removed there
	pubsync string // the binary; built if empty
	cache   *corpus.Cache
	status  *status
}

func parseOptions(args []string) (*options, error) {
	o := &options{}
	fl := flag.NewFlagSet("bench", flag.ContinueOnError)
	fl.IntVar(&o.rounds, "rounds", 5, "rounds of each workload")
	fl.BoolVar(&o.quick, "quick", false, "small data, 1 round (so no spread), and without --only the main workloads only")
	only := fl.String("only", "", "only what this regular expression matches: workloads, or pairs of deltas")
	fl.StringVar(&o.links, "links", "loopback,100M40ms,20M100ms", "links to measure over")
	steps := fl.String("steps", "", "only the first step of a workload and those that this regular expression matches")
	peers := fl.String("peers", "", "only pubsync and the peers that this regular expression matches, such as ^rsync")
	fl.StringVar(&o.out, "out", "", "folder of results and report (default bench/results of the checkout, with --quick bench/results/quick)")
	fl.StringVar(&o.pubsync, "pubsync", "", "binary to measure, instead of building this checkout")
	dir := fl.String("cache", cacheDir(), "folder of fetched and made data")
	fl.StringVar(&o.work, "work", "", "folder for what is written while measuring (default: in the cache)")
	fl.StringVar(&o.fs, "fs", "fresh", "measure on a fresh ext4 in an image (needs root), or here: as the work folder is")
	if err := fl.Parse(args); err != nil {
		return nil, err
	}
	if fl.NArg() > 0 {
		return nil, fmt.Errorf("what is %q?", fl.Arg(0))
	}
	var err error
	if o.only, err = regexp.Compile("(?i)" + *only); err != nil {
		return nil, fmt.Errorf("--only: %w", err)
	}
	if o.peers, err = regexp.Compile("(?i)" + *peers); err != nil {
		return nil, fmt.Errorf("--peers: %w", err)
	}
	if o.steps, err = regexp.Compile("(?i)" + *steps); err != nil {
		return nil, fmt.Errorf("--steps: %w", err)
	}
	if *dir, err = filepath.Abs(*dir); err != nil {
		return nil, err
	}
	given := map[string]bool{}
	fl.Visit(func(f *flag.Flag) { given[f.Name] = true })
	if o.quick && !given["rounds"] {
		o.rounds = 1
	}
	if o.quick && !given["links"] {
		o.links = "loopback," + slow
	}
	o.all = !given["only"]
	if o.out == "" {
		o.out = filepath.Join(checkout(), "bench", "results")
		if o.quick {
			o.out = filepath.Join(o.out, "quick")
		}
	}
	if o.work == "" {
		o.work = filepath.Join(*dir, "work")
	}
	if o.work, err = filepath.Abs(o.work); err != nil {
		return nil, err
	}
	o.status = newStatus(os.Stderr)
	o.cache = &corpus.Cache{Dir: *dir, Say: o.status.note}
	return o, os.MkdirAll(*dir, 0o755)
}

// linkNames are those of --links.
func (o *options) linkNames() []string { return strings.Split(o.links, ",") }

func cacheDir() string {
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "pubsync-bench")
	}
	return filepath.Join(checkout(), ".cache", "bench")
}

// checkout is the folder of the module that the program was started in, or the current one.
func checkout() string {
	dir, err := os.Getwd()
	if err != nil {
		return "."
	}
	for at := dir; at != filepath.Dir(at); at = filepath.Dir(at) {
		if _, err := os.Stat(filepath.Join(at, "go.mod")); err == nil {
			return at
		}
	}
	return dir
}

// binary gives the path of the pubsync to measure, building it if none was named.
func (o *options) binary(ctx context.Context) (string, error) {
	if o.pubsync != "" {
		return filepath.Abs(o.pubsync)
	}
	o.pubsync = filepath.Join(o.cache.Dir, "bin", "pubsync")
	o.status.note("building pubsync")
	return o.pubsync, buildPubsync(ctx, o.pubsync)
}

// buildPubsync builds the pubsync of this checkout.
func buildPubsync(ctx context.Context, name string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", name, "./cli/pubsync")
	cmd.Dir = checkout()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("building pubsync (run this in the checkout): %w: %s", err, out)
	}
	return nil
}

// workDir makes an empty folder for a run below the work folder, on a file system as
// --fs says, and gives what removes it.
func (o *options) workDir(ctx context.Context) (string, func(), error) {
	if err := os.MkdirAll(o.work, 0o755); err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp(o.work, "run-")
	if err != nil {
		return "", nil, err
	}
	remove := func() { os.RemoveAll(dir) }
	o.trim = func() {}
	o.onFS = fileSystem(dir) + " of the machine"
	if o.fs != "fresh" {
		return dir, remove, nil
	}
	at, unmount, err := mountFresh(ctx, dir, pick(o, 4_000_000, 400_000))
	if err != nil {
		o.status.notef("no file system of its own, measuring on %s: %v", o.onFS, err)
		return dir, remove, nil
	}
	o.onFS = "ext4 with a journal, made for the run, in an image on a loop device"
	o.trim = func() { trim(ctx, at) }
	return at, func() { unmount(); remove() }, nil
}

// prepare returns the binary to measure and a folder for what is written while measuring,
// which remove removes.
func (o *options) prepare(ctx context.Context) (bin, dir string, remove func(), err error) {
	if bin, err = o.binary(ctx); err != nil {
		return "", "", nil, err
	}
	dir, remove, err = o.workDir(ctx)
	return bin, dir, remove, err
}

// writeOut writes a file of the report.
func (o *options) writeOut(name string, write func(io.Writer) error) error {
	name = filepath.Join(o.out, name)
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	if err := write(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
