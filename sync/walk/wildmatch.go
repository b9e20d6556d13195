package walk

import "strings"

// wildMatch reports whether the whole of s matches the pattern in the language
// of [Filter]. A pattern with an unfinished class, an unknown class name or a
// backslash at its end matches nothing, as in rsync.
//
// Stars are matched as short as possible and lengthened on a mismatch. Only the
// last "*" and the last "**" need remembering: what lies before them matched as
// early as it could, and a later match leaves less to match the rest with. So
// the time is bounded by the product of the lengths for each kind of star.
func wildMatch(pattern, s string) bool {
	var (
		p, i       int
		star, deep = retryPoint{p: -1}, retryPoint{p: -1}
	)
	for {
		if p < len(pattern) && pattern[p] == '*' {
			n := p
			for n < len(pattern) && pattern[n] == '*' {
				n++
			}
			if n-p > 1 {
				deep, star = retryPoint{n, i}, retryPoint{p: -1}
			} else {
				star = retryPoint{n, i}
			}
			p = n
			continue
		}
		if p == len(pattern) && i == len(s) {
			return true
		}
		if p < len(pattern) && i < len(s) {
			if n, ok := matchOne(pattern[p:], s[i]); n == 0 {
				return false
			} else if ok {
				p, i = p+n, i+1
				continue
			}
		}
		switch {
		case star.p >= 0 && star.i < len(s) && s[star.i] != '/':
			star.i++
			p, i = star.p, star.i
		case deep.p >= 0 && deep.i < len(s):
			deep.i++
			star.p = -1
			p, i = deep.p, deep.i
		default:
			return false
		}
	}
}

// A retryPoint says where to go on once a star has been made one byte longer.
type retryPoint struct{ p, i int }

// matchOne matches c against the element that begins the pattern, which is no
// star, and returns the element's length, 0 if it is malformed.
func matchOne(pattern string, c byte) (n int, ok bool) {
	switch pattern[0] {
	case '?':
		return 1, c != '/'
	case '[':
		return matchClass(pattern, c)
	case '\\':
		if len(pattern) == 1 {
			return 0, false
		}
		return 2, pattern[1] == c
	}
	return 1, pattern[0] == c
}

// matchClass is matchOne for a class in brackets. A "]" that comes first stands
// for itself, as does a "-" at either end.
func matchClass(pattern string, c byte) (n int, ok bool) {
	p, negated := 1, false
	if p < len(pattern) && (pattern[p] == '!' || pattern[p] == '^') {
		p, negated = p+1, true
	}
	var (
		found bool
		low   byte // what a "-" that follows would begin a range with, or 0
	)
	for first := true; ; first = false {
		if p >= len(pattern) {
			return 0, false
		}
		switch b := pattern[p]; {
		case b == ']' && !first:
			return p + 1, found != negated && c != '/'
		case b == '-' && low != 0 && p+1 < len(pattern) && pattern[p+1] != ']':
			high, size := quoted(pattern[p+1:])
			if size == 0 {
				return 0, false
			}
			found = found || low <= c && c <= high
			p, low = p+1+size, 0
		case strings.HasPrefix(pattern[p:], "[:"):
			in, size, known := namedClass(pattern[p:], c)
			if !known {
				return 0, false
			}
			found = found || in
			p += size
			if low = 0; size == 1 {
				low = '['
			}
		default:
			b, size := quoted(pattern[p:])
			if size == 0 {
				return 0, false
			}
			found = found || b == c
			p, low = p+size, b
		}
	}
}

// quoted returns the byte that s begins with, a backslash before it dropped,
// and how many bytes that took; 0 if s ends too early.
func quoted(s string) (b byte, size int) {
	switch {
	case s[0] != '\\':
		return s[0], 1
	case len(s) < 2:
		return 0, 0
	}
	return s[1], 2
}

// namedClass matches c against the "[:name:]" that s begins with. What only
// begins like one is a plain "[" (size 1).
func namedClass(s string, c byte) (in bool, size int, known bool) {
	end := strings.IndexByte(s[2:], ']')
	if end < 0 {
		return false, 0, false
	}
	name, ok := strings.CutSuffix(s[2:2+end], ":")
	if !ok {
		return c == '[', 1, true
	}
	in, known = inClass(name, c)
	return in, 2 + end + 1, known
}

// inClass reports whether c is in the POSIX class, in the C locale.
func inClass(name string, c byte) (in, known bool) {
	lower, upper, digit := 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9'
	graph := 0x20 < c && c < 0x7f
	switch name {
	case "alnum":
		return lower || upper || digit, true
	case "alpha":
		return lower || upper, true
	case "blank":
		return c == ' ' || c == '\t', true
	case "cntrl":
		return c < 0x20 || c == 0x7f, true
	case "digit":
		return digit, true
	case "graph":
		return graph, true
	case "lower":
		return lower, true
	case "print":
		return graph || c == ' ', true
	case "punct":
		return graph && !lower && !upper && !digit, true
	case "space":
		return c == ' ' || '\t' <= c && c <= '\r', true
	case "upper":
		return upper, true
	case "xdigit":
		return digit || 'a' <= c|0x20 && c|0x20 <= 'f', true
	}
	return false, false
}
