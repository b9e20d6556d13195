package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// checkName checks a name that must be unique and simple: it stands in logs,
// certificates and the rsync daemon's configuration.
func checkName(c *checker, key, name string, seen map[string]bool) {
	switch {
	case !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`).MatchString(name):
		c.addf(key, "%q is no name of up to 64 letters, digits, dots, dashes and underscores", name)
	case seen[name]:
		c.addf(key, "%q is there twice", name)
	}
	seen[name] = true
}

// checkNetworks finds prefixes that were never parsed: a rule that matches
// nothing must not pass for one.
func checkNetworks(c *checker, key string, list []Network) {
	for i, n := range list {
		if !n.IsValid() {
			c.addf(fmt.Sprintf("%s[%d]", key, i), "not a network")
		}
	}
}

func checkGlobs(c *checker, key string, globs []string) {
	for i, g := range globs {
		if g == "" || g[0] == '/' || !doublestar.ValidatePattern(g) {
			c.addf(fmt.Sprintf("%s[%d]", key, i), "%q is no relative glob", g)
		}
	}
}

func checkTargets(c *checker, key string, targets []string) {
	for i, t := range targets {
		if t != "*" {
			c.check(fmt.Sprintf("%s[%d]", key, i), badTarget(t))
		}
	}
}

// badTarget returns what is wrong with a target. The server holds it against
// all rules of a path; these are the slips people make.
func badTarget(t string) string {
	switch {
	case t == "":
		return "no target given"
	case strings.HasPrefix(t, "/") || strings.HasSuffix(t, "/"):
		return fmt.Sprintf("%q: a target has no slash at either end", t)
	case path.Clean(t) != t || t == "." || t == ".." || strings.HasPrefix(t, "../"):
		return fmt.Sprintf("%q has an empty or a dot component", t)
	case strings.ContainsAny(t, `*?\`) || strings.ContainsFunc(t, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return fmt.Sprintf("%q: a target is a plain path, all below it included", t)
	}
	return ""
}

// badTemplate returns what is wrong with the target of an OIDC policy.
func badTemplate(t string) string {
	claim := regexp.MustCompile(`\{[A-Za-z_][A-Za-z0-9_.-]*?(\.\.\.)?\}`)
	plain := claim.ReplaceAllString(t, "x")
	if strings.ContainsAny(plain, "{}") {
		return fmt.Sprintf("%q: braces hold the name of one claim: {claim} or {claim...}", t)
	}
	if first, _, _ := strings.Cut(t, "/"); claim.MatchString(first) {
		return fmt.Sprintf("%q: the first component is the build type and must not come from a claim", t)
	}
	return badTarget(plain)
}

func badAddress(a string) string {
	_, port, err := net.SplitHostPort(a)
	if err != nil {
		return fmt.Sprintf("%q is no address and port such as \"127.0.0.1:8443\" or \":8443\"", a)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return fmt.Sprintf("%q: the port must be a number up to 65535", a)
	}
	return ""
}

// badURL returns what is wrong with a URL that must be https, or may be http on
// loopback.
func badURL(s string, loopback bool) string {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Host == "" || u.Hostname() == "":
		return fmt.Sprintf("%q is no URL such as \"https://example.org\"", s)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return fmt.Sprintf("%q: no user, query or fragment can be there", u.Redacted())
	case u.Scheme == "https", loopback && u.Scheme == "http" && isLoopback(u.Hostname()):
		return ""
	}
	return fmt.Sprintf("%q must begin with https://", s)
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

func oneOf[T ~string](v T, allowed ...T) string {
	if slices.Contains(allowed, v) {
		return ""
	}
	var list []string
	for _, a := range allowed {
		if a != "" {
			list = append(list, strconv.Quote(string(a)))
		}
	}
	return fmt.Sprintf("%q is not one of %s", v, strings.Join(list, ", "))
}
