//go:build (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (darwin && (amd64 || arm64)) || (windows && (386 || amd64 || arm64)) || (freebsd && (amd64 || arm64))

package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pubsync/pubsync/cli/config"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// schedulers brings the schedulers on record in line with the configuration,
// and makes the local one with its credential.
func (s *site) schedulers(ctx context.Context) error {
	if err := s.tokens.PutScheduler(ctx, token.Scheduler{Name: localScheduler}); err != nil {
		return err
	}
	file := filepath.Join(s.cfg.Server.Store, CredentialFile)
	bearer := connect.NewBearer(connect.Credential)
	old, err := os.ReadFile(file)
	switch {
	case err == nil:
		c, err := connect.ParseCredential(string(old))
		if err != nil {
			return hinted{fmt.Errorf("%s: %w", file, err), "remove the file: a new credential is made at the next start"}
		}
		bearer = c.Secret
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := s.ensureKey(ctx, localScheduler, bearer); err != nil {
		return err
	}
	if err := writePrivate(file, s.connect(bearer)+"\n"); err != nil {
		return err
	}
	for _, c := range s.cfg.Schedulers {
		if err := s.scheduler(ctx, c); err != nil {
			return fmt.Errorf("scheduler %q: %w", c.Name, err)
		}
	}
	return s.dismiss(ctx)
}

// dismiss makes the credentials of schedulers worthless that the configuration
// does not name any more. Their tokens live on.
func (s *site) dismiss(ctx context.Context) error {
	known := map[string]bool{localScheduler: true, oidcScheduler: true}
	for _, c := range s.cfg.Schedulers {
		known[c.Name] = true
	}
	all, err := s.tokens.Schedulers(ctx)
	if err != nil {
		return err
	}
	for _, c := range all {
		if known[c.Name] {
			continue
		}
		s.log.Warn("a scheduler that is not configured any more is removed", "scheduler", c.Name)
		if err := s.tokens.RemoveScheduler(ctx, c.Name); err != nil {
			return err
		}
	}
	return nil
}

// ensureKey gives a scheduler its credential; if two others are on record, of
// files since lost, they go.
func (s *site) ensureKey(ctx context.Context, name, bearer string) error {
	err := s.tokens.EnsureKey(ctx, name, bearer)
	if !errors.Is(err, token.ErrKeys) {
		return err
	}
	sched, err := s.tokens.SchedulerNamed(ctx, name)
	if err != nil {
		return err
	}
	for _, k := range sched.Keys {
		if err := s.tokens.RemoveKey(ctx, name, k.ID); err != nil {
			return err
		}
	}
	return s.tokens.EnsureKey(ctx, name, bearer)
}

// scheduler puts a configured scheduler on record. Its keys file is made with
// one credential if it is not there.
func (s *site) scheduler(ctx context.Context, c config.Scheduler) error {
	sched := token.Scheduler{
		Name: c.Name, From: prefixes(c.Networks),
		Ceiling: token.Ceiling{
			Lifetime: c.MaxLifetime.D(), Bytes: int64(c.MaxBytes), Files: int64(c.MaxFiles), NoOverwrite: !c.Overwrite,
		},
	}
	if c.ClientCA != "" {
		// As crypto/x509 writes the subject of a certificate with that common name.
		sched.Subjects = []string{"CN=" + c.Name}
	}
	for _, p := range c.Prefixes {
		if p != "*" {
			sched.Ceiling.Targets = append(sched.Ceiling.Targets, manifest.Path(p))
		}
	}
	if err := s.tokens.PutScheduler(ctx, sched); err != nil {
		return err
	}
	if c.Keys == "" {
		return nil
	}
	text, err := os.ReadFile(c.Keys)
	if errors.Is(err, fs.ErrNotExist) {
		text = []byte(s.connect(connect.NewBearer(connect.Credential)) + "\n")
		err = writePrivate(c.Keys, string(text))
	}
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		k, err := connect.ParseCredential(line)
		if err != nil {
			return fmt.Errorf("%s: %w", c.Keys, err)
		}
		err = s.tokens.EnsureKey(ctx, c.Name, k.Secret)
		if errors.Is(err, token.ErrKeyRemoved) {
			s.log.Warn("a key that was removed is still in the file", "file", c.Keys, "error", err)
			continue
		}
		if err != nil {
			return err
		}
	}
	return nil
}
