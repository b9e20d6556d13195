package oidc

import (
	"encoding/json"
	"errors"
	"maps"
	"os"
	"strings"
	"testing"
)

func TestBadPolicies(t *testing.T) {
	if p := policy("https://gitlab.example.org"); p.Check() != nil {
		t.Fatal(p.Check())
	}
	for field, change := range map[string]func(*Policy){
		"name":      func(p *Policy) { p.Name = "" },
		"issuer":    func(p *Policy) { p.Issuer = "http://gitlab.example.org" },
		"audience":  func(p *Policy) { p.Audience = "" },
		"claims":    func(p *Policy) { p.Claims = nil },
		"claims ":   func(p *Policy) { p.Claims = map[string]string{"ref": ""} },
		"claims  ":  func(p *Policy) { p.Claims = map[string]string{"ref": "[a"} },
		"target":    func(p *Policy) { p.Target = "" },
		"scheduler": func(p *Policy) { p.Scheduler = "" },
		"lifetime":  func(p *Policy) { p.Lifetime = -1 },
		"grant":     func(p *Policy) { p.Grant.Target = "x" },
		"grant ":    func(p *Policy) { p.Grant.NotAfter = start },
	} {
		p := policy("https://gitlab.example.org")
		change(&p)
		_, err := New(Config{Policies: []Policy{p}})
		if !errors.Is(err, ErrPolicy) || !strings.Contains(err.Error(), strings.TrimSpace(field)+":") {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestClaimsMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		value   any
		want    bool
	}{
		{"main", "main", true},
		{"main", "Main", false},
		{"main", "mainly", false},
		{"main", nil, false},
		{"*", "", false},
		{"true", true, true},
		{"true", "true", true},
		{"true", false, false},
		{"42", json.Number("42"), true},
		{"42", json.Number("42.0"), false},
		{"[0-9]*", json.Number("1e3"), false},
		{"a/*", "a/b", true},
		{"a/*", "a/b/c", false},
		{"a/**", "a/b/c", true},
		{"a/**", "ab", false},
		{"{a,b}/c", "b/c", true},
		{"*", []any{"a"}, false},
		{"*", map[string]any{}, false},
		{"repo:org/*:ref:refs/heads/main", "repo:org/x:ref:refs/heads/main", true},
		{"repo:org/*:ref:refs/heads/main", "repo:org/x/y:ref:refs/heads/main", false},
	} {
		p := Policy{Claims: map[string]string{"c": tt.pattern}}
		if got := p.mismatch(claims{"c": tt.value}) == ""; got != tt.want {
			t.Errorf("%q against %v: %v", tt.pattern, tt.value, got)
		}
	}
}

func TestTemplates(t *testing.T) {
	c := claims{
		"one": "panda", "two": "group/panda", "three": "a/b/c", "n": json.Number("7"), "up": "..", "abs": "/etc", "end": "a/",
		"enc": "%2e%2e", "nul": "a\x00b", "empty": "", "list": []any{"a"}, "dev": "con", "back": `a\b`,
	}
	for _, tt := range []struct{ in, want string }{
		{"ci/{one}/{n}", "ci/panda/7"},
		{"ci/{two/2}", "ci/group/panda"},
		{"ci/{three/*}/x", "ci/a/b/c/x"},
		{"ci/{one/*}", "ci/panda"},
		{"{one}-{n}", "panda-7"},
		{"plain", "plain"},
		{"ci/{two}", ""},
		{"ci/{one/2}", ""},
		{"ci/{three/2}", ""},
		{"ci/{up}", ""},
		{"ci/{abs}", ""},
		{"ci/{abs/*}", ""},
		{"ci/{end/*}", ""},
		{"ci/{enc}", ""},
		{"ci/{nul}", ""},
		{"ci/{empty}", ""},
		{"ci/{empty/*}", ""},
		{"ci/{list}", ""},
		{"ci/{absent}", ""},
		{"ci/{dev}", ""},
		{"ci/{back}", ""},
	} {
		tm, err := parseTemplate(tt.in)
		if err != nil {
			t.Errorf("%q: %v", tt.in, err)
			continue
		}
		got, err := tm.expand(c)
		if string(got) != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("%q: %q, %v", tt.in, got, err)
		}
	}
	for _, bad := range []string{
		"", "/ci", "ci/", "ci//{a}", "../{a}", "{a", "a}", "{}", "{/2}", "{a/0}", "{a/x}", "{a/21}", "{a/*}/{b/*}", "{{a}}", "ci/.{a/0}",
	} {
		if _, err := parseTemplate(bad); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

func FuzzPeek(f *testing.F) {
	seeds, err := os.ReadDir("testdata/peek")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, s := range seeds {
		b, err := os.ReadFile("testdata/peek/" + s.Name())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(strings.TrimSpace(string(b)))
	}
	f.Fuzz(func(t *testing.T, raw string) {
		iss, aud, err := peek(raw)
		if err != nil && iss+aud != "" {
			t.Error("an answer beside an error")
		}
	})
}

// FuzzTemplate: whatever a template and a claim are, the target is a path below
// the template's literal beginning.
func FuzzTemplate(f *testing.F) {
	f.Add("ci/{a}/x", "b")
	f.Add("ci/{a/*}", "b/c")
	f.Add("ci/{a/2}-z", "../..")
	f.Fuzz(func(t *testing.T, in, value string) {
		tm, err := parseTemplate("ci/" + in)
		if err != nil {
			return
		}
		c := claims{"a": value}
		if got, err := tm.expand(maps.Clone(c)); err == nil && !got.Within("ci") && !strings.HasPrefix(string(got), "ci/") {
			t.Errorf("%q with %q: %q", in, value, got)
		}
	})
}
