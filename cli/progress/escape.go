package progress

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape returns name fit to be shown on a terminal or written to a log: every
// byte of it that is a control character (C0, C1, DEL) or not UTF-8, and every
// character that does not print or that reorders text (bidirectional controls,
// line separators, zero-width characters, the byte order mark, spaces other
// than the plain one) is written as a Go escape (\n, \x1b, \u202e), and a backslash
// is doubled, so that no two names are written the same. Other text stays as it
// is.
func Escape[T ~string | ~[]byte](name T) string {
	s := string(name)
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		writeRune(&b, r, n, s[i])
		i += n
	}
	return b.String()
}

// EscapeText is [Escape] for text that may have names quoted in it already:
// backslashes stay as they are.
func EscapeText(text string) string {
	parts := strings.Split(text, `\`)
	for i := range parts {
		parts[i] = Escape(parts[i])
	}
	return strings.Join(parts, `\`)
}

func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '\\' {
			return false
		}
	}
	return true
}

// writeRune writes r, which took n bytes the first of which is c.
func writeRune(b *strings.Builder, r rune, n int, c byte) {
	switch {
	case r == utf8.RuneError && n == 1:
		fmt.Fprintf(b, `\x%02x`, c)
	case r == '\\':
		b.WriteString(`\\`)
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case unicode.IsPrint(r) && !invisible(r):
		b.WriteRune(r)
	case r < 0x80:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// invisible reports characters that Unicode counts as letters or marks though
// they show nothing: Hangul fillers, the blank Braille pattern, the combining
// grapheme joiner, variation selectors.
func invisible(r rune) bool {
	switch r {
	case 0x034f, 0x115f, 0x1160, 0x2800, 0x3164, 0xffa0:
		return true
	}
	return 0xfe00 <= r && r <= 0xfe0f || 0xe0100 <= r && r <= 0xe01ef
}
