package walk

import (
	"strings"
	"testing"
)

func TestWildMatch(t *testing.T) {
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "a/b", false}, {"**", "a/b", true},
		{"a*c", "abbc", true}, {"a*c", "ab/c", false}, {"a**c", "ab/c", true}, {"*/*", "a/b", true}, {"*/*", "a/b/c", false},
		{"**/c", "a/b/c", true}, {"**/c", "c", false}, {"a/**/c", "a/c", false}, {"a?c", "a/c", false}, {"a[/]c", "a/c", false}, {"a[!b]c", "a/c", false},
		{`\*`, "*", true}, {`\*`, "a", false}, {`a\`, `a\`, false}, {"[", "[", false}, {"[a", "a", false},
		{"[]]", "]", true}, {"[!]]", "]", false}, {"[!]]", "a", true}, {"[]-a]", "^", true}, {"[a-c]", "b", true}, {"[a-c]", "d", false},
		{"[-a]", "-", true}, {"[a-]", "-", true}, {`[\]]`, "]", true}, {`[a-\c]`, "b", true}, {`[a\-c]`, "b", false},
		{"[[:digit:]a]", "7", true}, {"[[:digit:]a]", "a", true}, {"[[:digit:]]", "a", false}, {"[[:nothing:]]", "a", false}, {"[[:]", ":", true},
		{"*a*b*", "xxaxxbxx", true}, {"*a*b*", "xxbxxaxx", false}, {"a**b*c", "a/b/b/bxc", true}, {"**a*b", "a/axb", true}, {"*a**b*c", "xa/b/bc", true},
		{"x\xff*", "x\xffy", true},
	} {
		if got := wildMatch(c.pattern, c.s); got != c.want {
			t.Errorf("wildMatch(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
}

func TestClasses(t *testing.T) {
	for name, want := range map[string]string{
		"alnum": "Az09", "alpha": "Az", "blank": " \t", "cntrl": "\n\t\x7f", "digit": "09", "graph": "Az09!~",
		"lower": "z", "print": "Az09!~ ", "punct": "!~", "space": " \n\t", "upper": "A", "xdigit": "A09",
	} {
		for _, c := range "Az09!~ \n\t\x7f" {
			if got := wildMatch("[[:"+name+":]]", string(c)); got != strings.ContainsRune(want, c) {
				t.Errorf("[:%s:] and %q: %v", name, c, got)
			}
		}
	}
}

// FuzzWildMatch holds the matcher against one that tries everything.
func FuzzWildMatch(f *testing.F) {
	for _, c := range [][2]string{{"a*b**c?", "a/b/cd"}, {"**a*", "b/a/"}, {"[a-c]*[!d]**", "axx/y"}, {`\**/`, "*/"}} {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, pattern, s string) {
		if len(pattern) > 12 || len(s) > 12 {
			return
		}
		if got, want := wildMatch(pattern, s), slowMatch(pattern, s); got != want {
			t.Fatalf("wildMatch(%q, %q) = %v, want %v", pattern, s, got, want)
		}
	})
}

func slowMatch(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case strings.HasPrefix(pattern, "*"):
		rest := strings.TrimLeft(pattern, "*")
		deep := len(pattern)-len(rest) > 1
		for i := 0; ; i++ {
			if slowMatch(rest, s[i:]) {
				return true
			}
			if i == len(s) || !deep && s[i] == '/' {
				return false
			}
		}
	case s == "":
		return false
	}
	n, ok := matchOne(pattern, s[0])
	return n > 0 && ok && slowMatch(pattern[n:], s[1:])
}

func TestManyStarsAreFast(t *testing.T) {
	pattern, s := strings.Repeat("*a**a", 200)+"b", strings.Repeat("a/", 2000)
	if wildMatch(pattern, s) {
		t.Error("matched")
	}
}
