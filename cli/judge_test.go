package cli_test

import (
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestCurlThroughKillsAndLosses publishes with curl: every answer is lost once,
// and the server is killed and started again before and after each.
func TestCurlThroughKillsAndLosses(t *testing.T) {
	s := newStage(t, "")
	lossy := s.dropping()
	bearer, _ := s.issue(`{"target":"a/1"}`)
	b := s.part(bearer, "the builder's own secret, of which nobody else knows")
	large := strings.Repeat("0123456789abcdef", 20_000)
	sum := fmt.Sprintf("%x", sha256.Sum256([]byte("small")))
	receipt := ""
	for _, step := range []struct {
		name string
		do   func() answer
		want string
	}{
		{"open", func() answer { return b.open("") }, "201"},
		{"upload", func() answer { return b.put("small", "small") }, "201"},
		{"large", func() answer { return b.put("large", large) }, "201"},
		{"held", func() answer { return b.curl("/v1/sessions/" + b.session + "/content/" + sum) }, "204"},
		{"link", func() answer {
			return b.curl("/v1/sessions/"+b.session+"/links/again", "-X", "POST", "-H", "X-Pubsync-Digest: "+sum)
		}, "201"},
		{"commit", func() answer { return b.commit() }, "200"},
		{"commit again", func() answer { return b.commit() }, "200"},
	} {
		s.via = lossy
		if a := step.do(); a.status != 0 {
			t.Errorf("%s: the answer was not lost: %s", step.name, a)
		}
		s.via = ""
		s.restart()
		for range 2 {
			a := step.do()
			s.want(step.name, a, step.want)
			if !strings.HasPrefix(step.name, "commit") {
				continue
			}
			if receipt == "" {
				receipt = a.body
			}
			if a.body != receipt {
				t.Errorf("%s: another receipt: %s and %s", step.name, a.body, receipt)
			}
		}
	}
	if got := s.curl("/files/a/1/large"); got.body != large {
		t.Errorf("published: %s, %d bytes", got, len(got.body))
	}
	var lines int
	for _, line := range strings.Split(s.curl("/v1/log/a").body, `"publication":`) {
		lines += strings.Count(line, `"target":"a/1"`)
	}
	if lines != 1 {
		t.Errorf("%d publications", lines)
	}
}

// TestCurlParallelOpens opens 64 times at once with one token.
func TestCurlParallelOpens(t *testing.T) {
	s := newStage(t, "")
	bearer, accessor := s.issue(`{"target":"a/1","parallel":64}`)
	var conf strings.Builder
	for i := range 64 {
		if i > 0 {
			conf.WriteString("next\n")
		}
		fmt.Fprintf(&conf, "url = %q\ncacert = %q\nheader = \"Authorization: Bearer %s\"\nsilent\noutput = /dev/null\nwrite-out = \"%%{http_code}\\n\"\ndata = \"%s\"\n",
			s.url+"/v1/sessions", s.path("store/tls/cert.pem"), bearer,
			strings.ReplaceAll(fmt.Sprintf(`{"version":1,"by_file":true,"session_hash":"%x"}`, sha256.Sum256([]byte{byte(i)})), `"`, `\"`))
	}
	s.check(os.WriteFile(s.path("curl.conf"), []byte(conf.String()), 0o600))
	out, err := exec.CommandContext(t.Context(), "curl", "-q", "-Z", "--parallel-max", "64", "--parallel-immediate", "-K", s.path("curl.conf")).Output()
	s.check(err)
	got := map[string]int{}
	for _, status := range strings.Fields(string(out)) {
		got[status]++
	}
	if got["201"] != 1 || got["409"] != 63 {
		t.Errorf("statuses %v, want one 201 and 63 times 409", got)
	}
	audit := s.curl("/v1/audit?kind=alert&accessor="+accessor, "-H", "Authorization: Bearer "+s.credential)
	if !strings.Contains(audit.body, `"alert":"token_reuse"`) {
		t.Errorf("no alert in the audit log: %s", audit.body)
	}
}

// TestCurlThief has somebody who has found the token, but not the session
// secret, try whatever curl can.
func TestCurlThief(t *testing.T) {
	s := newStage(t, "")
	bearer, accessor := s.issue(`{"target":"a/1"}`)
	honest, thief := s.part(bearer, "honest"), s.part(bearer, "thief")
	s.want("honest opens", honest.open(""), "201")
	s.want("honest sends", honest.put("f", "honest content"), "201")
	s.want("thief opens", thief.open(""), "409 token_in_use")
	thief.session = honest.session
	s.want("thief sends", thief.put("f", "bad content"), "409 token_in_use")
	s.want("thief commits", thief.commit(), "409 token_in_use")
	s.want("thief abandons", thief.curl("/v1/sessions/"+honest.session, "-X", "DELETE"), "409 token_in_use")
	s.want("thief resets", thief.curl("/v1/tokens/"+accessor+"/reset", "-X", "POST"), "401 credential_invalid")
	s.want("thief looks", thief.curl("/v1/tokens/"+accessor), "401 credential_invalid")
	s.want("thief revokes", thief.curl("/v1/tokens/"+accessor, "-X", "DELETE"), "401 credential_invalid")
	s.want("thief derives", thief.curl("/v1/tokens/"+accessor+"/derive", "-d", "{}"), "401 credential_invalid")
	s.want("thief reads the audit log", thief.curl("/v1/audit"), "401 credential_invalid")
	s.want("honest commits", honest.commit(), "200")
	s.want("thief opens afterwards", thief.open(""), "409 token_consumed")
	s.want("thief commits afterwards", thief.commit(), "409 token_consumed")
	s.want("honest commits again", honest.commit(), "200")
	if got := s.curl("/files/a/1/f").body; got != "honest content" {
		t.Errorf("published: %q", got)
	}
	// All of it is in the audit log, by its filters, and in the metrics.
	for query, want := range map[string]int{
		"kind=commit": 1, "kind=open": 1, "kind=refuse&code=token_in_use": 4, "code=token_consumed": 2, "kind=alert": 6, "kind=commit&target=a/2": 0,
		"kind=commit&from=10.0.0.0/8": 0, "kind=commit&from=127.0.0.0/8": 1, "kind=refuse&newest=2": 2, "kind=commit&until=2020-01-01T00:00:00Z": 0,
	} {
		a := s.curl("/v1/audit?accessor="+accessor+"&"+query, "-H", "Authorization: Bearer "+s.credential)
		if got := strings.Count(a.body, `"kind":`); got != want {
			t.Errorf("audit %s: %d events, want %d: %s", query, got, want, a.body)
		}
	}
	metrics := s.curl("/metrics").body
	for _, want := range []string{
		`{event="publications",label="local"} 1`, `{event="alerts",label="token_reuse"} 6`, `{event="refusals",label="token_in_use"} 4`,
		`{event="refusals",label="credential_invalid"} 5`, `{event="tokens_issued",label="local"} 1`,
	} {
		if !strings.Contains(metrics, "pubsync_events_total"+want) {
			t.Errorf("the metrics lack %s:\n%s", want, metrics)
		}
	}
	// A session secret that is lost is reset by the scheduler, and by it only.
	bearer, accessor = s.issue(`{"target":"a/2"}`)
	s.want("open", s.part(bearer, "lost").open(""), "201")
	found := s.part(bearer, "new")
	s.want("another secret", found.open(""), "409 token_in_use")
	s.want("reset", s.curl("/v1/tokens/"+accessor+"/reset", "-X", "POST", "-H", "Authorization: Bearer "+s.credential), "204")
	s.want("open after the reset", found.open(""), "201")
	s.want("the lost one", s.part(bearer, "lost").open(""), "409 token_in_use")
}

// TestCurlConstraints tries every row of the table of constraints one unit to
// either side.
func TestCurlConstraints(t *testing.T) {
	s := newStage(t, "[types.hidden]\nvisibility = \"private\"\n[tokens.ban]\ntries = 0\ndelay = \"1ms\"\n")
	at := func(d time.Duration) string { return time.Now().Add(d).UTC().Format(time.RFC3339Nano) }
	for _, c := range []struct {
		name, grant, fields, want string
	}{
		{"begins now", `{"target":"c/1","not_before":"` + at(-time.Second) + `"}`, "", "201"},
		{"begins in a minute", `{"target":"c/2","not_before":"` + at(time.Minute) + `"}`, "", "403 not_yet_valid"},
		{"from here", `{"target":"c/3","sources":["127.0.0.1/32"]}`, "", "201"},
		{"from beside here", `{"target":"c/4","sources":["127.0.0.2/32"]}`, "", "403 source_denied"},
		{"its target", `{"target":"share"}`, `,"target":"share"`, "201"},
		{"below its target", `{"target":"share"}`, `,"target":"share/x"`, "201"},
		{"beside its target", `{"target":"share"}`, `,"target":"share2"`, "403 path_denied"},
		{"above its target", `{"target":"share/x"}`, `,"target":"share"`, "403 path_denied"},
		{"may publish", `{"target":"c/5","verbs":["publish"]}`, "", "201"},
		{"may only read", `{"target":"c/6","verbs":["read"]}`, "", "403 verb_denied"},
		{"may only check", `{"target":"c/7","verbs":["check"]}`, "", "403 verb_denied"},
		{"files", `{"target":"c/8","files":3}`, `,"files":3,"bytes":0`, "201"},
		{"a file more", `{"target":"c/9","files":3}`, `,"files":4,"bytes":0`, "403 files_exhausted"},
		{"bytes", `{"target":"c/10","bytes":3}`, `,"files":0,"bytes":3`, "201"},
		{"a byte more", `{"target":"c/11","bytes":3}`, `,"files":0,"bytes":4`, "413 bytes_exhausted"},
		{"asks for private", `{"target":"c/12"}`, `,"visibility":"private"`, "201"},
		{"asks for public", `{"target":"c/13"}`, `,"visibility":"public"`, "403 visibility_denied"},
		{"asks for what it may", `{"target":"c/14","visibility":"public"}`, `,"visibility":"public"`, "201"},
		{"asks against its type", `{"target":"hidden/1","visibility":"public"}`, `,"visibility":"public"`, "403 visibility_denied"},
	} {
		bearer, _ := s.issue(c.grant)
		a := s.part(bearer, c.name).open(c.fields)
		s.want(c.name, a, c.want)
		if c.want == "403 not_yet_valid" && !strings.Contains(a.header, "Retry-After: 6") && !strings.Contains(a.header, "Retry-After: 5") {
			t.Errorf("Retry-After: %s", a.header)
		}
		// Nothing of why is told to who has not the secret.
		a = s.part(bearer[:len(bearer)-20]+"00000000000000000000", c.name).open(c.fields)
		s.want(c.name+", secret unknown", a, "401 token_invalid")
	}
}
