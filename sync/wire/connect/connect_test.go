package connect

import (
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func example(t testing.TB) (Connection, string) {
	t.Helper()
	c := Connection{URL: "https://127.0.0.1:8443", HasPin: true, Secret: NewBearer(Token)}
	for i := range c.Pin {
		c.Pin[i] = byte(i * 7)
	}
	s, err := Format(c)
	if err != nil {
		t.Fatal(err)
	}
	return c, s
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := Connection{
			URL: rapid.SampledFrom([]string{
				"", "https://a", "https://sync.example.org", "https://[::1]:8443", "http://10.0.0.1:80/pub/sync",
				"https://h/" + strings.Repeat("x", MaxURL-10),
			}).Draw(rt, "url"),
			Secret: NewBearer(Token),
		}
		if c.URL != "" && rapid.Bool().Draw(rt, "pinned") {
			c.HasPin = true
			copy(c.Pin[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(rt, "pin"))
		}
		s, err := Format(c)
		if err != nil {
			rt.Fatal(err)
		}
		if len(s) > maxWhole || !regexp.MustCompile(`^([0-9A-Za-z]+\.)?psb_[0-9A-Za-z]{65}$`).MatchString(s) {
			rt.Fatalf("%d characters: %q", len(s), s)
		}
		got, err := Parse(" " + s + "\n")
		if err != nil || got != c {
			rt.Fatalf("%#v, %v", got, err)
		}
	})
}

// TestEveryWrongCharacterIsCaught tries every other character at every place.
func TestEveryWrongCharacterIsCaught(t *testing.T) {
	_, whole := example(t)
	for _, s := range []string{whole, NewBearer(Token)} {
		for i := range s {
			for c := byte(0); c < 128; c++ {
				if c != s[i] {
					checkCaught(t, s, i, c)
				}
			}
		}
	}
}

func checkCaught(t *testing.T, s string, i int, c byte) {
	t.Helper()
	b := []byte(s)
	b[i] = c
	_, err := Parse(string(b))
	if err == nil {
		t.Fatalf("byte %d of %d changed to %q: accepted", i, len(s), c)
	}
	if c > ' ' && !errors.Is(err, ErrGarbled) {
		t.Fatalf("byte %d of %d changed to %q: %v", i, len(s), c, err)
	}
}

func TestDamage(t *testing.T) {
	_, s := example(t)
	for i := range len(s) {
		if _, err := Parse(s[:i]); err == nil {
			t.Errorf("cut after %d characters: accepted", i)
		}
		tail := s[i:]
		if _, err := Parse(tail); i > 0 && err == nil && tail != s[strings.Index(s, "psb_"):] {
			t.Errorf("without its first %d characters: accepted", i)
		}
		if i+1 < len(s) && s[i] != s[i+1] {
			if _, err := Parse(s[:i] + s[i+1:i+2] + s[i:i+1] + s[i+2:]); err == nil {
				t.Errorf("characters %d and %d exchanged: accepted", i, i+1)
			}
		}
	}
	other, _ := Format(Connection{URL: "https://evil.example", Secret: NewBearer(Token)})
	front, _, _ := strings.Cut(other, ".")
	if _, err := Parse(front + s[strings.IndexByte(s, '.'):]); !errors.Is(err, ErrGarbled) {
		t.Errorf("the front of one token before the bearer of another: %v", err)
	}
}

func TestMessages(t *testing.T) {
	_, s := example(t)
	credential, _ := Format(Connection{URL: "https://a", Secret: NewBearer(Credential)})
	later := encode([]byte{2, 0, 'x'})
	later += checksum(later+s[strings.IndexByte(s, '.'):]) + s[strings.IndexByte(s, '.'):]
	for _, tt := range []struct {
		in   string
		want error
		says string
	}{
		{"", ErrNotToken, "it is empty"},
		{"hello", ErrNotToken, "begins with neither"},
		{"https://example.org/psb_", ErrNotToken, "begins with neither"},
		{strings.Repeat("a", 2000), ErrNotToken, "too many"},
		{s[:len(s)-1] + "\n" + s[len(s)-1:], ErrGarbled, "line break"},
		{s[:len(s)-2], ErrGarbled, "67 characters from psb_ on instead of 69; copy it again"},
		{strings.Replace(s, ".", "", 1), ErrGarbled, "dot"},
		{s[strings.IndexByte(s, '.'):], ErrGarbled, "beginning is missing"},
		{credential, ErrKind, "must stay with the scheduler"},
		{later, ErrNotToken, "update this one"},
	} {
		_, err := Parse(tt.in)
		if !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), tt.says) {
			t.Errorf("%q: %v", tt.in, err)
		}
	}
	if _, err := ParseCredential(s); !errors.Is(err, ErrKind) || !strings.Contains(err.Error(), "needs a scheduler's credential") {
		t.Errorf("%v", err)
	}
	if c, err := ParseCredential(credential); err != nil || c.Kind() != Credential {
		t.Errorf("%v, %v", c, err)
	}
}

func TestAddresses(t *testing.T) {
	for _, bad := range []string{
		"", "example.org", "ftp://a", "https://", "https:///x", "https://u@a", "https://u:p@a", "https://a?x", "https://a#x", "https://a?",
		"https://a/", "https://a b", "https://a\n", "https://\x1b[0m", "https://ä", "https:a", "https://a:x", "https://a/" + strings.Repeat("x", MaxURL),
	} {
		if _, err := Format(Connection{URL: bad, HasPin: true, Secret: NewBearer(Token)}); !errors.Is(err, ErrBadURL) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	if _, err := Format(Connection{URL: "https://a", Secret: "psb_x"}); !errors.Is(err, ErrGarbled) {
		t.Errorf("%v", err)
	}
}

func TestSecretsAreNotShown(t *testing.T) {
	c, s := example(t)
	_, accessor, secret, err := SplitBearer(c.Secret)
	if err != nil {
		t.Fatal(err)
	}
	said := fmt.Sprintf("%v %s %+v %#v %q", c, c, c, c, c)
	for i := range s {
		_, err := Parse(s[:i] + "!" + s[i+1:])
		said += fmt.Sprint(err)
	}
	log := Redact("a " + s + " b " + c.Secret[:30] + ", psb_ c " + NewBearer(Credential))
	if want := s[:strings.Index(s, "psb_")] + "psb_... b psb_..., psb_ c psc_..."; log != "a "+want {
		t.Errorf("redacted: %s", log)
	}
	said += log
	for i := 0; i+8 <= len(secret); i++ {
		if strings.Contains(said, secret[i:i+8]) {
			t.Fatalf("a part of the secret is shown")
		}
	}
	if !strings.Contains(said, accessor) || c.Accessor() != accessor {
		t.Error("the accessor is not shown")
	}
}

// TestVectors holds the format: a line of the file is the parts, then the
// string they make. Lines are only ever added.
func TestVectors(t *testing.T) {
	b, err := os.ReadFile("testdata/v1.txt")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for line := range strings.Lines(string(b)) {
		f := strings.Fields(line)
		if len(f) == 0 || f[0] == "#" {
			continue
		}
		n++
		kind, accessor, secret, err := SplitBearer(f[3])
		if err != nil || string(kind)+accessor+"/"+secret != f[0] {
			t.Errorf("line %d: %s %s %s, %v", n, kind, accessor, secret, err)
		}
		c := Connection{Secret: f[3]}
		if f[1] != "-" {
			c.URL = f[1]
		}
		if f[2] != "-" {
			c.HasPin = true
			if _, err := hex.Decode(c.Pin[:], []byte(f[2])); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := parse(f[4], kind); err != nil || got != c {
			t.Errorf("line %d: %#v, %v", n, got, err)
		}
		if s, err := Format(c); err != nil || s != f[4] {
			t.Errorf("line %d: %s, %v", n, s, err)
		}
	}
	if n == 0 {
		t.Error("no vectors")
	}
}

func TestBearersDiffer(t *testing.T) {
	seen := make(map[string]bool)
	counts := make(map[byte]int)
	for range 2000 {
		_, a, s, err := SplitBearer(NewBearer(Token))
		if err != nil || seen[a] || seen[s] {
			t.Fatal("twice the same, or malformed")
		}
		seen[a], seen[s] = true, true
		for i := range s {
			counts[s[i]]++
		}
	}
	// 86,000 characters, 1387 expected of each: six standard deviations are 222.
	for i := range digits {
		if n := counts[digits[i]]; n < 1387-222 || n > 1387+222 {
			t.Errorf("%q comes %d times", digits[i], n)
		}
	}
	if h := HashSession("abc"); hex.EncodeToString(h[:4]) != "ba7816bf" || h.IsZero() || len(NewSessionSecret()) != SecretLen {
		t.Error("session secrets and their hashes")
	}
}

func FuzzParse(f *testing.F) {
	b, err := os.ReadFile("testdata/v1.txt")
	if err != nil {
		f.Fatal(err)
	}
	for _, w := range strings.Fields(string(b)) {
		f.Add(w)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, k := range []Kind{Token, Credential} {
			c, err := parse(s, k)
			if err != nil {
				continue
			}
			again, err := Format(c)
			if err != nil || again != strings.TrimSpace(s) {
				t.Fatalf("%q parses, and formats as %q, %v", s, again, err)
			}
		}
	})
}
