package peer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/pubsync/pubsync/bench/measure"
)

// Pubsync is the product: its server over TLS with a certificate of its own, and a
// one-shot token for each push, issued before the push is timed as a scheduler does.
type Pubsync struct {
	// Flags are further flags of push.
	Flags []string
	// Public makes what is pushed readable by all; it is private otherwise.
	Public bool
	// Afresh fetches what is compared into an empty folder each time, which needs less
	// room than to bring the last one up to date.
	Afresh bool
	// Home is where the builder keeps what it knows from earlier pushes, of the link
	// among it; the folder of the site if empty.
	Home string

	site *Site
	port int
	d    *daemon
}

// Name implements [Peer].
func (p *Pubsync) Name() string { return strings.Join(append([]string{"pubsync"}, p.Flags...), " ") }

// Start implements [Peer].
func (p *Pubsync) Start(ctx context.Context, s *Site) error {
	p.site = s
	for _, name := range []string{"store", "pulled"} {
		if _, err := s.fresh(name); err != nil {
			return err
		}
	}
	var err error
	if p.port, err = s.freePort(); err != nil {
		return err
	}
	ready := filepath.Join(s.Dir, "ready")
	if err := os.RemoveAll(ready); err != nil {
		return err
	}
	conf := filepath.Join(s.Dir, "config.toml")
	if err := os.WriteFile(conf, []byte(p.config()), 0o644); err != nil {
		return err
	}
	if p.d, err = s.start(ctx, p.port, s.Pubsync, "serve", "-q", "--config", conf, "--store", p.store(), "--ready-file", ready,
		"--listen", net.JoinHostPort(s.Address, strconv.Itoa(p.port))); err != nil {
		return err
	}
	return p.d.await(ctx, ready)
}

// config is the server's configuration: the defaults, but for who may read.
func (p *Pubsync) config() string {
	if !p.Public {
		return ""
	}
	return "[types.tree]\nvisibility = \"public\"\n[types.large]\nvisibility = \"public\"\n"
}

func (p *Pubsync) store() string { return filepath.Join(p.site.Dir, "store") }

// Token issues a token for one push to the target.
func (p *Pubsync) Token(ctx context.Context, target string) (string, error) {
	args := []string{p.site.Pubsync, "token", "issue", "--store", p.store(), "--target", target, "--overwrite",
		"--files", "1000000", "--bytes", "1TB", "--calls", "1000000"}
	if p.Public {
		args = append(args, "--visibility", "public")
	}
	out, err := p.site.output(ctx, args...)
	if fate := p.d.fate(); fate != "" {
		err = errors.New(fate)
	}
	return strings.TrimSpace(out), err
}

// Push implements [Peer].
func (p *Pubsync) Push(ctx context.Context, j Job) (measure.Command, error) {
	token, err := p.Token(ctx, j.Target)
	if err != nil {
		return measure.Command{}, err
	}
	args := []string{p.site.Pubsync, "push", j.Tree, "--json", "--token", token}
	if j.Delete {
		args = append(args, "--delete")
	}
	home := p.Home
	if home == "" {
		home = p.site.Dir
	}
	return measure.Command{Args: append(args, p.Flags...), Env: environment(home)}, nil
}

// Said is what a push says of itself with --json.
type Said struct {
	Requests int64            `json:"requests"`
	Sent     int64            `json:"sent_bytes"`
	Received int64            `json:"received_bytes"`
	Methods  map[string]Share `json:"methods"` // of the last
}

// Share is what one method of sending covered.
type Share struct {
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"` // of the files
	Sent  int64 `json:"sent"`  // in their place
}

// ParseSaid reads the output of pushes, one after another, and adds up what they sent
// and received.
func ParseSaid(output string) (Said, error) {
	var sum Said
	for d := json.NewDecoder(strings.NewReader(output)); ; {
		var s Said
		err := d.Decode(&s)
		if errors.Is(err, io.EOF) && sum.Requests > 0 {
			return sum, nil
		}
		if err != nil {
			return Said{}, fmt.Errorf("push printed no JSON but %q: %w", output, err)
		}
		sum.Requests, sum.Sent, sum.Received, sum.Methods = sum.Requests+s.Requests, sum.Sent+s.Sent, sum.Received+s.Received, s.Methods
	}
}

// Servers implements [Peer].
func (p *Pubsync) Servers() []int { return []int{p.d.pid()} }

// Port implements [Peer].
func (p *Pubsync) Port() int { return p.port }

// Published implements [Peer]: the tree as pubsync pull fetches it.
func (p *Pubsync) Published(ctx context.Context, target string) (string, error) {
	dir := filepath.Join(p.site.Dir, "pulled", target)
	if p.Afresh {
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
	}
	_, err := p.site.output(ctx, p.site.Pubsync, "pull", target, dir, "-q", "--delete", "--checksum", "--store", p.store())
	return dir, err
}

// Stop implements [Peer].
func (p *Pubsync) Stop() { p.d.stop() }
