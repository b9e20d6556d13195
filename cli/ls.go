package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pubsync/pubsync/cli/progress"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/remote"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// readFlags say which server to read from. Reading what is public needs no
// token; a token or a store's credential file says where the server is and how
// to know it.
type readFlags struct {
	bearerFlags
	store string
}

func (f *readFlags) add(c *cobra.Command) {
	f.bearerFlags.add(c.Flags())
	c.Flags().StringVar(&f.store, "store", "pubsync-data", "`folder` of the server's store, to find a server on this machine")
}

// reader makes a client for reading.
func (f *readFlags) reader(env *Env) (*remote.Client, error) {
	if f.token != "" || env.Getenv("PUBSYNC_TOKEN") != "" || env.Getenv("PUBSYNC_TOKEN_FILE") != "" {
		conn, err := f.connection(env)
		if err != nil {
			return nil, err
		}
		return f.client(env, conn, "", nil)
	}
	if f.server != "" {
		return f.client(env, connect.Connection{URL: strings.TrimRight(f.server, "/")}, "", nil)
	}
	s := schedulerFlags{store: f.store}
	conn, err := s.connection()
	if err != nil {
		return nil, usageError{hinted{fmt.Errorf("which server?"), "give --server URL or --token TOKEN, or --store DIR on the server's machine"}}
	}
	conn.Secret = "" // it is for issuing tokens, not for reading
	return f.client(env, conn, "", nil)
}

func lsCommand(env *Env) *cobra.Command {
	var (
		f      readFlags
		at     int64
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "ls [PATH]",
		Short: "List a published directory",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var dir string
			if len(args) == 1 {
				dir = strings.Trim(args[0], "/")
			}
			if dir != "" {
				if _, err := manifest.ParsePath(dir); err != nil {
					return err
				}
			}
			client, err := f.reader(env)
			if err != nil {
				return err
			}
			defer client.Close()
			q := url.Values{"format": {"json"}}
			if at > 0 {
				q.Set("at", strconv.FormatInt(at, 10))
			}
			for {
				page, err := readPage(c, client, dir, q)
				if err != nil {
					return err
				}
				if err := page.print(env.Stdout, asJSON); err != nil {
					return err
				}
				if page.Next == "" {
					return nil
				}
				if q, err = url.ParseQuery(strings.TrimPrefix(page.Next, "?")); err != nil {
					return err
				}
			}
		},
	}
	f.add(c)
	c.Flags().Int64Var(&at, "at", 0, "as it was after publication `N`")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object an entry")
	return c
}

// A page is a part of a directory's listing, or one entry.
type page struct {
	listed
	Entries []json.RawMessage `json:"entries"`
	Next    string            `json:"next"`
	self    json.RawMessage
}

// listed is an entry as the server lists it.
type listed struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Mode  string `json:"mode"`
	Size  int64  `json:"size"`
	MTime int64  `json:"mtime_ns"`
	Link  string `json:"link"`
}

func readPage(c *cobra.Command, client *remote.Client, dir string, q url.Values) (*page, error) {
	path := "/files/" + manifest.Path(dir).Escape()
	if dir != "" && q.Get("dir") == "" {
		path += "/"
	}
	var p page
	err := client.Get(c.Context(), path+"?"+q.Encode(), nil, func(resp *http.Response) error {
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		p = page{self: b}
		return json.Unmarshal(b, &p)
	})
	return &p, err
}

func (p *page) print(w io.Writer, asJSON bool) error {
	entries := p.Entries
	if entries == nil && p.Kind != "" && p.Kind != manifest.Dir.String() {
		entries = []json.RawMessage{p.self}
	}
	for _, raw := range entries {
		if asJSON {
			fmt.Fprintf(w, "%s\n", raw)
			continue
		}
		var e listed
		if err := json.Unmarshal(raw, &e); err != nil {
			return err
		}
		e.print(w)
	}
	return nil
}

func (e *listed) print(w io.Writer) {
	letter := map[string]string{"directory": "d", "symlink": "l"}[e.Kind]
	if letter == "" {
		letter = "-"
	}
	name := progress.Escape(e.Name)
	if e.Kind == "symlink" {
		name += " -> " + progress.Escape(unescape(e.Link))
	}
	mode, _ := strconv.ParseUint(e.Mode, 8, 32)
	fmt.Fprintf(w, "%s%s %12d %s %s\n", letter, permissions(uint32(mode)), e.Size, time.Unix(0, e.MTime).UTC().Format(time.DateTime), name)
}

// unescape undoes percent-encoding; what is none stays.
func unescape(s string) string {
	if plain, err := url.PathUnescape(s); err == nil {
		return plain
	}
	return s
}

// permissions writes the nine permission bits as ls(1) does.
func permissions(mode uint32) string {
	const letters = "rwxrwxrwx"
	b := []byte(letters)
	for i := range b {
		if mode>>(8-i)&1 == 0 {
			b[i] = '-'
		}
	}
	return string(b)
}

// A logged publication is a line of a target's log.
type logged struct {
	Number   int64         `json:"publication"`
	Target   manifest.Path `json:"target"`
	Time     time.Time     `json:"time"`
	Mirror   bool          `json:"mirror"`
	Entries  int           `json:"entries"`
	Added    int           `json:"added"`
	Replaced int           `json:"replaced"`
	Removed  int           `json:"removed"`
	By       string        `json:"by,omitempty"` // "rollback", "retention"; none: a push
	To       int64         `json:"to,omitempty"` // of a rollback
}

// what says what made a publication, if it was no push.
func (l *logged) what() string {
	switch {
	case l.By == "":
		return ""
	case l.To > 0:
		return fmt.Sprintf("  (%s to %d)", progress.Escape(l.By), l.To)
	}
	return "  (" + progress.Escape(l.By) + ")"
}

func logCommand(env *Env) *cobra.Command {
	var (
		f      readFlags
		before int64
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "log [TARGET]",
		Short: "List the publications to a target and below it, newest first",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var target string
			if len(args) == 1 {
				target = strings.Trim(args[0], "/")
			}
			client, err := f.reader(env)
			if err != nil {
				return err
			}
			defer client.Close()
			path := "/v1/log/" + manifest.Path(target).Escape()
			if before > 0 {
				path += "?before=" + strconv.FormatInt(before, 10)
			}
			var lines []logged
			if err := client.GetJSON(c.Context(), path, &lines); err != nil {
				return err
			}
			if len(lines) == 0 && target != "" && before == 0 {
				return wire.Errorf(wire.CodeNotFound, "nothing was published to %q", target).
					WithHint("an alias, or a directory within a build, has no log of its own: see that of what holds it")
			}
			for _, l := range lines {
				if asJSON {
					if err := json.NewEncoder(env.Stdout).Encode(l); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(env.Stdout, "%6d  %s  +%d ~%d -%d  %s%s\n", l.Number, l.Time.UTC().Format(time.DateTime),
					l.Added, l.Replaced, l.Removed, progress.Escape(l.Target), l.what())
			}
			return nil
		},
	}
	f.add(c)
	c.Flags().Int64Var(&before, "before", 0, "only those before publication `N`; one answer holds at most 1000")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a publication")
	return c
}
