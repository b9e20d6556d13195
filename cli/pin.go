package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/pubsync/pubsync/cli/progress"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

func pinCommand(env *Env) *cobra.Command {
	var (
		s    schedulerFlags
		note string
	)
	c := &cobra.Command{
		Use:   "pin TARGET",
		Short: "Keep a published build from retention",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			target, err := targetArg(args[0])
			if err != nil {
				return err
			}
			client, err := s.client(env)
			if err != nil {
				return err
			}
			defer client.Close()
			return client.PutJSON(c.Context(), "/v1/pins/"+manifest.Path(target).Escape(), wire.Pin{Note: note})
		},
	}
	s.add(c.Flags())
	c.Flags().StringVar(&note, "note", "", "`TEXT` that says why")
	return c
}

func unpinCommand(env *Env) *cobra.Command {
	var s schedulerFlags
	c := &cobra.Command{
		Use:   "unpin TARGET",
		Short: "Let retention have a build again",
		Args:  cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			target, err := targetArg(args[0])
			if err != nil {
				return err
			}
			client, err := s.client(env)
			if err != nil {
				return err
			}
			defer client.Close()
			return client.Delete(c.Context(), "/v1/pins/"+manifest.Path(target).Escape())
		},
	}
	s.add(c.Flags())
	return c
}

func pinsCommand(env *Env) *cobra.Command {
	var (
		s      schedulerFlags
		asJSON bool
	)
	c := &cobra.Command{
		Use:   "pins [PATH]",
		Short: "List what is pinned at or below a path",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path := strings.Trim(strings.Join(args, ""), "/")
			client, err := s.client(env)
			if err != nil {
				return err
			}
			defer client.Close()
			return client.Get(c.Context(), "/v1/pins/"+manifest.Path(path).Escape(), nil, func(resp *http.Response) error {
				return printPins(env.Stdout, resp.Body, asJSON)
			})
		},
	}
	s.add(c.Flags())
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a pin")
	return c
}

func printPins(w io.Writer, r io.Reader, asJSON bool) error {
	if asJSON {
		_, err := io.Copy(w, r)
		return err
	}
	for dec := json.NewDecoder(r); ; {
		var p wire.Pinned
		err := dec.Decode(&p)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s  %s  by %s  %s\n", progress.Escape(unescape(p.Target)), p.Time.UTC().Format(time.DateTime), p.By, progress.Escape(p.Note))
	}
}
