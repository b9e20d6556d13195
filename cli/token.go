package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/pubsync/pubsync/sync/remote"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// CredentialFile is the name, in the store's folder, of the credential with
// which "pubsync token" works on the server's machine.
const CredentialFile = "credential"

// schedulerFlags say with which credential to ask which server.
type schedulerFlags struct {
	store, server, credential string
}

func (f *schedulerFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.store, "store", "pubsync-data", "`folder` of the server's store, on the server's machine")
	fl.StringVar(&f.server, "server", "", "`URL` of the server, elsewhere")
	fl.StringVar(&f.credential, "credential", "", "`file` with the scheduler's credential")
}

// connection reads the credential.
func (f *schedulerFlags) connection() (connect.Connection, error) {
	file := f.credential
	if file == "" {
		file = filepath.Join(f.store, CredentialFile)
	}
	text, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return connect.Connection{}, hinted{fmt.Errorf("no credential: %s does not exist", file),
			"run this where \"pubsync serve\" keeps its store (--store DIR), or give --server URL --credential FILE"}
	}
	if err != nil {
		return connect.Connection{}, err
	}
	conn, err := connect.ParseCredential(strings.TrimSpace(string(text)))
	if err != nil {
		return connect.Connection{}, usageError{fmt.Errorf("%s: %w", file, err)}
	}
	if f.server != "" {
		conn.URL = strings.TrimRight(f.server, "/")
	}
	if conn.URL == "" {
		return connect.Connection{}, usagef("the credential names no server: give its address with --server https://HOST:PORT")
	}
	return conn, nil
}

// client makes a client that shows the scheduler's credential.
func (f *schedulerFlags) client(env *Env) (*remote.Client, error) {
	conn, err := f.connection()
	if err != nil {
		return nil, err
	}
	return newClient(env, conn, "", nil, 10*time.Second, nil)
}

func tokenCommand(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use: "token", Short: "Issue, list and revoke tokens (for schedulers)", Args: cobra.ArbitraryArgs, RunE: verb,
	}
	c.AddCommand(tokenIssue(env), tokenDerive(env), tokenList(env), tokenShow(env), tokenRevoke(env), tokenReset(env))
	return c
}

// grantFlags are the constraints of a token. They are sent as the JSON of POST
// /v1/tokens; what is not given is left to the server.
type grantFlags struct {
	grant   map[string]any
	sources []string
	verbs   []string
	reads   []string
	ttl     time.Duration
	json    bool
}

func (g *grantFlags) add(fl *pflag.FlagSet) {
	g.grant = map[string]any{}
	fl.Var(grantFlag{g.grant, "target"}, "target", "`PATH` to publish under, such as openembedded/sources")
	fl.DurationVar(&g.ttl, "ttl", 0, "how long it lives (default 60m)")
	fl.Var(timeFlag{g.grant, "not_before"}, "not-before", "first instant, RFC 3339 `TIME`")
	fl.Var(timeFlag{g.grant, "not_after"}, "not-after", "last instant to open or commit, RFC 3339 `TIME`")
	fl.Var(timeFlag{g.grant, "finish_by"}, "finish-by", "last instant for anything, RFC 3339 `TIME`")
	fl.Var(countFlag{g.grant, "publications"}, "publications", "publish `N` times at most (default 1)")
	fl.Var(countFlag{g.grant, "calls"}, "calls", "make `N` requests at most (default 10000)")
	fl.Var(countFlag{g.grant, "parallel"}, "parallel", "make `N` requests at once at most (default 8)")
	fl.Var(countFlag{g.grant, "files"}, "files", "publish `N` files at most (default 100000)")
	fl.Var(countFlag{g.grant, "bytes"}, "bytes", "publish `BYTES` at most, 10GB or 512MiB too (default 100GB)")
	fl.StringSliceVar(&g.sources, "source", nil, "`NETWORK` it may be used from, such as 10.0.0.0/8 or 10.0.0.7")
	fl.Var(boolFlag{g.grant, "pin_source"}, "pin-source", "only from the first address it is used from")
	fl.StringSliceVar(&g.verbs, "verb", nil, "`VERB`s: publish, check, read, link (default publish, check)")
	fl.StringSliceVar(&g.reads, "read", nil, "further `PATH`s whose content may be used")
	fl.Var(boolFlag{g.grant, "overwrite"}, "overwrite", "may change or remove what is published")
	fl.Var(grantFlag{g.grant, "manifest"}, "manifest", "the one manifest `DIGEST` it may commit")
	fl.Var(grantFlag{g.grant, "visibility"}, "visibility", "the widest it may ask for: private, licensed, public")
	fl.Var(grantFlag{g.grant, "note"}, "note", "`TEXT` to find it by")
	fl.BoolVar(&g.json, "json", false, "print the whole answer as JSON")
	for _, name := range []string{"pin-source", "overwrite"} {
		fl.Lookup(name).NoOptDefVal = "true"
	}
}

func (g *grantFlags) body() (map[string]any, error) {
	if g.ttl < 0 || g.ttl > 0 && g.ttl < time.Second {
		return nil, usagef("--ttl %v is too short to be of use", g.ttl)
	}
	if g.ttl > 0 {
		g.grant["ttl"] = int64(g.ttl / time.Second)
	}
	for key, list := range map[string][]string{"sources": wholeNetworks(g.sources), "verbs": g.verbs, "reads": g.reads} {
		if len(list) > 0 {
			g.grant[key] = list
		}
	}
	return g.grant, nil
}

func tokenIssue(env *Env) *cobra.Command {
	var (
		s schedulerFlags
		g grantFlags
	)
	c := &cobra.Command{
		Use:   "issue --target PATH",
		Short: "Issue a token and print it",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if g.grant["target"] == nil {
				return usagef("--target is required: the path to publish under, such as openembedded/sources")
			}
			return g.ask(c.Context(), env, &s, "/v1/tokens")
		},
	}
	s.add(c.Flags())
	g.add(c.Flags())
	return c
}

func tokenDerive(env *Env) *cobra.Command {
	var (
		s schedulerFlags
		g grantFlags
	)
	c := &cobra.Command{
		Use:   "derive ACCESSOR",
		Short: "Make a narrower token that spends from another's budget, and print it",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return g.ask(c.Context(), env, &s, "/v1/tokens/"+url.PathEscape(args[0])+"/derive")
		},
	}
	s.add(c.Flags())
	g.add(c.Flags())
	return c
}

// ask has a token made and prints it.
func (g *grantFlags) ask(ctx context.Context, env *Env, s *schedulerFlags, path string) error {
	body, err := g.body()
	if err != nil {
		return err
	}
	client, err := s.client(env)
	if err != nil {
		return err
	}
	defer client.Close()
	var answer json.RawMessage
	if err := client.PostJSON(ctx, path, body, &answer); err != nil {
		return err
	}
	if g.json {
		fmt.Fprintf(env.Stdout, "%s\n", answer)
		return nil
	}
	var made struct {
		Token string `json:"token"`
	}
	if err := json.Unmarshal(answer, &made); err != nil {
		return err
	}
	fmt.Fprintln(env.Stdout, made.Token)
	return nil
}

// A listed token is what the list shows of it.
type listedToken struct {
	Accessor string `json:"accessor"`
	State    string `json:"state"`
	Note     string `json:"note"`
	Grant    struct {
		Target       string    `json:"target"`
		NotAfter     time.Time `json:"not_after"`
		Publications int64     `json:"publications"`
	} `json:"grant"`
	Spent struct {
		Publications int64 `json:"publications"`
	} `json:"spent"`
}

func tokenList(env *Env) *cobra.Command {
	var (
		s             schedulerFlags
		target, state string
		asJSON        bool
	)
	c := &cobra.Command{
		Use:   "list",
		Short: "List the scheduler's tokens, newest first",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := s.client(env)
			if err != nil {
				return err
			}
			defer client.Close()
			q := url.Values{"target": {target}, "state": {state}}
			return client.Get(c.Context(), "/v1/tokens?"+q.Encode(), nil, func(resp *http.Response) error {
				if asJSON {
					_, err := io.Copy(env.Stdout, resp.Body)
					return err
				}
				return printTokens(env.Stdout, resp.Body)
			})
		},
	}
	s.add(c.Flags())
	c.Flags().StringVar(&target, "target", "", "only those for `PATH` or below it")
	c.Flags().StringVar(&state, "state", "", "only those that are live, in_use, consumed, expired or revoked")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return c
}

func printTokens(w io.Writer, r io.Reader) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "ACCESSOR\tSTATE\tUSED\tNOT AFTER\tTARGET\tNOTE")
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var t listedToken
		if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
			return err
		}
		fmt.Fprintf(tw, "%s\t%s\t%d/%d\t%s\t%s\t%s\n", t.Accessor, t.State, t.Spent.Publications, t.Grant.Publications,
			t.Grant.NotAfter.Format(time.RFC3339), oneLine(t.Grant.Target), oneLine(t.Note))
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return tw.Flush()
}

func tokenShow(env *Env) *cobra.Command {
	return tokenAct(env, "show", "Show a token and what was done with it, as JSON", func(ctx context.Context, client *remote.Client, path string) error {
		var v json.RawMessage
		if err := client.GetJSON(ctx, path, &v); err != nil {
			return err
		}
		var pretty any
		if err := json.Unmarshal(v, &pretty); err != nil {
			return err
		}
		enc := json.NewEncoder(env.Stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(pretty)
	})
}

func tokenRevoke(env *Env) *cobra.Command {
	return tokenAct(env, "revoke", "Make a token, and those derived from it, worthless", func(ctx context.Context, client *remote.Client, path string) error {
		return client.Delete(ctx, path)
	})
}

func tokenReset(env *Env) *cobra.Command {
	return tokenAct(env, "reset", "Free a token whose builder lost its session", func(ctx context.Context, client *remote.Client, path string) error {
		return client.PostJSON(ctx, path+"/reset", struct{}{}, nil)
	})
}

// tokenAct is a verb on one token, named by its accessor or by itself.
func tokenAct(env *Env, verb, short string, act func(context.Context, *remote.Client, string) error) *cobra.Command {
	var s schedulerFlags
	c := &cobra.Command{
		Use:   verb + " ACCESSOR",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := s.client(env)
			if err != nil {
				return err
			}
			defer client.Close()
			return act(c.Context(), client, "/v1/tokens/"+url.PathEscape(accessorOf(args[0])))
		},
	}
	s.add(c.Flags())
	return c
}

// accessorOf lets a whole token stand for its accessor.
func accessorOf(arg string) string {
	if c, err := connect.Parse(arg); err == nil {
		return c.Accessor()
	}
	return arg
}
