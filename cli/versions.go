package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pubsync/pubsync/cli/progress"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/remote"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// actFlags say in whose name to change what is published: with a token, or with
// a scheduler's credential.
type actFlags struct {
	bearerFlags
	store, credential string
}

func (f *actFlags) add(c *cobra.Command) {
	f.bearerFlags.add(c.Flags())
	c.Flags().StringVar(&f.store, "store", "pubsync-data", "`folder` of the server's store, on the server's machine")
	c.Flags().StringVar(&f.credential, "credential", "", "`file` with a scheduler's credential, instead of a token")
}

// actor makes a client that shows the token, if one is given, or the credential.
func (f *actFlags) actor(env *Env) (*remote.Client, error) {
	if f.credential == "" && (f.token != "" || env.Getenv("PUBSYNC_TOKEN") != "" || env.Getenv("PUBSYNC_TOKEN_FILE") != "") {
		conn, err := f.connection(env)
		if err != nil {
			return nil, err
		}
		return f.client(env, conn, connect.NewSessionSecret(), nil)
	}
	s := schedulerFlags{store: f.store, server: f.server, credential: f.credential}
	conn, err := s.connection()
	if err != nil {
		return nil, err
	}
	return f.client(env, conn, "", nil)
}

func rollbackCommand(env *Env) *cobra.Command {
	var (
		f      actFlags
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "rollback TARGET N",
		Short: "Publish a target again as it was after publication N",
		Long: `rollback makes a new publication whose tree below TARGET is exactly that of
version N, all at once; what came since stays in the log and can be rolled back
to. Where TARGET is an alias, such as android/latest, it shows again what it showed
in version N. It takes a token that may publish there and overwrite (of which it
spends a publication), or the credential of the store or of a scheduler; and the
space that a push would: quotas and the disk's reserve hold.`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			target, err := targetArg(args[0])
			if err != nil {
				return err
			}
			n, err := versionArg(args[1])
			if err != nil {
				return err
			}
			client, err := f.actor(env)
			if err != nil {
				return err
			}
			defer client.Close()
			var r wire.Receipt
			if err := client.PostJSON(c.Context(), "/v1/rollback/"+manifest.Path(target).Escape(), wire.Rollback{To: n}, &r); err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(env.Stdout).Encode(r)
			}
			fmt.Fprintf(env.Stdout, "published %s as it was in version %d as publication %d: +%d ~%d -%d\n",
				progress.Escape(target), n, r.Publication, r.Added, r.Replaced, r.Removed)
			return nil
		},
	}
	f.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the receipt as JSON")
	return c
}

// targetArg reads a target that is not the root.
func targetArg(s string) (string, error) {
	s = strings.Trim(s, "/")
	_, err := manifest.ParsePath(s)
	return s, err
}

func versionArg(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 62)
	if err != nil {
		return 0, usageError{hinted{fmt.Errorf("%q is no publication number", s), "see \"pubsync log\""}}
	}
	return int64(n), nil
}

func diffCommand(env *Env) *cobra.Command {
	var (
		f      readFlags
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "diff [TARGET] N [M]",
		Short: "Tell what differs between two versions",
		Long: `diff lists the entries of TARGET (everything, without it) that were added, changed
or removed between the publications N and M, M being the newest if it is left
out, with their sizes. "m" marks entries of which only mode or modification time
changed.`,
		Args: cobra.RangeArgs(1, 3),
		RunE: func(c *cobra.Command, args []string) error {
			target, q, err := diffArgs(args)
			if err != nil {
				return err
			}
			client, err := f.reader(env)
			if err != nil {
				return err
			}
			defer client.Close()
			path := "/v1/diff/" + manifest.Path(target).Escape() + "?" + q.Encode()
			return client.Get(c.Context(), path, nil, func(resp *http.Response) error {
				return printDifferences(env.Stdout, resp.Body, asJSON)
			})
		},
	}
	f.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object an entry, then one for the sum")
	return c
}

// diffArgs tells a target from versions: numbers at the end are versions.
func diffArgs(args []string) (target string, q url.Values, err error) {
	q = url.Values{}
	if _, err := versionArg(args[0]); len(args) == 3 || err != nil {
		if target, err = targetArg(args[0]); err != nil {
			return "", nil, err
		}
		args = args[1:]
	}
	if len(args) == 0 {
		return "", nil, usagef("diff: which versions? see \"pubsync log\"")
	}
	for i, name := range []string{"from", "to"}[:len(args)] {
		n, err := versionArg(args[i])
		if err != nil {
			return "", nil, err
		}
		q.Set(name, strconv.FormatInt(n, 10))
	}
	return target, q, nil
}

func printDifferences(w io.Writer, r io.Reader, asJSON bool) error {
	for dec := json.NewDecoder(r); ; {
		var raw json.RawMessage
		err := dec.Decode(&raw)
		if err == io.EOF {
			return wire.Errorf(wire.CodeBusy, "the answer was cut short")
		}
		if err != nil {
			return err
		}
		var d wire.Difference
		if err := json.Unmarshal(raw, &d); err != nil {
			return err
		}
		switch {
		case asJSON:
			fmt.Fprintf(w, "%s\n", raw)
		case d.Sum != nil:
			s := d.Sum
			fmt.Fprintf(w, "%d added, %d changed, %d removed: %s before, %s after\n",
				s.Added, s.Changed, s.Removed, wire.Bytes(s.Before), wire.Bytes(s.After))
		default:
			printDifference(w, &d)
		}
		if d.Sum != nil {
			return nil
		}
	}
}

func printDifference(w io.Writer, d *wire.Difference) {
	sign := map[string]string{wire.Added: "+", wire.Removed: "-"}[d.Change]
	if sign == "" {
		sign = "~"
	}
	if d.Metadata {
		sign = "m"
	}
	var sizes string
	switch {
	case d.Kind != "file":
		sizes = d.Kind
	case d.Change == wire.Added:
		sizes = wire.Bytes(d.After)
	case d.Change == wire.Removed:
		sizes = wire.Bytes(d.Before)
	default:
		sizes = wire.Bytes(d.Before) + " to " + wire.Bytes(d.After)
	}
	fmt.Fprintf(w, "%s %s  %s\n", sign, progress.Escape(unescape(d.Path)), sizes)
}
