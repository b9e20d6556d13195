package config

import (
	"fmt"
	"maps"
	"net/url"
	"path"
	"slices"
	"strings"
)

// A checker collects mistakes.
type checker struct{ found []*Error }

func (c *checker) addf(key, format string, args ...any) {
	c.found = append(c.found, &Error{Key: key, Problem: fmt.Sprintf(format, args...)})
}

// check adds the problem under the key if it is none.
func (c *checker) check(key, problem string) {
	if problem != "" {
		c.addf(key, "%s", problem)
	}
}

// least complains about a number below its bound.
func least[T ~int | ~int64](c *checker, key string, v, bound T) {
	if v < bound {
		c.addf(key, "%v is less than %v", v, bound)
	}
}

// problems returns every mistake in c.
func (c *Config) problems() []*Error {
	k := new(checker)
	c.Server.check(k)
	c.TLS.check(k)
	c.Tokens.check(k)
	names := make(map[string]bool)
	for i := range c.Schedulers {
		c.Schedulers[i].check(k, fmt.Sprintf("scheduler[%d]", i), names)
	}
	names = make(map[string]bool)
	for i := range c.OIDC {
		c.OIDC[i].check(k, fmt.Sprintf("oidc[%d]", i), names)
	}
	for _, name := range slices.Sorted(maps.Keys(c.Types)) {
		t := c.Types[name]
		t.check(k, name)
	}
	c.Export.check(k)
	c.Rsync.check(k, &c.Export)
	c.Alerts.check(k)
	c.Accel.check(k)
	return k.found
}

func (s *Server) check(c *checker) {
	c.check("server.listen", badAddress(s.Listen))
	if s.URL != "" {
		c.check("server.url", badURL(s.URL, false))
		if u, err := url.Parse(s.URL); err == nil && strings.Trim(u.Path, "/") != "" {
			c.addf("server.url", "%q has a path; the server needs a host name of its own", s.URL)
		}
	}
	if s.Store == "" {
		c.addf("server.store", "no folder given")
	}
	for i, n := range s.TrustedProxies {
		if n.Bits() == 0 {
			c.addf(fmt.Sprintf("server.trusted_proxies[%d]", i), "%v would believe anybody's X-Forwarded-For; name the proxies", n)
		}
	}
	checkNetworks(c, "server.trusted_proxies", s.TrustedProxies)
	checkNetworks(c, "server.metrics", s.Metrics)
	checkNetworks(c, "server.deny", s.Deny)
	s.Limits.check(c)
	least(c, "server.maintenance.every", s.Maintenance.Every, 0)
	least(c, "server.maintenance.check_every", s.Maintenance.CheckEvery, 0)
	least(c, "server.maintenance.check_rate", s.Maintenance.CheckRate, 1000)
}

func (l *Limits) check(c *checker) {
	const p = "server.limits."
	least(c, p+"body", l.Body, 64<<10)
	if l.Body > 1<<30 {
		c.addf(p+"body", "%v is more than 1GiB", l.Body)
	}
	least(c, p+"header_timeout", l.HeaderTimeout, 1)
	least(c, p+"idle_timeout", l.IdleTimeout, 1)
	least(c, p+"body_rate", l.BodyRate, 0)
	least(c, p+"rate_grace", l.RateGrace, 1)
	least(c, p+"parallel", l.Parallel, 1)
	least(c, p+"per_address", l.PerAddress, 0)
	least(c, p+"archives", l.Archives, 0)
	least(c, p+"session_idle", l.SessionIdle, 1)
	least(c, p+"reserve", l.Reserve, 0)
}

func (t *TLS) check(c *checker) {
	switch {
	case t.Cert == "" && t.Key != "":
		c.addf("tls.key", "a key without a certificate; give cert as well")
	case t.Cert != "" && t.Key == "":
		c.addf("tls.cert", "a certificate without its key; give key as well")
	case t.Cert != "" && len(t.ACME.Domains) > 0:
		c.addf("tls.cert", "both a certificate and acme; give one of them")
	}
	for i, d := range t.ACME.Domains {
		if !strings.Contains(d, ".") || strings.ContainsAny(d, " /:*") {
			c.addf(fmt.Sprintf("tls.acme.domains[%d]", i), "%q is no full host name", d)
		}
	}
	if t.ACME.Email != "" && !strings.Contains(t.ACME.Email, "@") {
		c.addf("tls.acme.email", "%q is no mail address", t.ACME.Email)
	}
	if t.ACME.Directory != "" {
		c.check("tls.acme.directory", badURL(t.ACME.Directory, true))
	}
}

func (t *Tokens) check(c *checker) {
	least(c, "tokens.ttl", t.TTL, 1)
	least(c, "tokens.publications", t.Publications, 1)
	least(c, "tokens.calls", t.Calls, 1)
	least(c, "tokens.parallel", t.Parallel, 1)
	least(c, "tokens.files", t.Files, 1)
	least(c, "tokens.bytes", t.Bytes, 1)
	c.check("tokens.visibility", oneOf(t.Visibility, Public, Licensed, Private))
	least(c, "tokens.ban.tries", t.Ban.Tries, 0)
	least(c, "tokens.ban.window", t.Ban.Window, 1)
	least(c, "tokens.ban.delay", t.Ban.Delay, 0)
	least(c, "tokens.ban.for", t.Ban.For, 1)
}

func (s *Scheduler) check(c *checker, key string, names map[string]bool) {
	checkName(c, key+".name", s.Name, names)
	if s.Keys == "" && s.ClientCA == "" {
		c.addf(key, "no credential; give keys or client_ca")
	}
	if len(s.Prefixes) == 0 {
		c.addf(key+".prefixes", `no target allowed; give some, or "*" for any`)
	}
	checkTargets(c, key+".prefixes", s.Prefixes)
	checkNetworks(c, key+".networks", s.Networks)
	least(c, key+".max_lifetime", s.MaxLifetime, 1)
	least(c, key+".max_bytes", s.MaxBytes, 1)
	least(c, key+".max_files", s.MaxFiles, 1)
	least(c, key+".quota", s.Quota, 0)
}

func (o *OIDC) check(c *checker, key string, names map[string]bool) {
	checkName(c, key+".name", o.Name, names)
	c.check(key+".issuer", badURL(o.Issuer, true))
	if o.Audience == "" {
		c.addf(key+".audience", "none given; without one, tokens made for others would be accepted")
	}
	if len(o.Match) == 0 {
		c.addf(key+".match", "no claim to match; every job of the issuer would be accepted")
	}
	for _, claim := range slices.Sorted(maps.Keys(o.Match)) {
		if _, err := path.Match(o.Match[claim], ""); err != nil || o.Match[claim] == "" {
			c.addf(key+".match."+claim, "%q is no value or pattern", o.Match[claim])
		}
	}
	c.check(key+".target", badTemplate(o.Target))
	least(c, key+".ttl", o.TTL, 1)
	least(c, key+".publications", o.Publications, 1)
	least(c, key+".files", o.Files, 1)
	least(c, key+".bytes", o.Bytes, 1)
	c.check(key+".visibility", oneOf(o.Visibility, Public, Licensed, Private))
}

func (t *Type) check(c *checker, name string) {
	key := "types." + name
	if strings.Contains(name, "/") || badTarget(name) != "" {
		c.addf(key, "%q cannot be the first component of a target", name)
	}
	checkGlobs(c, key+".include", t.Include)
	checkGlobs(c, key+".exclude", t.Exclude)
	least(c, key+".strip", t.Strip, 0)
	c.check(key+".mode", oneOf(t.Mode, Merge, Mirror))
	least(c, key+".keep_builds", t.KeepBuilds, 0)
	least(c, key+".keep_days", t.KeepDays, 0)
	least(c, key+".keep_history", t.KeepHistory, 0)
	least(c, key+".build_depth", t.BuildDepth, 0)
	c.check(key+".visibility", oneOf(t.Visibility, "", Public, Licensed, Private))
	if t.Visibility == Licensed && t.Licence == "" {
		c.addf(key+".licence", "none given, and readers are to accept one")
	}
	checkAliases(c, key+".aliases", t.Aliases, nil)
	checkAliases(c, key+".named_aliases", t.NamedAliases, t.Aliases)
	least(c, key+".quota", t.Quota, 0)
}

func checkAliases(c *checker, key string, names, others []string) {
	for i, a := range names {
		if strings.Contains(a, "/") || badTarget(a) != "" || slices.Contains(names[:i], a) || slices.Contains(others, a) {
			c.addf(fmt.Sprintf("%s[%d]", key, i), "%q is not one component, or twice", a)
		}
	}
}

func (e *Export) check(c *checker) {
	c.check("export.link", oneOf(e.Link, LinkAuto, LinkHard, LinkReflink, LinkCopy))
	if e.Dir != "" && len(e.Targets) == 0 {
		c.addf("export.targets", `nothing to export; give targets, or "*" for all that are public`)
	}
	checkTargets(c, "export.targets", e.Targets)
}

func (r *Rsync) check(c *checker, e *Export) {
	if r.Listen != "" {
		c.check("rsync.listen", badAddress(r.Listen))
		if e.Dir == "" {
			c.addf("rsync.listen", "the daemon serves exported files; give export.dir")
		}
		if len(r.Modules) == 0 {
			c.addf("rsync", "the daemon has nothing to serve; give a [[rsync.module]]")
		}
	}
	if r.Program == "" {
		c.addf("rsync.program", "no program given")
	}
	if len(r.Allow) > 0 && len(r.Deny) > 0 {
		c.addf("rsync.deny", "both allow and deny; the daemon knows one of them: give one")
	}
	checkNetworks(c, "rsync.allow", r.Allow)
	checkNetworks(c, "rsync.deny", r.Deny)
	least(c, "rsync.max_connections", r.MaxConnections, 1)
	names := make(map[string]bool)
	for i, m := range r.Modules {
		key := fmt.Sprintf("rsync.module[%d]", i)
		checkName(c, key+".name", m.Name, names)
		c.check(key+".target", badTarget(m.Target))
		if strings.ContainsFunc(m.Comment, func(r rune) bool { return r < ' ' }) {
			c.addf(key+".comment", "a comment is one line")
		}
	}
}

func (a *Alerts) check(c *checker) {
	if a.Webhook != "" {
		address, _, _ := strings.Cut(a.Webhook, "?") // which may hold a key
		c.check("alerts.webhook", badURL(address, true))
	}
	least(c, "alerts.timeout", a.Timeout, 1)
	least(c, "alerts.volume", a.Volume, 0)
}

func (a *Accel) check(c *checker) {
	x := a.XAccelRedirect
	if x != "" && a.XSendfile {
		c.addf("accel.x_sendfile", "both x_accel_redirect and x_sendfile; give one")
	}
	if x != "" && (!strings.HasPrefix(x, "/") || !strings.HasSuffix(x, "/") || path.Clean(x)+"/" != x) {
		c.addf("accel.x_accel_redirect", `%q is no location such as "/blobs/"`, x)
	}
}
