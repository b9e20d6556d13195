package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"github.com/pubsync/pubsync/cli/progress"
)

func auditCommand(env *Env) *cobra.Command {
	var (
		s      schedulerFlags
		asJSON bool
		filter = map[string]*string{}
	)
	c := &cobra.Command{
		Use:   "audit",
		Short: "Print what happened: issues, opens, commits, refusals, revocations, rollbacks, removals",
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
		"kind": "only events of this `KIND`: issue, open, commit, refuse, revoke, reset, alert, scheduler, rollback, pin, unpin, retention", "code": "only refusals with this `CODE`",
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
