package manifest

import (
	"net/url"
	"testing"
)

// A path that is escaped is read as just its bytes, and nothing in it ends it.
func TestEscape(t *testing.T) {
	for p, want := range map[Path]string{
		"":                  "",
		"a":                 "a",
		"a b":               "a%20b",
		"d/what?#50%/x+y:~": "d/what%3F%2350%25/x+y:~",
		"\xff/\xfe":         "%FF/%FE",
	} {
		got := p.Escape()
		u, err := url.Parse("https://host/files/" + got)
		if got != want || err != nil || u.Path != "/files/"+string(p) || u.RawQuery+u.Fragment != "" {
			t.Errorf("%q: %q, want %q; read as %+v (%v)", p, got, want, u, err)
		}
	}
}
