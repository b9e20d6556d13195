package cli

import (
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
)

func publishCommand(env *Env) *cobra.Command {
	var (
		f     transferFlags
		typ   string
		strip int
	)
	c := &cobra.Command{
		Use:   "publish BUILD_ID GLOB...",
		Short: "Publish the files that match, under TYPE/BUILD_ID",
		Long: `publish pushes what the globs match (doublestar patterns: "out/**/*.img") to the
target TYPE/BUILD_ID. The server's profile of the type, if it has one, says what
else is left out and how paths are changed; --strip drops leading components as
in tar.`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			if typ == "" {
				return usagef("--type is required: the first component of what is published")
			}
			shape, err := f.shape(c, env, typ, strip)
			if err != nil {
				return err
			}
			sources, err := walk.GlobSources(".", args[1:])
			if err != nil {
				return err
			}
			return f.run(c.Context(), env, sources, shape, strings.Trim(typ+"/"+args[0], "/"))
		},
	}
	f.add(c.Flags())
	c.Flags().StringVar(&typ, "type", "", "build `TYPE`: the first component of the target")
	c.Flags().IntVar(&strip, "strip", 0, "drop `N` leading components of each path")
	return c
}

// shape asks the server for the profile of a type; what the command line says
// wins.
func (f *transferFlags) shape(c *cobra.Command, env *Env, typ string, strip int) (walk.Shape, error) {
	conn, err := f.connection(env)
	if err != nil {
		return walk.Shape{}, err
	}
	client, err := f.client(env, conn, "", nil)
	if err != nil {
		return walk.Shape{}, err
	}
	defer client.Close()
	var p wire.Profile
	err = client.GetJSON(c.Context(), "/v1/profiles/"+strings.TrimSpace(manifest.Path(typ).First()), &p)
	if err != nil && !errors.Is(err, &wire.Error{Code: wire.CodeNotFound}) {
		return walk.Shape{}, err
	}
	if c.Flags().Lookup("strip").Changed {
		p.Strip = strip
	}
	f.delete = f.delete || p.Mode == wire.Mirror
	return walk.Shape{Include: p.Include, Exclude: p.Exclude, Strip: p.Strip, Flatten: p.Flatten}, nil
}
