//go:build (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (darwin && (amd64 || arm64)) || (windows && (386 || amd64 || arm64)) || (freebsd && (amd64 || arm64))

package cli

import (
	"context"
	"path/filepath"
	"sync"
	"time"

	"github.com/pubsync/pubsync/cli/config"
	"github.com/pubsync/pubsync/server/export"
	"github.com/pubsync/pubsync/server/files"
	"github.com/pubsync/pubsync/server/mirror"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// exportEvery is how often exports look for new publications.
const exportEvery = 2 * time.Second

// exportGrace is how long a version that was replaced stays for those who are
// reading it.
const exportGrace = 10 * time.Minute

// accel says how large downloads are handed to a web server in front.
func (s *site) accel() files.Accel {
	blobs, err := filepath.Abs(filepath.Join(s.cfg.Server.Store, "blobs"))
	switch {
	case err != nil:
		return files.Accel{}
	case s.cfg.Accel.XAccelRedirect != "":
		return files.Accel{Header: "X-Accel-Redirect", Root: blobs, URI: s.cfg.Accel.XAccelRedirect}
	case s.cfg.Accel.XSendfile:
		return files.Accel{Header: "X-Sendfile", Root: blobs}
	}
	return files.Accel{}
}

// outlets runs the plain-file export and the rsync daemon over it, if they are
// configured, until ctx ends.
func (s *site) outlets(ctx context.Context, env *Env, wg *sync.WaitGroup) error {
	if s.cfg.Export.Dir == "" {
		return nil
	}
	x, err := export.New(export.Config{
		Store: s.store, Dir: s.cfg.Export.Dir, Grace: exportGrace, Means: means(s.cfg.Export.Link), ReadOnly: s.cfg.Export.Link == config.LinkHard,
		Now: env.Now, After: time.After,
	})
	if err != nil {
		return usageError{err}
	}
	wg.Go(func() {
		defer x.Close()
		s.keepExported(ctx, env, x)
	})
	return s.mirror(ctx, x, wg)
}

func means(m config.LinkMode) export.Means {
	switch m {
	case config.LinkHard:
		return export.Hard
	case config.LinkReflink:
		return export.Reflink
	case config.LinkCopy:
		return export.Copy
	}
	return export.Cheapest
}

// keepExported brings the export up to date whenever something is published.
func (s *site) keepExported(ctx context.Context, env *Env, x *export.Exporter) {
	done := store.Version(-1)
	for {
		v, err := s.store.Version(ctx)
		if err == nil && v != done {
			var targets []manifest.Path
			if targets, err = s.exported(ctx); err == nil {
				err = x.SetTargets(targets)
			}
			if err == nil {
				_, err = x.Sync(ctx)
			}
			if err == nil {
				done = v
			}
		}
		if err != nil && ctx.Err() == nil {
			s.log.Error("exporting", "error", err)
		}
		if env.Sleep(ctx, exportEvery) != nil {
			return
		}
	}
}

// exported returns the targets to export: those configured that exist, or with
// "*" every public one that was published to.
func (s *site) exported(ctx context.Context) ([]manifest.Path, error) {
	var targets []manifest.Path
	for _, t := range s.cfg.Export.Targets {
		if t != "*" {
			targets = append(targets, manifest.Path(t))
			continue
		}
		top, err := s.store.ReadDir(ctx, "", store.Latest, "", maxTypes)
		if err != nil {
			return nil, err
		}
		for _, e := range top {
			if e.Kind == manifest.Dir && s.public(e.Path) {
				targets = append(targets, e.Path)
			}
		}
	}
	return targets, nil
}

// maxTypes bounds the types that "*" exports.
const maxTypes = 10_000

// mirror runs the rsync daemon over exported targets.
func (s *site) mirror(ctx context.Context, x *export.Exporter, wg *sync.WaitGroup) error {
	if s.cfg.Rsync.Listen == "" {
		return nil
	}
	dir, err := filepath.Abs(filepath.Join(s.cfg.Server.Store, "rsync"))
	if err != nil {
		return err
	}
	c, err := s.mirrorConfig(x, dir)
	if err != nil {
		return err
	}
	d, err := mirror.New(c)
	if err != nil {
		return usageError{err}
	}
	wg.Go(func() {
		if err := d.Run(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("rsync daemon", "error", err)
		}
	})
	return nil
}

func (s *site) mirrorConfig(x *export.Exporter, dir string) (mirror.Config, error) {
	c := mirror.Config{
		Listen: s.cfg.Rsync.Listen, Dir: dir, Rsync: s.cfg.Rsync.Program, MaxConnections: s.cfg.Rsync.MaxConnections,
		After: time.After, Log: func(line string) { s.log.Info("rsync", "line", line) },
	}
	for _, m := range s.cfg.Rsync.Modules {
		path, err := filepath.Abs(x.Path(manifest.Path(m.Target)))
		if err != nil {
			return c, err
		}
		c.Modules = append(c.Modules, mirror.Module{
			Name: m.Name, Path: path, Comment: m.Comment, Hidden: m.Hidden, Allow: texts(s.cfg.Rsync.Allow), Deny: texts(s.cfg.Rsync.Deny),
		})
	}
	return c, nil
}

func texts(ns []config.Network) []string {
	var out []string
	for _, n := range ns {
		out = append(out, n.String())
	}
	return out
}
