package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"
	"golang.org/x/time/rate"

	"github.com/pubsync/pubsync/cli/progress"
	"github.com/pubsync/pubsync/sync/remote"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// bearerFlags say which token to use, and how to reach its server.
type bearerFlags struct {
	token, server, bwlimit string
	patience               time.Duration
}

func (f *bearerFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.token, "token", "", "the `TOKEN`, or - to read it from standard input (default $PUBSYNC_TOKEN, or the file named by $PUBSYNC_TOKEN_FILE)")
	fl.StringVar(&f.server, "server", "", "`URL` of the server, instead of the one in the token")
	fl.StringVar(&f.bwlimit, "bwlimit", "", "send `RATE` KiB a second at most; suffixes as in rsync: 1.5m, 500k")
	fl.DurationVar(&f.patience, "retry-for", 2*time.Minute, "how long to go on trying when the network or the server fails")
}

// connection finds and reads the token.
func (f *bearerFlags) connection(env *Env) (connect.Connection, error) {
	text, from, err := f.text(env)
	if err != nil {
		return connect.Connection{}, err
	}
	c, err := connect.Parse(text)
	if err != nil {
		return c, fmt.Errorf("the token from %s: %w", from, err)
	}
	if f.server != "" {
		c.URL = strings.TrimRight(f.server, "/")
	}
	if c.URL == "" {
		return c, usagef("this token names no server: give its address with --server https://HOST:PORT")
	}
	if err := connect.CheckURL(c.URL); err != nil {
		return c, usageError{err}
	}
	return c, nil
}

func (f *bearerFlags) text(env *Env) (text, from string, err error) {
	switch {
	case f.token == "-":
		text, err = readLine(env.Stdin)
		return text, "standard input", err
	case f.token != "":
		return f.token, "--token", nil
	}
	if t := env.Getenv("PUBSYNC_TOKEN"); t != "" {
		return t, "$PUBSYNC_TOKEN", nil
	}
	if name := env.Getenv("PUBSYNC_TOKEN_FILE"); name != "" {
		b, err := os.ReadFile(name)
		return string(b), name, err
	}
	return "", "", usageError{hinted{fmt.Errorf("no token given"),
		"use --token TOKEN, --token - (standard input), $PUBSYNC_TOKEN or $PUBSYNC_TOKEN_FILE; a scheduler makes one with \"pubsync token issue\""}}
}

// readLine reads one line of at most 64 KiB.
func readLine(r io.Reader) (string, error) {
	line, err := bufio.NewReader(io.LimitReader(r, 64<<10)).ReadString('\n')
	if err == io.EOF {
		err = nil
	}
	return strings.TrimSpace(line), err
}

// client makes the client for a connection. secret is the session's.
func (f *bearerFlags) client(env *Env, c connect.Connection, secret string, d *progress.Display) (*remote.Client, error) {
	limiter, err := parseRate(f.bwlimit)
	if err != nil {
		return nil, err
	}
	return newClient(env, c, secret, limiter, f.patience, d)
}

func newClient(env *Env, c connect.Connection, secret string, limiter *rate.Limiter, patience time.Duration, d *progress.Display) (*remote.Client, error) {
	cfg := remote.Config{
		URL: c.URL, Token: c.Secret, Secret: secret, UserAgent: userAgent(),
		Proxy: proxyOf(env), Limiter: limiter, Patience: patience,
		Sleep: env.Sleep, Jitter: env.Jitter, Now: env.Now, Tickets: keptDir(env, "tls"), Links: keptDir(env, "links"),
	}
	if c.HasPin {
		cfg.Pin = &c.Pin
	}
	if d != nil {
		cfg.Notify = func(err error, wait time.Duration) {
			d.Printf("trying again in %v: %s", wait.Round(time.Millisecond), oneLine(connect.Redact(err.Error())))
		}
	}
	cl, err := remote.New(cfg)
	if err != nil {
		return nil, usageError{err}
	}
	return cl, nil
}

// userAgent names the release, without what else a version may say: it goes with
// every push.
func userAgent() string {
	release, _, _ := strings.Cut(buildVersion(), "-")
	return "pubsync/" + strings.Trim(release, "()")
}

// parseRate reads a rate as rsync's --bwlimit does: KiB a second unless a
// suffix says otherwise; "" and "0" are no limit.
func parseRate(s string) (*rate.Limiter, error) {
	if s == "" || s == "0" {
		return nil, nil
	}
	number, unit := s, 1024.0
	for suffix, u := range map[string]float64{"kb": 1e3, "mb": 1e6, "gb": 1e9, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30} {
		if rest, ok := strings.CutSuffix(strings.ToLower(s), suffix); ok && (len(suffix) == 2 || number == s) {
			number, unit = rest, u
		}
	}
	var n float64
	if _, err := fmt.Sscanf(number, "%g", &n); err != nil || n <= 0 || n*unit < 1 {
		return nil, usagef("--bwlimit %q is no rate: write KiB a second, or 500k, 1.5m", s)
	}
	perSecond := n * unit
	// A burst of a tenth of a second keeps the flow even.
	return rate.NewLimiter(rate.Limit(perSecond), max(int(perSecond/10), 1024)), nil
}

// stateDir is where the client keeps what must survive it.
func stateDir(env *Env) (string, error) {
	if dir := env.Getenv("PUBSYNC_STATE_DIR"); dir != "" {
		return dir, nil
	}
	if dir := env.Getenv("XDG_STATE_HOME"); dir != "" {
		return filepath.Join(dir, "pubsync"), nil
	}
	if home := env.Getenv("HOME"); home != "" {
		return filepath.Join(home, ".local", "state", "pubsync"), nil
	}
	if dir := env.Getenv("LOCALAPPDATA"); dir != "" {
		return filepath.Join(dir, "pubsync"), nil
	}
	return lastResort(), nil
}

// lastResort is where state goes if there is no place that is the user's own.
func lastResort() string { return filepath.Join(os.TempDir(), "pubsync-state") }

// keptDir is where what is kept of servers goes, by its kind; "": nowhere, since others
// could put some there.
func keptDir(env *Env, kind string) string {
	dir, err := stateDir(env)
	if err != nil || dir == lastResort() {
		return ""
	}
	return filepath.Join(dir, kind)
}
