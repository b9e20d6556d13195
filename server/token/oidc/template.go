package oidc

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pubsync/pubsync/sync/manifest"
)

// anyNumber is the number of components of {claim/*}.
const anyNumber = -1

// A piece of a template is literal text or a claim.
type piece struct {
	literal string
	claim   string // "" for literal text
	count   int    // of components the claim's value must have
}

// A template is a target with claims in it.
type template []piece

// parseTemplate reads a template and checks that it makes a path whatever the
// claims are.
func parseTemplate(s string) (template, error) {
	var t template
	open := 0
	rest := s
	for rest != "" {
		before, after, found := strings.Cut(rest, "{")
		if strings.Contains(before, "}") {
			return nil, fmt.Errorf("a } without a {")
		}
		if before != "" {
			t = append(t, piece{literal: before})
		}
		if !found {
			break
		}
		name, tail, closed := strings.Cut(after, "}")
		if !closed {
			return nil, fmt.Errorf("a { without a }")
		}
		p, err := parseClaim(name)
		if err != nil {
			return nil, err
		}
		if p.count == anyNumber {
			open++
		}
		t, rest = append(t, p), tail
	}
	if open > 1 {
		return nil, fmt.Errorf("more than one {claim/*}")
	}
	_, err := t.fill(func(p piece) (string, error) { return strings.Repeat("/x", max(p.count, 1))[1:], nil })
	return t, err
}

func parseClaim(s string) (piece, error) {
	name, count, counted := strings.Cut(s, "/")
	p := piece{claim: name, count: 1}
	if name == "" || strings.ContainsAny(name, "{ ") {
		return p, fmt.Errorf("{%s}: no claim's name", s)
	}
	if counted && count == "*" {
		p.count = anyNumber
		return p, nil
	}
	if counted {
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 || n > 20 {
			return p, fmt.Errorf("{%s}: after the slash comes * or a number from 1 to 20", s)
		}
		p.count = n
	}
	return p, nil
}

// fill returns the path with value for each claim.
func (t template) fill(value func(piece) (string, error)) (manifest.Path, error) {
	var b strings.Builder
	for _, p := range t {
		if p.claim == "" {
			b.WriteString(p.literal)
			continue
		}
		v, err := value(p)
		if err != nil {
			return "", err
		}
		b.WriteString(v)
	}
	return manifest.ParsePath(b.String())
}

// expand returns the target for the claims.
func (t template) expand(c claims) (manifest.Path, error) {
	return t.fill(func(p piece) (string, error) {
		v, ok := c.text(p.claim)
		if !ok {
			return "", fmt.Errorf("claim %s is absent or no text", p.claim)
		}
		if _, err := manifest.ParsePath(v); err != nil {
			return "", fmt.Errorf("claim %s: %w", p.claim, err)
		}
		if n := strings.Count(v, "/") + 1; p.count != anyNumber && n != p.count {
			return "", fmt.Errorf("claim %s has %d path components where the policy wants %d", p.claim, n, p.count)
		}
		return v, nil
	})
}
