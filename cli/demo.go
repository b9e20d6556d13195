//go:build (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (darwin && (amd64 || arm64)) || (windows && (386 || amd64 || arm64)) || (freebsd && (amd64 || arm64))

package cli

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"time"

	"github.com/spf13/cobra"

	"github.com/pubsync/pubsync/cli/config"
	"github.com/pubsync/pubsync/sync/push"
	"github.com/pubsync/pubsync/sync/remote"
	"github.com/pubsync/pubsync/sync/walk"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

const demoTarget = "demo/tree/1"

func demoCommand(env *Env) *cobra.Command {
	var stay bool
	c := &cobra.Command{
		Use:   "demo [DIR]",
		Short: "See the main job work, on loopback",
		Long: `demo starts a server on loopback with its store in a temporary folder, issues a
token, publishes a copy of DIR (the current directory if none is given), changes
a few files, publishes again, and prints what went over the wire. On a terminal it
goes on serving, to be looked at with a browser, until interrupted. Nothing in DIR
is touched and nothing is left behind.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			dir := "."
			if len(args) == 1 {
				dir = args[0]
			}
			if err := checkDir(dir); err != nil {
				return err
			}
			return demo(c.Context(), env, dir, stay)
		},
	}
	c.Flags().BoolVar(&stay, "stay", false, "keep serving at the end, for a browser, until interrupted, though this is no terminal")
	return c
}

func demo(ctx context.Context, env *Env, dir string, stay bool) error {
	tmp, err := os.MkdirTemp("", "pubsync-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	copied := filepath.Join(tmp, "tree")
	if err := copyTree(copied, dir); err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	defer stop()
	cfg := config.Default()
	cfg.Server.Listen, cfg.Server.Store = "127.0.0.1:0", filepath.Join(tmp, "store")
	up, down := make(chan string, 1), make(chan error, 1)
	go func() { down <- serve(serving, env, cfg, io.Discard, func(url string) { up <- url }) }()
	var url string
	select {
	case url = <-up:
	case err := <-down:
		return err
	}
	err = demoPushes(ctx, env, cfg.Server.Store, copied)
	fmt.Fprintf(env.Stdout, "\nbrowse   %s/files/%s/  (the certificate is self-signed)\n", url, demoTarget)
	if _, terminal := env.Terminal(); err == nil && (stay || terminal) {
		fmt.Fprintln(env.Stdout, "serving until interrupted")
		<-ctx.Done()
	}
	stop()
	if ended := <-down; err == nil {
		err = ended
	}
	return err
}

// demoPushes publishes the tree, changes it, and publishes it again.
func demoPushes(ctx context.Context, env *Env, store, tree string) error {
	fmt.Fprintf(env.Stdout, "%-22s %8s %10s %10s %10s %9s %8s\n", "", "files", "tree", "sent", "received", "requests", "seconds")
	for _, step := range []struct {
		what   string
		change func(string) error
	}{
		{"first push", func(string) error { return nil }},
		{"nothing changed", func(string) error { return nil }},
		{"a few files changed", changeSome},
		{"every file renamed", renameAll},
	} {
		if err := step.change(tree); err != nil {
			return err
		}
		began := env.Now()
		r, s, err := demoPush(ctx, env, store, tree)
		if err != nil {
			return err
		}
		fmt.Fprintf(env.Stdout, "%-22s %8d %10s %10s %10s %9d %8.2f\n", step.what, r.Files, wire.Bytes(r.Bytes), wire.Bytes(s.Sent), wire.Bytes(s.Received),
			s.Requests, env.Now().Sub(began).Seconds())
	}
	fmt.Fprintln(env.Stdout, "a plain upload would send the whole tree each time")
	return nil
}

// demoPush does what a scheduler and a builder do: a token, then a push with
// it.
func demoPush(ctx context.Context, env *Env, store, dir string) (push.Result, remote.Stats, error) {
	s := schedulerFlags{store: store}
	scheduler, err := s.client(env)
	if err != nil {
		return push.Result{}, remote.Stats{}, err
	}
	defer scheduler.Close()
	var made struct {
		Token string `json:"token"`
	}
	grant := map[string]any{"target": demoTarget, "overwrite": true}
	if err := scheduler.PostJSON(ctx, "/v1/tokens", grant, &made); err != nil {
		return push.Result{}, remote.Stats{}, err
	}
	conn, err := connect.Parse(made.Token)
	if err != nil {
		return push.Result{}, remote.Stats{}, err
	}
	tree, err := walk.Walk(ctx, walk.Options{Sources: []walk.Source{{Dir: dir}}})
	if err != nil {
		return push.Result{}, remote.Stats{}, err
	}
	defer tree.Close()
	f := transferFlags{quiet: true, delete: true}
	f.patience = time.Minute
	return f.push(ctx, env, conn, tree, "", f.display(env, "push"))
}

// copyTree copies directories, files and symlinks, leaving out what holds
// version control, stores of servers, and anything else.
func copyTree(to, from string) error {
	return filepath.WalkDir(from, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, name)
		if err != nil {
			return err
		}
		dst := filepath.Join(to, rel)
		switch {
		case d.IsDir() && (d.Name() == ".git" || d.Name() == "pubsync-data"):
			return fs.SkipDir
		case d.IsDir():
			return os.MkdirAll(dst, 0o755)
		case d.Type() == fs.ModeSymlink:
			link, err := os.Readlink(name)
			if err != nil {
				return err
			}
			return os.Symlink(link, dst)
		case !d.Type().IsRegular():
			return nil
		}
		return copyFile(dst, name, d)
	})
}

func copyFile(dst, src string, d fs.DirEntry) error {
	fi, err := d.Info()
	if err != nil {
		return err
	}
	in, err := os.Open(src)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(dst, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fi.Mode().Perm()|0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	if err := out.Close(); err != nil {
		return err
	}
	return os.Chtimes(dst, fi.ModTime(), fi.ModTime())
}

// changeSome inserts a line into the middle of every twentieth file.
func changeSome(dir string) error {
	files, err := filesBelow(dir)
	if err != nil {
		return err
	}
	for i := 0; i < len(files); i += 20 {
		b, err := os.ReadFile(files[i])
		if err != nil {
			return err
		}
		half := len(b) / 2
		b = append(b[:half:half], append([]byte("\na line that was not there before\n"), b[half:]...)...)
		if err := os.WriteFile(files[i], b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func renameAll(dir string) error {
	files, err := filesBelow(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err := os.Rename(f, f+".renamed"); err != nil {
			return err
		}
	}
	return nil
}

// filesBelow returns the regular files below dir, in order.
func filesBelow(dir string) (files []string, err error) {
	err = filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, name)
		}
		return err
	})
	sort.Strings(files)
	return files, err
}
