package config

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// keyLines are the keys of a text in their order, with the lines they stand in.
// The parser tells the keys but not, for most, where they are.
type keyLines []keyLine

type keyLine struct {
	key  toml.Key
	name string // with the numbers of [[sections]]: "scheduler[1].name"
	line int    // from 1; 0 if not found
}

// line returns where the key of this name stands, or the section it would stand
// in, or 0.
func (k keyLines) line(name string) int {
	for ; name != ""; name = name[:max(strings.LastIndexAny(name, ".["), 0)] {
		for _, l := range k {
			if l.name == name {
				return l.line
			}
		}
	}
	return 0
}

// all returns the lines in which a key stands, numbers not regarded.
func (k keyLines) all(key string) []int {
	var lines []int
	for _, l := range k {
		if l.key.String() == key && l.line > 0 {
			lines = append(lines, l.line)
		}
	}
	return lines
}

// findLines searches the text for the keys one after another. A string that
// looks like the next key can mislead it by some lines, no more.
func findLines(text string, md *toml.MetaData) keyLines {
	text = blankText(text)
	var (
		found  keyLines
		counts = make(map[string]int) // elements of each [[section]] so far
		from   int
	)
	for _, k := range md.Keys() {
		if md.Type(k...) == "ArrayHash" {
			prefix := numbered(k[:len(k)-1], counts)
			counts[join(prefix, k[len(k)-1])]++
		}
		l := keyLine{key: k, name: numbered(k, counts)}
		if loc := keyPattern(k[len(k)-1]).FindStringSubmatchIndex(text[from:]); loc != nil {
			l.line = 1 + strings.Count(text[:from+loc[2]], "\n")
			from += loc[3]
		}
		found = append(found, l)
	}
	return found
}

// numbered returns the key as in [Error.Key].
func numbered(k toml.Key, counts map[string]int) string {
	name := ""
	for _, part := range k {
		name = join(name, part)
		if n := counts[name]; n > 0 {
			name += "[" + strconv.Itoa(n-1) + "]"
		}
	}
	return name
}

func join(prefix, part string) string {
	if prefix == "" {
		return part
	}
	return prefix + "." + part
}

// keyPattern matches the last part of a key where it is defined: before "=", in
// a dotted key, or in a section's brackets.
func keyPattern(part string) *regexp.Regexp {
	return regexp.MustCompile(`(?:^|[\s\[{,."'])(` + regexp.QuoteMeta(part) + `)["']?\s*[=.\]]`)
}

// blankText overwrites comments and the strings after an equals sign, so that
// nothing is found in them. Of strings over many lines it may miss some.
func blankText(text string) string {
	b := []byte(text)
	var (
		quote byte // the one that is open, or '#'
		value bool // after an equals sign in the line
	)
	for i, c := range b {
		switch {
		case c == '\n':
			quote, value = 0, false
		case quote == '#':
			b[i] = ' '
		case quote != 0:
			if c == quote && text[i-1] != '\\' {
				quote = 0
			} else if value {
				b[i] = ' '
			}
		case c == '#':
			quote, b[i] = '#', ' '
		case c == '"' || c == '\'':
			quote = c
		case c == '=':
			value = true
		}
	}
	return string(b)
}
