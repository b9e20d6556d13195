package walk

import (
	"fmt"
	"io"
	"strings"
)

// maxNames bounds the bytes of a list of names or patterns.
const maxNames = 64 << 20

// ReadNames reads a list of --files-from: a name a line (empty lines and lines
// that begin with "#" or ";" are skipped, a carriage return ends a line, too),
// or with nul (--from0) a name up to each NUL. It refuses a list of
// more than 64 MiB. Names are returned as they stand.
func ReadNames(r io.Reader, nul bool) ([]string, error) {
	names, err := readLines(r, nul)
	if names == nil && err == nil {
		names = []string{} // an empty list takes nothing; nil would take all
	}
	return names, err
}

// readLines reads what ReadNames describes. Comments are dropped from lists with
// NUL as well, as rsync 3.5 does.
func readLines(r io.Reader, nul bool) ([]string, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxNames+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxNames {
		return nil, fmt.Errorf("the list has more than %d MiB", maxNames>>20)
	}
	ends := func(c rune) bool { return c == '\n' || c == '\r' }
	if nul {
		ends = func(c rune) bool { return c == 0 }
	}
	var lines []string
	for line := range strings.FieldsFuncSeq(string(text), ends) {
		if line[0] != '#' && line[0] != ';' {
			lines = append(lines, line)
		}
	}
	return lines, nil
}
