//go:build (linux && (386 || amd64 || arm || arm64 || loong64 || ppc64le || riscv64 || s390x)) || (darwin && (amd64 || arm64)) || (windows && (386 || amd64 || arm64)) || (freebsd && (amd64 || arm64))

package cli

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/pubsync/pubsync/cli/config"
	"github.com/pubsync/pubsync/server/export"
	"github.com/pubsync/pubsync/server/identity"
	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/server/token"
	"github.com/pubsync/pubsync/sync/wire"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// A probe looks at a server that a configuration made.
type probe struct {
	*testing.T
	*site
}

// An effect shows that a key is acted on: either by looking at what a server
// with the value became, or by a test elsewhere that does.
type effect struct {
	text  string // of config.toml
	check func(p probe) error
	at    string // "FILE TestName" or the name of a script, if there is no check
}

// want is an error unless got is what is wanted.
func want(got, wanted any) error {
	if !reflect.DeepEqual(got, wanted) {
		return fmt.Errorf("got %v, want %v", got, wanted)
	}
	return nil
}

// get asks the server for a path from an address.
func (p probe) get(path, from string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = from + ":9"
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	return w
}

func status(path, from string, code int, header ...string) func(probe) error {
	return func(p probe) error { return want(p.get(path, from, header...).Code, code) }
}

// grant returns the grant of a token whose issuer said nothing.
func (p probe) grant() token.Grant {
	return p.defaults(token.Grant{}, token.Ceiling{}, time.Unix(0, 0))
}

// scheduler returns the scheduler "s" on record.
func (p probe) sched() token.Scheduler {
	s, err := p.tokens.SchedulerNamed(p.Context(), "s")
	if err != nil {
		p.Fatal(err)
	}
	return s
}

func (p probe) http() *http.Server {
	return httpServer(p.cfg, p.handler, &tls.Config{}, slog.New(slog.DiscardHandler))
}

// daemon returns the text of what the rsync daemon would be told.
func (p probe) daemon() string {
	x, err := export.New(export.Config{Store: p.store, Dir: p.cfg.Export.Dir})
	if err != nil {
		p.Fatal(err)
	}
	defer x.Close()
	c, err := p.mirrorConfig(x, p.TempDir())
	if err != nil {
		p.Fatal(err)
	}
	return fmt.Sprintf("%+v", c)
}

func has(text, part string) error {
	if !strings.Contains(text, part) {
		return fmt.Errorf("%q is not in %s", part, text)
	}
	return nil
}

const (
	aScheduler = "[[scheduler]]\nname = \"s\"\nkeys = \"s.keys\"\nprefixes = [\"a\"]\n"
	aPolicy    = "[[oidc]]\nname = \"p\"\nissuer = \"https://issuer.example\"\naudience = \"us\"\ntarget = \"ci/x\"\nmatch = { job = \"j\" }\n"
	anExport   = "[export]\ndir = \"plain\"\ntargets = [\"a\"]\n"
	aModule    = anExport + "[rsync]\nlisten = \"127.0.0.1:873\"\nKEY\n[[rsync.module]]\nname = \"m\"\ntarget = \"a\"\n"
)

func rsync(key string) string { return strings.Replace(aModule, "KEY", key, 1) }

// effects are those of all keys; [] stands for an element of a list, * for a name.
func effects() map[string]effect {
	return map[string]effect{
		"server.listen":                  {at: "errors"},
		"server.url":                     {at: "keys"},
		"server.store":                   {at: "export"},
		"server.ready_file":              {at: "keys"},
		"server.trusted_proxies":         {text: "[server]\ntrusted_proxies = [\"192.0.2.1\"]\ndeny = [\"198.51.100.0/24\"]", check: status("/healthz", "192.0.2.1", 403, "X-Forwarded-For", "198.51.100.9")},
		"server.metrics":                 {text: "[server]\nmetrics = [\"192.0.2.0/24\"]", check: status("/metrics", "192.0.2.7", 200)},
		"server.deny":                    {text: "[server]\ndeny = [\"192.0.2.0/24\"]", check: status("/healthz", "192.0.2.7", 403)},
		"server.limits.body":             {text: "[server.limits]\nbody = \"1MiB\"", check: func(p probe) error { return want(p.open().Limits.Body, int64(1<<20)) }},
		"server.limits.header_timeout":   {text: "[server.limits]\nheader_timeout = \"3s\"", check: func(p probe) error { return want(p.http().ReadHeaderTimeout, 3*time.Second) }},
		"server.limits.idle_timeout":     {text: "[server.limits]\nidle_timeout = \"4s\"", check: func(p probe) error { return want(p.http().IdleTimeout, 4*time.Second) }},
		"server.limits.body_rate":        {at: "../server/pace_test.go TestPace"},
		"server.limits.rate_grace":       {at: "../server/pace_test.go TestPace"},
		"server.limits.parallel":         {text: "[server.limits]\nparallel = 5", check: func(p probe) error { return want(loadOf(p.cfg).Total, 5) }},
		"server.limits.per_address":      {text: "[server.limits]\nper_address = 6", check: func(p probe) error { return want(loadOf(p.cfg).PerAddress, 6) }},
		"server.limits.archives":         {text: "[server.limits]\narchives = 3", check: func(p probe) error { return want(p.open().Limits.Archives, 3) }},
		"server.limits.session_idle":     {text: "[server.limits]\nsession_idle = \"1h\"", check: probe.expires},
		"server.limits.reserve":          {at: "../server/space_test.go TestFullDisk"},
		"server.maintenance.every":       {at: "keys"},
		"server.maintenance.check_every": {at: "keys"},
		"server.maintenance.check_rate":  {at: "../server/upkeep/upkeep_test.go TestChecksInTheBackground"},
		"tls.cert":                       {text: "[tls]\ncert = \"tls/cert.pem\"\nkey = \"tls/key.pem\"", check: probe.ownCertificate},
		"tls.key":                        {text: "[tls]\ncert = \"tls/cert.pem\"\nkey = \"tls/key.pem\"", check: probe.ownCertificate},
		"tls.acme.domains":               {at: "acme_test.go TestACME"},
		"tls.acme.email":                 {at: "acme_test.go TestACME"},
		"tls.acme.cache":                 {at: "acme_test.go TestACME"},
		"tls.acme.directory":             {at: "acme_test.go TestACME"},
		"tls.acme.ca":                    {at: "acme_test.go TestACME"},
		"tokens.ttl":                     {text: "[tokens]\nttl = \"5m\"", check: func(p probe) error { return want(p.grant().NotAfter.Unix(), int64(300)) }},
		"tokens.publications":            {text: "[tokens]\npublications = 7", check: func(p probe) error { return want(p.grant().Publications, int64(7)) }},
		"tokens.calls":                   {text: "[tokens]\ncalls = 70", check: func(p probe) error { return want(p.grant().Calls, int64(70)) }},
		"tokens.parallel":                {text: "[tokens]\nparallel = 3", check: func(p probe) error { return want(p.grant().Parallel, int64(3)) }},
		"tokens.files":                   {text: "[tokens]\nfiles = 71", check: func(p probe) error { return want(p.grant().Files, int64(71)) }},
		"tokens.bytes":                   {text: "[tokens]\nbytes = \"72B\"", check: func(p probe) error { return want(p.grant().Bytes, int64(72)) }},
		"tokens.visibility":              {text: "[tokens]\nvisibility = \"public\"", check: func(p probe) error { return want(p.grant().Visibility, token.Public) }},
		"tokens.ban.tries":               {text: "[tokens.ban]\ntries = 2\ndelay = \"0s\"", check: func(p probe) error { return p.banned(2) }},
		"tokens.ban.window":              {text: "[tokens.ban]\nwindow = \"7m\"", check: func(p probe) error { return want(guardOf(p.cfg.Tokens.Ban).Window, 7*time.Minute) }},
		"tokens.ban.delay":               {text: "[tokens.ban]\ndelay = \"3s\"", check: func(p probe) error { return want(guardOf(p.cfg.Tokens.Ban).Delay, 3*time.Second) }},
		"tokens.ban.for":                 {text: "[tokens.ban]\nfor = \"9m\"", check: func(p probe) error { return want(guardOf(p.cfg.Tokens.Ban).BanFor, 9*time.Minute) }},
		"scheduler[].name":               {text: aScheduler, check: func(p probe) error { return want(p.sched().Name, "s") }},
		"scheduler[].keys":               {at: "export"},
		"scheduler[].client_ca":          {at: "../server/token/scheduler_test.go TestCertificates"},
		"scheduler[].prefixes":           {at: "export"},
		"scheduler[].networks":           {text: aScheduler + "networks = [\"192.0.2.0/24\"]", check: func(p probe) error { return want(fmt.Sprint(p.sched().From), "[192.0.2.0/24]") }},
		"scheduler[].max_lifetime":       {text: aScheduler + "max_lifetime = \"5h\"", check: func(p probe) error { return want(p.sched().Ceiling.Lifetime, 5*time.Hour) }},
		"scheduler[].max_bytes":          {text: aScheduler + "max_bytes = \"5B\"", check: func(p probe) error { return want(p.sched().Ceiling.Bytes, int64(5)) }},
		"scheduler[].max_files":          {text: aScheduler + "max_files = 5", check: func(p probe) error { return want(p.sched().Ceiling.Files, int64(5)) }},
		"scheduler[].overwrite":          {text: aScheduler + "overwrite = true", check: func(p probe) error { return want(p.sched().Ceiling.NoOverwrite, false) }},
		"scheduler[].quota":              {text: aScheduler + "quota = \"5B\"", check: func(p probe) error { return want(p.quotas("b/1", "s")[0].Bytes, int64(5)) }},
		"oidc[].name":                    {text: aPolicy, check: func(p probe) error { return want(policies(p.cfg)[0].Name, "p") }},
		"oidc[].issuer":                  {text: aPolicy, check: func(p probe) error { return want(policies(p.cfg)[0].Issuer, "https://issuer.example") }},
		"oidc[].audience":                {text: aPolicy, check: func(p probe) error { return want(policies(p.cfg)[0].Audience, "us") }},
		"oidc[].match":                   {text: aPolicy, check: func(p probe) error { return want(policies(p.cfg)[0].Claims["job"], "j") }},
		"oidc[].target":                  {text: aPolicy, check: func(p probe) error { return want(policies(p.cfg)[0].Target, "ci/x") }},
		"oidc[].ttl":                     {text: aPolicy + "ttl = \"5m\"", check: func(p probe) error { return want(policies(p.cfg)[0].Lifetime, 5*time.Minute) }},
		"oidc[].publications":            {text: aPolicy + "publications = 5", check: func(p probe) error { return want(policies(p.cfg)[0].Grant.Publications, int64(5)) }},
		"oidc[].files":                   {text: aPolicy + "files = 5", check: func(p probe) error { return want(policies(p.cfg)[0].Grant.Files, int64(5)) }},
		"oidc[].bytes":                   {text: aPolicy + "bytes = \"5B\"", check: func(p probe) error { return want(policies(p.cfg)[0].Grant.Bytes, int64(5)) }},
		"oidc[].overwrite":               {text: aPolicy + "overwrite = true", check: func(p probe) error { return want(policies(p.cfg)[0].Grant.Overwrite, true) }},
		"oidc[].visibility":              {text: aPolicy + "visibility = \"public\"", check: func(p probe) error { return want(policies(p.cfg)[0].Grant.Visibility, token.Public) }},
		"types.*.include":                {at: "keys"},
		"types.*.exclude":                {at: "keys"},
		"types.*.strip":                  {at: "keys"},
		"types.*.flatten":                {at: "keys"},
		"types.*.mode":                   {at: "keys"},
		"types.*.keep_builds":            {at: "builds"},
		"types.*.keep_days":              {text: "[types.a]\nkeep_days = 5", check: func(p probe) error { return want(buildTypes(p.cfg)["a"].KeepDays, 5) }},
		"types.*.keep_history":           {text: "[types.a]\nkeep_history = \"5d\"", check: func(p probe) error { return want(buildTypes(p.cfg)["a"].KeepHistory, 5*24*time.Hour) }},
		"types.*.build_depth":            {text: "[types.a]\nbuild_depth = 2", check: func(p probe) error { return want(buildTypes(p.cfg)["a"].Depth, 2) }},
		"types.*.visibility":             {at: "../server/access_test.go TestVisibility"},
		"types.*.licence":                {at: "../server/access_test.go TestLicensedReads"},
		"types.*.aliases":                {at: "builds"},
		"types.*.named_aliases":          {at: "builds"},
		"types.*.quota":                  {text: "[types.a]\nquota = \"5B\"", check: func(p probe) error { return want(p.quotas("a/1", "x")[0].Bytes, int64(5)) }},
		"export.dir":                     {at: "export"},
		"export.targets":                 {at: "export"},
		"export.link":                    {text: anExport + "link = \"copy\"", check: func(p probe) error { return want(means(p.cfg.Export.Link), export.Copy) }},
		"rsync.listen":                   {text: rsync(""), check: func(p probe) error { return has(p.daemon(), "Listen:127.0.0.1:873") }},
		"rsync.program":                  {text: rsync("program = \"/x/rsync\""), check: func(p probe) error { return has(p.daemon(), "Rsync:/x/rsync") }},
		"rsync.allow":                    {text: rsync("allow = [\"192.0.2.0/24\"]"), check: func(p probe) error { return has(p.daemon(), "Allow:[192.0.2.0/24]") }},
		"rsync.deny":                     {text: rsync("deny = [\"192.0.2.0/24\"]"), check: func(p probe) error { return has(p.daemon(), "Deny:[192.0.2.0/24]") }},
		"rsync.max_connections":          {text: rsync("max_connections = 5"), check: func(p probe) error { return has(p.daemon(), "MaxConnections:5") }},
		"rsync.module[].name":            {at: "keys"},
		"rsync.module[].target":          {at: "keys"},
		"rsync.module[].comment":         {at: "keys"},
		"rsync.module[].hidden":          {at: "keys"},
		"alerts.webhook":                 {at: "keys"},
		"alerts.timeout":                 {text: "[alerts]\ntimeout = \"5s\"", check: func(p probe) error { return want(p.alerts.client.Timeout, 5*time.Second) }},
		"alerts.volume":                  {at: "../server/token/guard_test.go TestUnusualVolume"},
		"accel.x_accel_redirect":         {text: "[accel]\nx_accel_redirect = \"/b/\"", check: func(p probe) error { return want(p.accel().URI, "/b/") }},
		"accel.x_sendfile":               {text: "[accel]\nx_sendfile = true", check: func(p probe) error { return want(p.accel().Header, "X-Sendfile") }},
	}
}

// TestEveryKeyActs goes through config.toml key by key.
func TestEveryKeyActs(t *testing.T) {
	all := effects()
	for _, key := range keysOf(reflect.TypeFor[config.Config](), "") {
		e, ok := all[key]
		delete(all, key)
		if !ok {
			t.Errorf("nothing shows that %s is acted on", key)
			continue
		}
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			if e.check == nil {
				exists(t, e.at)
				return
			}
			p := probe{t, siteFor(t, e.text)}
			if err := e.check(p); err != nil {
				t.Error(err)
			}
		})
	}
	for key := range all {
		t.Errorf("there is no key %s", key)
	}
}

// keysOf returns the names of all keys below a section.
func keysOf(typ reflect.Type, at string) (keys []string) {
	for i := range typ.NumField() {
		f := typ.Field(i)
		name := strings.TrimPrefix(at+"."+f.Tag.Get("toml"), ".")
		of := f.Type
		switch {
		case of.Kind() == reflect.Slice && of.Elem().Kind() == reflect.Struct && of.Elem() != reflect.TypeFor[config.Network]():
			keys = append(keys, keysOf(of.Elem(), name+"[]")...)
		case of.Kind() == reflect.Map && of.Elem().Kind() == reflect.Struct:
			keys = append(keys, keysOf(of.Elem(), name+".*")...)
		case of.Kind() == reflect.Struct:
			keys = append(keys, keysOf(of, name)...)
		default:
			keys = append(keys, name)
		}
	}
	return keys
}

// exists fails if the test that shows an effect is not there.
func exists(t *testing.T, at string) {
	t.Helper()
	file, name, isTest := strings.Cut(at, " ")
	part := "\nfunc " + name + "("
	if !isTest {
		file, part = "testdata/script/"+at+".txtar", "pubsync serve "
	}
	b, err := os.ReadFile(file)
	if err != nil || !bytes.Contains(b, []byte(part)) {
		t.Errorf("%s: no %q there (%v)", at, part, err)
	}
}

// siteFor makes a server of a configuration.
func siteFor(t *testing.T, text string) *site {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "config.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Server.Store = filepath.Join(dir, "store")
	env := System()
	s, err := newSite(t.Context(), &env, cfg, "https://server.example", &ident{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	return s
}

// open opens a session.
func (p probe) open() (opened wire.Opened) {
	p.Helper()
	bearer, _, err := p.tokens.Issue(p.Context(), token.Scheduler{Name: localScheduler}, token.Grant{Target: "a/1"}, token.IssueOptions{})
	if err != nil {
		p.Fatal(err)
	}
	hash := connect.HashSession("secret")
	body, err := json.Marshal(wire.Open{Version: wire.Version, SessionHash: hex.EncodeToString(hash[:])})
	if err != nil {
		p.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, wire.SessionsPath, bytes.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+bearer)
	w := httptest.NewRecorder()
	p.handler.ServeHTTP(w, r)
	if err := json.Unmarshal(w.Body.Bytes(), &opened); err != nil || opened.Session == "" {
		p.Fatalf("open: %d %s", w.Code, w.Body)
	}
	return opened
}

// expires is an error unless a session ends after an hour.
func (p probe) expires() error {
	id := store.SessionID(p.open().Session)
	p.expire(p.Context(), time.Now().Add(59*time.Minute))
	early := p.sessions.Live(p.Context())(id)
	p.expire(p.Context(), time.Now().Add(61*time.Minute))
	return want([]bool{early, p.sessions.Live(p.Context())(id)}, []bool{true, false})
}

// ownCertificate is an error unless the server shows the certificate in the files
// given, and puts no pin into tokens.
func (p probe) ownCertificate() error {
	env := System()
	made, err := identity.Load(filepath.Dir(p.cfg.TLS.Cert), []string{"localhost"}, time.Now())
	if err != nil {
		return err
	}
	id, err := loadIdentity(&env, p.cfg, "https://localhost")
	if err != nil {
		return err
	}
	return errors.Join(want(id.tls.Certificates[0].Certificate, made.Certificate), want(id.hasPin, false))
}

// banned is an error unless so many bad tokens ban their address, and no fewer.
func (p probe) banned(tries int) error {
	bad := "Bearer " + connect.NewBearer(connect.Token)
	for i := range tries + 1 {
		w := p.get("/v1/log/a", "192.0.2.1", "Authorization", bad)
		if got := w.Code == http.StatusTooManyRequests; got != (i == tries) {
			return fmt.Errorf("try %d: %d %s", i, w.Code, w.Body)
		}
	}
	return nil
}
