package web

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Display returns a name as it may be shown: bytes that are no UTF-8 and
// characters that would act instead of appear (control and format characters,
// such as those that turn the direction of text) are written as \x.. and \u....
// It does no HTML escaping.
func Display(name string) string {
	var b strings.Builder
	for i := 0; i < len(name); {
		c, n := utf8.DecodeRuneInString(name[i:])
		switch {
		case c == utf8.RuneError && n == 1:
			fmt.Fprintf(&b, `\x%02x`, name[i])
		case c > 0xffff && unicode.Is(unicode.Cf, c):
			fmt.Fprintf(&b, `\u{%x}`, c)
		case unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp):
			fmt.Fprintf(&b, `\u%04x`, c)
		default:
			b.WriteRune(c)
		}
		i += n
	}
	return b.String()
}
