package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// maxText bounds the bytes of a config.toml.
const maxText = 16 << 20

// An Error is one mistake in a configuration.
type Error struct {
	File    string // as given; "" for a Config made in code
	Line    int    // from 1; 0 if not known
	Key     string // "server.limits.body", "scheduler[0].name" (counted from 0); may be ""
	Problem string // what is wrong and what to do
}

// Error returns "FILE:LINE: KEY: PROBLEM", without what is not known.
func (e *Error) Error() string {
	var parts []string
	switch {
	case e.File != "" && e.Line > 0:
		parts = append(parts, fmt.Sprintf("%s:%d", e.File, e.Line))
	case e.File != "":
		parts = append(parts, e.File)
	}
	if e.Key != "" {
		parts = append(parts, e.Key)
	}
	return strings.Join(append(parts, e.Problem), ": ")
}

// Load reads the file and returns its configuration over the defaults, checked.
// Relative file names in it are taken relative to the file's own folder (those
// that are only defaults stay relative to the working directory, and a program
// without a slash is looked for in PATH as usual). Mistakes are [*Error]s, all
// that were found joined.
func Load(name string) (*Config, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	c, keys, err := parse(name, text)
	if err != nil {
		return nil, err
	}
	c.rebase(filepath.Dir(name), keys)
	return c, nil
}

// Parse is [Load] for text in memory; name is for errors, and relative file
// names are left as they are.
func Parse(name string, text []byte) (*Config, error) {
	c, _, err := parse(name, text)
	return c, err
}

func parse(name string, text []byte) (*Config, keyLines, error) {
	if len(text) > maxText {
		return nil, nil, &Error{File: name, Problem: fmt.Sprintf("more than %d MiB", maxText>>20)}
	}
	c := Default()
	md, err := toml.Decode(string(text), c)
	if err != nil {
		return nil, nil, syntaxError(name, string(text), &md, err)
	}
	keys := findLines(string(text), &md)
	var errs []error
	for _, k := range keys {
		if problem := unknownKey(k.key); problem != "" {
			errs = append(errs, &Error{name, k.line, k.name, problem})
		}
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	c.complete()
	for _, e := range c.problems() {
		e.File, e.Line = name, keys.line(e.Key)
		errs = append(errs, e)
	}
	if len(errs) > 0 {
		return nil, nil, errors.Join(errs...)
	}
	return c, keys, nil
}

// Check returns every mistake in c, [*Error]s joined. What Load and Parse return
// has been checked.
func (c *Config) Check() error {
	var errs []error
	for _, e := range c.problems() {
		errs = append(errs, e)
	}
	return errors.Join(errs...)
}

// syntaxError turns the parser's errors into ours.
func syntaxError(name, text string, md *toml.MetaData, err error) error {
	e := &Error{File: name, Problem: strings.TrimPrefix(err.Error(), "toml: ")}
	var p toml.ParseError
	if errors.As(err, &p) {
		e.Line, e.Key, e.Problem = p.Position.Line, p.LastKey, p.Message
	} else if m := typeMismatch().FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		e.Key, e.Problem = m[2], m[3]
	}
	// The parser knows one place of each key, though in [[sections]] it may
	// stand in several.
	if lines := findLines(text, md).all(e.Key); len(lines) > 1 {
		e.Line = 0
		e.Problem += fmt.Sprintf(" (in one of the lines %s)", strings.Trim(fmt.Sprint(lines), "[]"))
	}
	return e
}

// typeMismatch matches the parser's text for a value of the wrong type.
func typeMismatch() *regexp.Regexp {
	return regexp.MustCompile(`^toml: line (\d+) \(last key "(.*?)"\): (.*)`)
}

// rebase makes the file names that the text gave relative to dir.
func (c *Config) rebase(dir string, given keyLines) {
	if given.line("server.store") > 0 {
		rebase(&c.Server.Store, dir)
	}
	for _, name := range []*string{&c.Server.ReadyFile, &c.TLS.Cert, &c.TLS.Key, &c.TLS.ACME.Cache, &c.TLS.ACME.CA, &c.Export.Dir} {
		rebase(name, dir)
	}
	if strings.ContainsAny(c.Rsync.Program, `/\`) {
		rebase(&c.Rsync.Program, dir)
	}
	for i := range c.Schedulers {
		rebase(&c.Schedulers[i].Keys, dir)
		rebase(&c.Schedulers[i].ClientCA, dir)
	}
	for name, t := range c.Types {
		rebase(&t.Licence, dir)
		c.Types[name] = t
	}
}

func rebase(name *string, dir string) {
	if *name != "" && !filepath.IsAbs(*name) {
		*name = filepath.Join(dir, *name)
	}
}
