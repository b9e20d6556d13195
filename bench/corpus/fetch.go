package corpus

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// ErrGone says that a release is not to be had any more (Debian's mirrors keep the newest
// versions only), or that its client is not installed.
var ErrGone = errors.New("corpus: not to be had")

// Cache is a folder of what was fetched and made. Its methods may be called from
// several goroutines; each makes one thing at a time.
type Cache struct {
	// Dir is the folder, made if it is not there.
	Dir string
	// Say, if not nil, is told what is being fetched or made.
	Say func(what string)

	mu  sync.Mutex
	apt bool // the index of sources is there
}

func (c *Cache) say(format string, args ...any) {
	if c.Say != nil {
		c.Say(fmt.Sprintf(format, args...))
	}
}

// Fetch gives the path of the release's file, fetching it if the cache lacks it.
// The file has the table's digest, or the error says which digest it has.
func (c *Cache) Fetch(ctx context.Context, r Release) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name := filepath.Join(c.Dir, "releases", r.File())
	if _, err := os.Stat(name); err == nil {
		return name, nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return "", err
	}
	c.say("fetching %s", r)
	tmp, err := os.MkdirTemp(c.Dir, "fetch-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(tmp)
	got, err := c.fetch(ctx, r, tmp)
	if err != nil {
		return "", fmt.Errorf("fetching %s: %w", r, err)
	}
	sum, err := Digest(got)
	if err != nil {
		return "", err
	}
	if sum != r.SHA256 {
		return "", fmt.Errorf("corpus: %s has SHA-256 %s, the table says %q", r, sum, r.SHA256)
	}
	return name, os.Rename(got, name)
}

func (c *Cache) fetch(ctx context.Context, r Release, dir string) (string, error) {
	switch r.Kind {
	case NPM:
		return c.npm(ctx, r, dir)
	case GoModule:
		return c.goModule(ctx, r, dir)
	case DebianSource:
		return c.debian(ctx, r, dir)
	}
	return "", fmt.Errorf("corpus: unknown kind %v", r.Kind)
}

func (c *Cache) npm(ctx context.Context, r Release, dir string) (string, error) {
	out, err := run(ctx, dir, nil, "npm", "pack", "--silent", r.String())
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, strings.TrimSpace(out)), nil
}

func (c *Cache) goModule(ctx context.Context, r Release, dir string) (string, error) {
	env := []string{"GOMODCACHE=" + filepath.Join(dir, "mod"), "GOFLAGS=-modcacherw", "GOWORK=off", "GO111MODULE=on"}
	out, err := run(ctx, dir, env, "go", "mod", "download", "-json", r.String())
	if err != nil {
		return "", err
	}
	var made struct{ Zip string }
	if err := json.Unmarshal([]byte(out), &made); err != nil {
		return "", fmt.Errorf("go mod download said %q: %w", out, err)
	}
	return made.Zip, nil
}

// run runs a package client and gives what it printed.
func run(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", fmt.Errorf("%w: %w", ErrGone, err)
		}
		return "", fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, lastLine(errs.String()+out.String()))
	}
	return out.String(), nil
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// Digest is a file's SHA-256 in hex.
func Digest(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
