package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/pubsync/pubsync/cli/progress"
	"github.com/pubsync/pubsync/sync/wire"
)

func auditCommand(env *Env) *cobra.Command {
	var (
		s      schedulerFlags
		asJSON bool
		filter = map[string]*string{}
	)
	c := &cobra.Command{
		Use:   "audit",
		Short: "Print what happened to tokens: issues, opens, commits, refusals, revocations",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := s.client(env)
			if err != nil {
				return err
			}
			defer client.Close()
			q := url.Values{}
			for name, v := range filter {
				if *v != "" {
					q.Set(name, *v)
				}
			}
			return client.Get(c.Context(), "/v1/audit?"+q.Encode(), nil, func(resp *http.Response) error {
				return printEvents(env.Stdout, resp.Body, asJSON)
			})
		},
	}
	s.add(c.Flags())
	for name, usage := range map[string]string{
		"kind": "only events of this `KIND`: issue, open, commit, refuse, revoke, reset, ...", "code": "only refusals with this `CODE`",
		"accessor": "only those of the token with this `ACCESSOR`, or derived from it", "scheduler": "only those of this `SCHEDULER`",
		"target": "only those at or below this `PATH`", "from": "only those from this `NETWORK`",
		"since": "from this RFC 3339 `TIME` on", "until": "up to this RFC 3339 `TIME`", "newest": "only the last `N`",
	} {
		filter[name] = c.Flags().String(name, "", usage)
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object an event")
	return c
}

func printEvents(w io.Writer, r io.Reader, asJSON bool) error {
	if asJSON {
		_, err := io.Copy(w, r)
		return err
	}
	for dec := json.NewDecoder(r); ; {
		var e struct {
			Time                                                                time.Time
			Kind, Accessor, Scheduler, From, Target, Code, Alert, Note, Session string
			Files, Bytes                                                        int64
		}
		err := dec.Decode(&e)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s %-9s", e.Time.UTC().Format(time.RFC3339), e.Kind)
		for _, f := range []struct{ name, value string }{
			{"", e.Code}, {"token", e.Accessor}, {"scheduler", e.Scheduler}, {"from", e.From}, {"target", e.Target}, {"alert", e.Alert}, {"note", e.Note},
		} {
			switch {
			case f.value == "":
			case f.name == "":
				fmt.Fprintf(w, " %s", f.value)
			default:
				fmt.Fprintf(w, " %s=%s", f.name, progress.Escape(f.value))
			}
		}
		if e.Files > 0 {
			fmt.Fprintf(w, " files=%d bytes=%d", e.Files, e.Bytes)
		}
		fmt.Fprintln(w)
	}
}

func gcCommand(env *Env) *cobra.Command {
	var (
		s      schedulerFlags
		dryRun bool
	)
	c := &cobra.Command{
		Use:   "gc",
		Short: "Free content that nothing refers to; may run during pushes",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := s.client(env)
			if err != nil {
				return err
			}
			defer client.Close()
			var got struct {
				Blobs, Packs, Orphans, Sessions int
				Bytes, Freed                    int64
			}
			if err := client.PostJSON(c.Context(), "/v1/admin/collect", map[string]any{"dry_run": dryRun}, &got); err != nil {
				return err
			}
			would := ""
			if dryRun {
				would = "would have "
			}
			fmt.Fprintf(env.Stdout, "%sfreed %s on disk: %d unused blobs of %s, %d packs rewritten or removed, %d orphans, %d forgotten sessions\n",
				would, wire.Bytes(got.Freed), got.Blobs, wire.Bytes(got.Bytes), got.Packs, got.Orphans, got.Sessions)
			return nil
		},
	}
	s.add(c.Flags())
	c.Flags().BoolVarP(&dryRun, "dry-run", "n", false, "only count")
	return c
}

func fsckCommand(env *Env) *cobra.Command {
	var (
		s               schedulerFlags
		content, repair bool
	)
	c := &cobra.Command{
		Use:   "fsck",
		Short: "Check that everything published is there and sound",
		Long: `fsck compares the catalog with the blobs, and with --content every byte with its
digest. It names every published path that is damaged. A later push of the same
content heals it.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := s.client(env)
			if err != nil {
				return err
			}
			defer client.Close()
			var lines []json.RawMessage
			err = client.PostLines(c.Context(), "/v1/admin/check", map[string]any{"content": content, "repair": repair}, func(line json.RawMessage) error {
				lines = append(lines, line)
				return nil
			})
			if err != nil {
				return err
			}
			return printFindings(env.Stdout, lines)
		},
	}
	s.add(c.Flags())
	c.Flags().BoolVar(&content, "content", false, "read every byte")
	c.Flags().BoolVar(&repair, "repair", false, "rebuild what can be rebuilt first")
	return c
}

// printFindings prints what a check found; damage is an error.
func printFindings(w io.Writer, lines []json.RawMessage) error {
	damaged, done := 0, false
	for _, raw := range lines {
		var l struct {
			Digest  string
			Error   string
			Paths   []string
			Checked *struct {
				Blobs, Damaged int
				Bytes          int64
			}
			Repaired *struct{ Found, Healed, Damaged, Skipped int }
		}
		if err := json.Unmarshal(raw, &l); err != nil {
			return err
		}
		switch {
		case l.Checked != nil:
			done = true
			fmt.Fprintf(w, "%d blobs checked, %s read, %d damaged\n", l.Checked.Blobs, wire.Bytes(l.Checked.Bytes), l.Checked.Damaged)
		case l.Repaired != nil:
			fmt.Fprintf(w, "repaired: %d places found, %d healed, %d still damaged\n", l.Repaired.Found, l.Repaired.Healed, l.Repaired.Damaged)
		default:
			damaged++
			fmt.Fprintf(w, "damaged: %s: %s\n", l.Digest, progress.Escape(l.Error))
			for _, p := range l.Paths {
				fmt.Fprintf(w, "  in %s\n", progress.Escape(p))
			}
		}
	}
	switch {
	case !done:
		return wire.Errorf(wire.CodeBusy, "the check was cut short")
	case damaged > 0:
		return hinted{fmt.Errorf("%d blobs are damaged", damaged), "push the same files again: that heals them in every tree that has them"}
	}
	return nil
}

func backupCommand(env *Env) *cobra.Command {
	var s schedulerFlags
	c := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy the whole store to a folder on the server's machine, while it serves",
		Long: `backup writes a copy of the store, of one moment, to a folder that does not exist
yet. To restore it, serve it: pubsync serve --store DIR.`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := s.client(env)
			if err != nil {
				return err
			}
			defer client.Close()
			dir, err := filepath.Abs(args[0])
			if err != nil {
				return err
			}
			if err := client.PostJSON(c.Context(), "/v1/admin/backup", map[string]any{"dir": dir}, nil); err != nil {
				return err
			}
			fmt.Fprintf(env.Stdout, "backed up to %s\n", progress.Escape(dir))
			return nil
		},
	}
	s.add(c.Flags())
	return c
}
