package store

// Stem returns name with every run of digits, and of the dots, dashes and
// underscores between digits, replaced by one "#": what stays the same from
// one version of a file to the next. "linux-6.1.103.tar.gz" and
// "linux-6.1.102.tar.gz" have the stem "linux-#.tar.gz".
func Stem(name string) string {
	out := make([]byte, 0, len(name))
	for i := 0; i < len(name); {
		if !isDigit(name[i]) {
			out = append(out, name[i])
			i++
			continue
		}
		i = endOfVersion(name, i)
		out = append(out, '#')
	}
	return string(out)
}

// endOfVersion returns the end of the run of digits and separators between
// digits that begins at i.
func endOfVersion(name string, i int) int {
	for i < len(name) {
		switch {
		case isDigit(name[i]):
			i++
		case (name[i] == '.' || name[i] == '-' || name[i] == '_') && i+1 < len(name) && isDigit(name[i+1]):
			i++
		default:
			return i
		}
	}
	return i
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
