package cli

import (
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
)

func schedulerCommand(env *Env) *cobra.Command {
	c := &cobra.Command{
		Use: "scheduler", Short: "List who may issue tokens, and change their keys", Args: cobra.ArbitraryArgs, RunE: verb,
		Long: `scheduler lists the schedulers of the server's configuration and changes their
keys while it serves: add the new key, hand it to the scheduler, remove the old one.
It works with the server's own credential only.`,
	}
	c.AddCommand(schedulerList(env), schedulerAddKey(env), schedulerRemoveKey(env))
	return c
}

func schedulerList(env *Env) *cobra.Command {
	var s schedulerFlags
	c := &cobra.Command{
		Use: "list", Short: "List schedulers and the ids of their keys", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			client, err := s.client(env)
			if err != nil {
				return err
			}
			defer client.Close()
			var all []struct {
				Name     string
				Subjects []string
				Keys     []struct {
					ID    string
					Added time.Time
				}
			}
			if err := client.GetJSON(c.Context(), "/v1/schedulers", &all); err != nil {
				return err
			}
			tw := tabwriter.NewWriter(env.Stdout, 0, 0, 2, ' ', 0)
			fmt.Fprintln(tw, "SCHEDULER\tKEY\tADDED")
			for _, one := range all {
				for _, k := range one.Keys {
					fmt.Fprintf(tw, "%s\t%s\t%s\n", one.Name, k.ID, k.Added.Format(time.RFC3339))
				}
				if len(one.Subjects) > 0 {
					fmt.Fprintf(tw, "%s\tcertificate %s\t\n", one.Name, oneLine(strings.Join(one.Subjects, ", ")))
				}
			}
			return tw.Flush()
		},
	}
	s.add(c.Flags())
	return c
}

func schedulerAddKey(env *Env) *cobra.Command {
	var s schedulerFlags
	c := &cobra.Command{
		Use: "add-key NAME", Short: "Make one more credential for a scheduler and print it; two can be in use", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := s.client(env)
			if err != nil {
				return err
			}
			defer client.Close()
			var made struct {
				Credential string `json:"credential"`
			}
			if err := client.PostJSON(c.Context(), "/v1/schedulers/"+url.PathEscape(args[0])+"/keys", struct{}{}, &made); err != nil {
				return err
			}
			fmt.Fprintln(env.Stdout, made.Credential)
			return nil
		},
	}
	s.add(c.Flags())
	return c
}

func schedulerRemoveKey(env *Env) *cobra.Command {
	var s schedulerFlags
	c := &cobra.Command{
		Use: "remove-key NAME ID", Short: "Make a credential of a scheduler worthless", Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			client, err := s.client(env)
			if err != nil {
				return err
			}
			defer client.Close()
			return client.Delete(c.Context(), "/v1/schedulers/"+url.PathEscape(args[0])+"/keys/"+url.PathEscape(args[1]))
		},
	}
	s.add(c.Flags())
	return c
}
