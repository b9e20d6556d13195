package config

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestEmptyIsTheDefault(t *testing.T) {
	c, err := Parse("empty", nil)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Default(), c, compareNetworks()); d != "" {
		t.Error(d)
	}
	if err := Default().Check(); err != nil {
		t.Errorf("the defaults do not pass their own check: %v", err)
	}
}

func TestEverythingGiven(t *testing.T) {
	c, err := Parse("t", []byte(`
[server]
listen = ":443"
deny = ["10.1.0.0/16", "::ffff:192.0.2.0/120", "2001:db8::7"]
limits = { body = "1MiB", idle_timeout = "1d12h" }
[[scheduler]]
name = "one"
keys = "one.keys"
prefixes = ["*"]
[[scheduler]]
name = "two"
client_ca = "/etc/ca.pem"
prefixes = ["android", "openembedded/sources"]
networks = ["192.0.2.1"]
max_bytes = "1.5GiB"
[[oidc]]
name = "gitlab"
issuer = "http://127.0.0.1:9000"
audience = "us"
match = { project_path = "team/*", ref_protected = "true" }
target = "ci/{project_path...}/{pipeline_id}"
[types."my.type"]
mode = "mirror"
aliases = ["latest", "lastSuccessful"]
include = ["**/*.{deb,rpm}"]
`))
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, got, want any) {
		t.Helper()
		if d := cmp.Diff(want, got, compareNetworks()); d != "" {
			t.Errorf("%s: %s", what, d)
		}
	}
	check("body", c.Server.Limits.Body, Size(1<<20))
	check("idle", c.Server.Limits.IdleTimeout.D(), 36*time.Hour)
	check("parallel, not given", c.Server.Limits.Parallel, Default().Server.Limits.Parallel)
	check("deny", c.Server.Deny, []Network{
		{netip.MustParsePrefix("10.1.0.0/16")}, {netip.MustParsePrefix("192.0.2.0/24")}, {netip.MustParsePrefix("2001:db8::7/128")},
	})
	check("max_bytes", c.Schedulers[1].MaxBytes, Size(3<<29))
	check("max_files, not given", c.Schedulers[1].MaxFiles, schedulerFiles)
	check("claim", c.OIDC[0].Match["project_path"], "team/*")
	check("oidc bytes, not given", c.OIDC[0].Bytes, c.Tokens.Bytes)
	check("mode", c.Types["my.type"].Mode, Mirror)
}

// TestMistakes gives texts with one mistake each, and what the error must say.
// All begin with an empty line: the first line given is the second.
func TestMistakes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		// Syntax and keys.
		{`[server`, "t.toml:2: "},
		{"[server]\nlisten = 8443", "t.toml:3: server.listen: incompatible types"},
		{"[server]\nlisen = \":1\"", `t.toml:3: server.lisen: unknown key; did you mean "listen"?`},
		{"[server]\nListen = \":1\"", `t.toml:3: server.Listen: unknown key; did you mean "listen"?`},
		{"[server]\n# lisen = 1\nstore = \"lisen = 1\"\n\n  lisen=\":1\"", `t.toml:6: server.lisen: unknown key`},
		{"[server.limits]\nbody = \"1MiB\"\nbodyrate = \"1kB\"", "t.toml:4: server.limits.bodyrate: unknown key"},
		{"[sever]\nlisten = \":1\"", `t.toml:2: sever: unknown key; did you mean "server"?`},
		{"[alerts]\nfoo = 1", "t.toml:3: alerts.foo: unknown key; here can be webhook, timeout, volume"},
		{"[server]\nlisten = \":1\"\n[server.listen2]\nx = 1", "t.toml:4: server.listen2: unknown key"},
		{"[types.a]\nstrip = 1\n[types.b]\nstripp = 1", `t.toml:5: types.b.stripp: unknown key; did you mean "strip"?`},
		{"[[scheduler]]\nname = \"a\"\nkeys = \"k\"\nprefixes = [\"x\"]\n[[scheduler]]\nnam = \"b\"", `t.toml:7: scheduler[1].nam: unknown key; did you mean "name"?`},
		{"server.limits.boddy = \"1MiB\"", "t.toml:2: server.limits.boddy: unknown key"},
		{"[server]\nlisten = \":1\"\nlisten = \":2\"", "t.toml:4: "},
		// Values that do not parse.
		{"[tokens]\nttl = 60", `t.toml:3: tokens.ttl: duration "60" needs a unit`},
		{"[tokens]\nttl = \"60\"", `t.toml:3: tokens.ttl: duration "60" needs a unit`},
		{"[tokens]\nttl = \"-5m\"", `t.toml:3: tokens.ttl: "-5m" is no duration`},
		{"[tokens]\nttl = \"soon\"", `t.toml:3: tokens.ttl: "soon" is no duration`},
		{"[tokens]\nbytes = 100", `t.toml:3: tokens.bytes: size "100" needs a unit`},
		{"[tokens]\nbytes = \"100QB\"", `t.toml:3: tokens.bytes: size "100QB": unknown unit "QB"`},
		{"[tokens]\nbytes = \"0.3B\"", `t.toml:3: tokens.bytes: size "0.3B" is no whole number of bytes`},
		{"[server]\ndeny = [\"10.0.0.0/33\"]", `t.toml:3: server.deny: "10.0.0.0/33" is no network`},
		{"[server]\ndeny = [\"10.0.0.1/8\"]", "did you mean 10.0.0.0/8?"},
		{"[server]\ndeny = [\"evil.example.org\"]", "t.toml:3: server.deny: \"evil.example.org\" is no network"},
		{"[server]\ndeny = [\"fe80::1%eth0\"]", "it has a zone"},
		{"[server]\ndeny = \"10.0.0.0/8\"", "t.toml:3: server.deny: "},
		{"[rsync]\ndeny = [\"10.0.0\"]", `t.toml:3: rsync.deny: "10.0.0" is no network`},
		{"[[scheduler]]\nnetworks = [\"x\"]\n[[scheduler]]\nnetworks = [\"10.0.0.0/8\"]", "scheduler.networks: \"x\" is no network"},
		{"[[scheduler]]\nnetworks = [\"x\"]\n[[scheduler]]\nnetworks = [\"10.0.0.0/8\"]", "in one of the lines 3 5"},
		// Values that make no sense.
		{"[server]\nlisten = \"8443\"", "t.toml:3: server.listen: "},
		{"[server]\nlisten = \":99999\"", "the port must be"},
		{"[server]\nurl = \"http://example.org\"", "t.toml:3: server.url: \"http://example.org\" must begin with https://"},
		{"[server]\nurl = \"https://example.org/pub\"", "has a path"},
		{"[server]\nurl = \"https://user:secret@example.org\"", "no user"},
		{"[server]\nstore = \"\"", "server.store: no folder"},
		{"[server]\ntrusted_proxies = [\"0.0.0.0/0\"]", "t.toml:3: server.trusted_proxies[0]: "},
		{"[server.limits]\nbody = \"1kB\"", "t.toml:3: server.limits.body: 1kB is less than 64KiB"},
		{"[server.limits]\nbody = \"2GiB\"", "more than 1GiB"},
		{"[server.limits]\nparallel = 0", "t.toml:3: server.limits.parallel: 0 is less than 1"},
		{"[server.limits]\nheader_timeout = \"0\"", "server.limits.header_timeout"},
		{"[tls]\ncert = \"c.pem\"", "t.toml:3: tls.cert: a certificate without its key"},
		{"[tls]\nkey = \"k.pem\"", "t.toml:3: tls.key: "},
		{"[tls]\ncert = \"c\"\nkey = \"k\"\n[tls.acme]\ndomains = [\"a.example.org\"]", "both a certificate and acme"},
		{"[tls.acme]\ndomains = [\"*.example.org\"]", "t.toml:3: tls.acme.domains[0]: "},
		{"[tls.acme]\nemail = \"me\"", "tls.acme.email"},
		{"[tokens]\npublications = 0", "t.toml:3: tokens.publications: "},
		{"[tokens]\nvisibility = \"secret\"", `t.toml:3: tokens.visibility: "secret" is not one of "public", "licensed", "private"`},
		{"[tokens.ban]\nwindow = \"0\"", "tokens.ban.window"},
		{"[[scheduler]]\nkeys = \"k\"\nprefixes = [\"x\"]", "t.toml:2: scheduler[0].name: "},
		{"[[scheduler]]\nname = \"a b\"\nkeys = \"k\"\nprefixes = [\"x\"]", "t.toml:3: scheduler[0].name: "},
		{"[[scheduler]]\nname = \"a\"\nprefixes = [\"x\"]", "t.toml:2: scheduler[0]: no credential"},
		{"[[scheduler]]\nname = \"a\"\nkeys = \"k\"", "scheduler[0].prefixes: no target"},
		{"[[scheduler]]\nname = \"a\"\nkeys = \"k\"\nprefixes = [\"x\", \"/y\"]", "t.toml:5: scheduler[0].prefixes[1]: "},
		{"[[scheduler]]\nname = \"a\"\nkeys = \"k\"\nprefixes = [\"x/../y\"]", "dot component"},
		{"[[scheduler]]\nname = \"a\"\nkeys = \"k\"\nprefixes = [\"x*\"]", "plain path"},
		{"[[scheduler]]\nname = \"a\"\nkeys = \"k\"\nprefixes = [\"x\"]\nmax_files = -1", "t.toml:6: scheduler[0].max_files"},
		{"[[scheduler]]\nname = \"a\"\nkeys = \"k\"\nprefixes = [\"x\"]\n[[scheduler]]\nname = \"a\"\nkeys = \"k\"\nprefixes = [\"x\"]", "t.toml:7: scheduler[1].name: \"a\" is there twice"},
		{oidc("issuer = \"http://example.org\""), "must begin with https://"},
		{oidc("audience = \"\""), "oidc[0].audience: none given"},
		{oidc("match = {}"), "oidc[0].match: no claim"},
		{oidc("match = { a = \"[\" }"), "oidc[0].match.a: "},
		{oidc("target = \"{type}/x\""), "must not come from a claim"},
		{oidc("target = \"ci/{a b}\""), "braces hold the name"},
		{oidc("target = \"ci/{a\""), "braces hold the name"},
		{oidc("target = \"\""), "oidc[0].target: no target"},
		{oidc("ttl = \"0s\"\nfiles = -1"), "oidc[0].files"},
		{"[types.\"a/b\"]\nstrip = 1", "cannot be the first component"},
		{"[types.a]\nmode = \"copy\"", `types.a.mode: "copy" is not one of "merge", "mirror"`},
		{"[types.a]\ninclude = [\"[a\"]", "t.toml:3: types.a.include[0]: \"[a\" is no relative glob"},
		{"[types.a]\nexclude = [\"/a\"]", "types.a.exclude[0]"},
		{"[types.a]\nstrip = -1", "types.a.strip"},
		{"[types.a]\naliases = [\"x\", \"x\"]", "types.a.aliases[1]"},
		{"[types.a]\naliases = [\"../x\"]", "types.a.aliases[0]"},
		{"[export]\ndir = \"e\"", "export.targets: nothing to export"},
		{"[export]\nlink = \"symbolic\"", "t.toml:3: export.link: "},
		{"[rsync]\nlisten = \":873\"", "give export.dir"},
		{"[rsync]\nlisten = \":873\"\n[export]\ndir = \"e\"\ntargets = [\"*\"]", "give a [[rsync.module]]"},
		{"[[rsync.module]]\nname = \"a]\\n[b\"\ntarget = \"x\"", "rsync.module[0].name"},
		{"[[rsync.module]]\nname = \"a\"\ntarget = \"x\"\ncomment = \"a\\npath = /\"", "t.toml:5: rsync.module[0].comment: "},
		{"[alerts]\nwebhook = \"ftp://x\"", "alerts.webhook"},
		{"[accel]\nx_accel_redirect = \"blobs\"", "t.toml:3: accel.x_accel_redirect"},
		{"[accel]\nx_accel_redirect = \"/blobs/\"\nx_sendfile = true", "give one"},
	} {
		_, err := Parse("t.toml", []byte("\n"+c.text))
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\n got %v\nwant %s", c.text, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret@") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
}

// oidc returns a policy that is right but for the lines given.
func oidc(lines string) string {
	text := "[[oidc]]\n" + lines + "\n"
	for _, l := range []string{`name = "x"`, `issuer = "https://example.org"`, `audience = "us"`, `target = "ci/{a}"`, `match = { a = "b" }`} {
		if key, _, _ := strings.Cut(l, " "); !strings.Contains(text, key+" ") {
			text += l + "\n"
		}
	}
	return text
}

func TestOIDCHelperIsRight(t *testing.T) {
	if _, err := Parse("t", []byte(oidc(""))); err != nil {
		t.Fatal(err)
	}
}

func TestAllMistakesAreReported(t *testing.T) {
	_, err := Parse("t.toml", []byte("[tokens]\nfiles = 0\ncalls = 0\n[alerts]\nwebhook = \"x\""))
	for _, want := range []string{"t.toml:2: tokens.files", "t.toml:3: tokens.calls", "t.toml:5: alerts.webhook"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in %v", want, err)
		}
	}
}

func TestFileNamesAreRelativeToTheFile(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "config.toml")
	text := `
[server]
store = "data"
[tls]
cert = "c.pem"
key = "/etc/k.pem"
[types.a]
licence = "licence.txt"
[[scheduler]]
name = "a"
keys = "sub/a.keys"
prefixes = ["x"]
[rsync]
program = "bin/rsync"
`
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(name)
	if err != nil {
		t.Fatal(err)
	}
	for got, want := range map[string]string{
		c.Server.Store: dir + "/data", c.TLS.Cert: dir + "/c.pem", c.TLS.Key: "/etc/k.pem", c.Types["a"].Licence: dir + "/licence.txt",
		c.Schedulers[0].Keys: dir + "/sub/a.keys", c.Schedulers[0].ClientCA: "", c.Rsync.Program: dir + "/bin/rsync",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if c, err = Load(name); err != nil || c.Server.Store != Default().Server.Store || c.Rsync.Program != "rsync" {
		t.Errorf("defaults were rebased: %+v, %v", c, err)
	}
	if _, err := Load(name + ".absent"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestHugeText(t *testing.T) {
	if _, err := Parse("t", make([]byte, maxText+1)); err == nil {
		t.Error("accepted")
	}
}

func FuzzParse(f *testing.F) {
	b, err := os.ReadFile(sample)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(uncomment(string(b))))
	f.Add([]byte("[[scheduler]]\nname = \"a\"\n[[scheduler.x]]\n"))
	f.Add([]byte("a.b.c = {d = [{e = 1}]}\n\"#\" = '''\n'''"))
	f.Add([]byte("types = {a = {strip = 1}}\nscheduler = [{name = \"x\"}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := Parse("f", text)
		if err == nil && c.Check() != nil {
			t.Fatal(c.Check())
		}
	})
}
