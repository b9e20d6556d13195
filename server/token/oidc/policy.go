package oidc

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/pubsync/pubsync/server/token"
)

// A Policy says which jobs get which token.
type Policy struct {
	Name      string            // for the audit log and messages
	Issuer    string            // https URL, exactly as in the "iss" claim
	Audience  string            // the one value of the "aud" claim
	Claims    map[string]string // claim to pattern; all must match, and there must be one
	Target    string            // template of the token's target
	Scheduler string            // whose ceiling bounds the token and who may list and revoke it
	Lifetime  time.Duration     // of the token; 0: the usual
	Grant     token.Grant       // what else it allows; Target and times must be unset
}

// ErrPolicy is the error for a policy that makes no sense.
var ErrPolicy = errors.New("bad policy")

// Check returns an error wrapping [ErrPolicy], naming the policy and the field,
// unless the policy can be used.
func (p *Policy) Check() error {
	bad := func(field, why string) error { return fmt.Errorf("%w %q: %s: %s", ErrPolicy, p.Name, field, why) }
	if p.Name == "" {
		return bad("name", "it is missing")
	}
	u, err := url.Parse(p.Issuer)
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return bad("issuer", "it must be an https URL")
	}
	if p.Audience == "" {
		return bad("audience", "it is missing; give each server one of its own")
	}
	if len(p.Claims) == 0 {
		return bad("claims", "there is none, which would admit every job of the issuer")
	}
	for _, name := range slices.Sorted(maps.Keys(p.Claims)) {
		if p.Claims[name] == "" || !doublestar.ValidatePattern(p.Claims[name]) {
			return bad("claims", fmt.Sprintf("%s: not a pattern", name))
		}
	}
	if _, err := parseTemplate(p.Target); err != nil {
		return bad("target", err.Error())
	}
	if p.Scheduler == "" {
		return bad("scheduler", "it is missing")
	}
	if p.Lifetime < 0 {
		return bad("lifetime", "it is negative")
	}
	g := &p.Grant
	if g.Target != "" || !g.NotBefore.IsZero() || !g.NotAfter.IsZero() || !g.FinishBy.IsZero() {
		return bad("grant", "its target and times follow from the policy")
	}
	return nil
}

// claims are those of a verified identity token.
type claims map[string]any

// text returns the claim as it is compared, and whether it can be.
func (c claims) text(name string) (string, bool) {
	switch v := c[name].(type) {
	case string:
		return v, v != ""
	case bool:
		return fmt.Sprint(v), true
	case json.Number:
		return v.String(), !strings.ContainsAny(v.String(), ".eE")
	}
	return "", false
}

// mismatch returns the first claim, in order of name, that the policy does not
// admit, or "".
func (p *Policy) mismatch(c claims) string {
	for _, name := range slices.Sorted(maps.Keys(p.Claims)) {
		value, ok := c.text(name)
		if !ok || !matches(p.Claims[name], value) {
			return name
		}
	}
	return ""
}

func matches(pattern, value string) bool {
	if !strings.ContainsAny(pattern, `*?[{\`) {
		return pattern == value
	}
	ok, err := doublestar.Match(pattern, value)
	return ok && err == nil
}
