package progress

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// A fakeClock stands still until it is moved.
type fakeClock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *fakeClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *fakeClock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func newTest(terminal bool, width int) (*Display, *bytes.Buffer, *fakeClock) {
	out, clk := new(bytes.Buffer), &fakeClock{t: time.Unix(1e9, 0)}
	return New(Options{Out: out, Terminal: terminal, Width: func() int { return width }, Now: clk.now, Verb: "push"}), out, clk
}

func TestLog(t *testing.T) {
	d, out, clk := newTest(false, 0)
	d.Add(1, 1) // nothing is said before the first state
	d.State("listing")
	d.Total(1234, 80e6)
	d.State("sending")
	d.State("sending")
	for range 25 {
		clk.pass(time.Second)
		d.Add(10, 1e6)
	}
	d.Printf("skipped %s", "x")
	d.State("committing")
	d.Done()
	d.Done()
	d.Add(1, 1)
	want := `push: listing, 1 files, 1 B
push: sending, 1/1,234 files, 0.0/80.0 MB
push: sending, 101/1,234 files, 10.0/80.0 MB, 1.0 MB/s, 1:10 left
push: sending, 201/1,234 files, 20.0/80.0 MB, 1.0 MB/s, 1:00 left
skipped x
push: committing, 251/1,234 files, 25.0/80.0 MB
`
	if got := out.String(); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestTerminal(t *testing.T) {
	d, out, clk := newTest(true, 100)
	d.State("sending")
	d.Total(10, 1000)
	clk.pass(50 * time.Millisecond)
	d.Add(1, 100) // too soon to draw
	clk.pass(1950 * time.Millisecond)
	d.Add(4, 400)
	d.Printf("a line")
	d.Done()
	d.Done()
	line := "push: sending  5/10 files  0.5/1.0 kB  250 B/s  0:02 left   50% [===============               ]"
	want := strings.Join([]string{
		"push: sending", line, strings.Repeat(" ", len(line)), "a line\n", line, strings.Repeat(" ", len(line)), "",
	}, "\r")
	if got := out.String(); got != "\r"+want {
		t.Errorf("got\n%q\nwant\n%q", got, "\r"+want)
	}
}

// TestOneLine draws with random counts and widths: never wider than the
// terminal less one column, and what was longer before is overwritten.
func TestOneLine(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		width := rapid.IntRange(20, 120).Draw(rt, "width")
		d, out, clk := newTest(true, width)
		d.State("sending")
		var screen []byte
		for range rapid.IntRange(1, 10).Draw(rt, "steps") {
			d.Total(rapid.Int().Draw(rt, "all"), rapid.Int64().Draw(rt, "all bytes"))
			clk.pass(time.Duration(rapid.Int64Range(0, 1e12).Draw(rt, "time")))
			d.Add(rapid.IntRange(-1e6, 1e6).Draw(rt, "files"), rapid.Int64Range(-1e15, 1e15).Draw(rt, "bytes"))
		}
		for _, line := range strings.Split(out.String(), "\r")[1:] {
			if len(line) > width-1 || strings.ContainsAny(line, "\n\x1b") {
				rt.Fatalf("%d columns of %d: %q", len(line), width, line)
			}
			screen = append([]byte(line), screen[min(len(line), len(screen)):]...)
			if d.shown < len(bytes.TrimRight(screen, " ")) && line == "" {
				rt.Fatalf("left over: %q", screen)
			}
		}
		if got := len(bytes.TrimRight(screen, " ")); got > d.shown {
			rt.Fatalf("%d columns on the screen, %d in the line", got, d.shown)
		}
	})
}

func TestAtMostTenDrawsASecond(t *testing.T) {
	d, out, clk := newTest(true, 80)
	d.State("sending")
	for range 10_000 {
		clk.pass(time.Millisecond)
		d.Add(0, 1000)
	}
	if n := strings.Count(out.String(), "\r"); n > 101 {
		t.Errorf("%d draws in 10 s", n)
	}
}

func TestSilent(t *testing.T) {
	var out bytes.Buffer
	d := New(Options{Out: &out, Silent: true, Terminal: true}) // and no clock
	d.State("sending")
	d.Total(1, 1)
	d.Add(1, 1)
	d.Tick()
	d.Printf("x")
	d.Writer().Write([]byte("x"))
	d.Done()
	if out.Len() > 0 {
		t.Errorf("wrote %q", out.String())
	}
}

func TestWarnings(t *testing.T) {
	var out bytes.Buffer
	d := New(Options{Out: &out, Warnings: true, Terminal: true}) // and no clock
	d.State("sending")
	d.Total(1, 1)
	d.Add(1, 1)
	d.Printf("x")
	d.Done()
	if out.String() != "x\n" {
		t.Errorf("wrote %q", out.String())
	}
}

func TestRateFallsWhileNothingArrives(t *testing.T) {
	d, out, clk := newTest(true, 100)
	d.Total(0, 1e9)
	d.State("sending")
	clk.pass(time.Second)
	d.Add(0, 1e6)
	for range 30 {
		clk.pass(time.Second)
		d.Tick()
	}
	lines := strings.Split(out.String(), "\r")
	if first, last := lines[2], lines[len(lines)-1]; !strings.Contains(first, "1.0 MB/s") || strings.Contains(last, "/s") {
		t.Errorf("first %q, last %q", first, last)
	}
}

func TestConcurrentUse(t *testing.T) {
	d, _, clk := newTest(true, 80)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				clk.pass(time.Millisecond)
				d.Add(1, 0)
				io.WriteString(d.Writer(), "12345")
				d.State("sending")
				d.Printf("x")
				d.Total(10, 10)
				d.Tick()
			}
		})
	}
	wg.Wait()
	d.Done()
	if d.count.files != 1600 || d.count.bytes != 8000 {
		t.Errorf("counted %+v", d.count)
	}
}

func TestNumbers(t *testing.T) {
	for want, n := range map[string]int{"0": 0, "999": 999, "1,000": 1000, "-1,234,567": -1234567, "-123": -123} {
		if got := grouped(n); got != want {
			t.Errorf("%d: got %q", n, got)
		}
	}
	for want, d := range map[string]time.Duration{"0:07": 7 * time.Second, "12:34": 754 * time.Second, "1:02:03": 3723 * time.Second} {
		if got := clock(d); got != want {
			t.Errorf("%v: got %q", d, got)
		}
	}
}

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"":                         "",
		"plain name-1.0_~+:%.tar":  "plain name-1.0_~+:%.tar",
		"größe 日本 é́ 🙂":            "größe 日本 é́ 🙂",
		"a\n\x1b]0;title\x07b":     `a\n\x1b]0;title\x07b`,
		"\x1b[2J":                  `\x1b[2J`,
		`back\slash`:               `back\\slash`,
		"\x7f\x00\t\r":             `\x7f\x00\t\r`,
		"\u0085\u009b31m":          `\u0085\u009b31m`,
		"\x9b31m\xff":              `\x9b31m\xff`,
		"a\u202egpj.exe":           `a\u202egpj.exe`,
		"\u2028\u2029\u200b\ufeff": `\u2028\u2029\u200b\ufeff`,
		"\u00a0\u3000":             `\u00a0\u3000`,
		"\U000e0041\U000e0101":     `\U000e0041\U000e0101`,
		"\u3164\u2800\ufe0f":       `\u3164\u2800\ufe0f`,
		"\ufffd":                   "\ufffd",
		"\xed\xa0\x80":             `\xed\xa0\x80`,
	} {
		if got := Escape(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
		if got := strings.ReplaceAll(EscapeText(in), `\\`, `\`); got != strings.ReplaceAll(want, `\\`, `\`) {
			t.Errorf("%q as text: got %s, want %s", in, got, want)
		}
		if got := Escape([]byte(in)); got != want {
			t.Errorf("%q as bytes: got %s, want %s", in, got, want)
		}
	}
}

// unescape undoes Escape, which shows that no two names are written the same.
func unescape(s string) (string, error) {
	var b strings.Builder
	for s != "" {
		if s[0] != '\\' {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		n, digits := 2, map[byte]int{'x': 2, 'u': 4, 'U': 8}[s[1]]
		switch s[1] {
		case '\\':
			b.WriteByte('\\')
		case 'n', 'r', 't':
			b.WriteByte(map[byte]byte{'n': '\n', 'r': '\r', 't': '\t'}[s[1]])
		case 'x', 'u', 'U':
			var v uint32
			if _, err := fmt.Sscanf(s[2:2+digits], "%x", &v); err != nil {
				return "", err
			}
			if n += digits; digits == 2 {
				b.WriteByte(byte(v))
			} else {
				b.WriteRune(rune(v))
			}
		default:
			return "", fmt.Errorf("escape %q", s[:2])
		}
		s = s[n:]
	}
	return b.String(), nil
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"plain", "\x1b]0;x\x07", "a\u202eb", "\xff\xfe", `\n`, "\u0085", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Escape(s)
		for _, r := range got {
			if r < ' ' || 0x7f <= r && r < 0xa0 || r >= 0x202a && r <= 0x202e {
				t.Fatalf("%q has %q", got, r)
			}
		}
		if !utf8.ValidString(got) {
			t.Fatalf("%q is not UTF-8", got)
		}
		if back, err := unescape(got); err != nil || back != s {
			t.Fatalf("%q is written %q, which reads %q, %v", s, got, back, err)
		}
	})
}
