package corpus

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// debianSuites are where the source packages of the table are.
const debianSuites = `deb-src http://deb.debian.org/debian bookworm main
deb-src http://deb.debian.org/debian trixie main
deb-src http://deb.debian.org/debian-security bookworm-security main
deb-src http://deb.debian.org/debian-security trixie-security main
`

// debian fetches with an apt of our own folders, so that the machine's lists stay as
// they are.
func (c *Cache) debian(ctx context.Context, r Release, dir string) (string, error) {
	opts, err := c.aptIndex(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrGone, err)
	}
	stanzas, err := run(ctx, dir, nil, "apt-cache", append(opts, "showsrc", r.Name)...)
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrGone, err)
	}
	version := versionWith(stanzas, r.File())
	if version == "" {
		return "", fmt.Errorf("%w: no suite has %s", ErrGone, r.File())
	}
	args := append(opts, "-q", "source", "--download-only", "--only-source", "--tar-only", r.Name+"="+version)
	if _, err := run(ctx, dir, nil, "apt-get", args...); err != nil {
		return "", err
	}
	return filepath.Join(dir, r.File()), nil
}

// versionWith finds the version of the source package that has the file.
func versionWith(stanzas, file string) string {
	for _, s := range strings.Split(stanzas, "\n\n") {
		if !strings.Contains(s, " "+file+"\n") {
			continue
		}
		for _, line := range strings.Split(s, "\n") {
			if v, ok := strings.CutPrefix(line, "Version: "); ok {
				return v
			}
		}
	}
	return ""
}

// aptIndex fetches the lists of sources once a process, and gives the options that
// name them.
func (c *Cache) aptIndex(ctx context.Context) ([]string, error) {
	dir, err := filepath.Abs(filepath.Join(c.Dir, "apt"))
	if err != nil {
		return nil, err
	}
	opts := []string{
		"-o", "Dir::Etc::sourcelist=" + filepath.Join(dir, "sources.list"),
		"-o", "Dir::Etc::sourceparts=-", "-o", "Dir::State::lists=" + filepath.Join(dir, "lists"),
		"-o", "Dir::Cache=" + filepath.Join(dir, "cache"), "-o", "APT::Sandbox::User=root",
	}
	if c.apt {
		return opts, nil
	}
	for _, d := range []string{"lists/partial", "cache/archives/partial"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			return nil, err
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "sources.list"), []byte(debianSuites), 0o644); err != nil {
		return nil, err
	}
	c.say("fetching the lists of Debian's sources")
	if _, err := run(ctx, dir, nil, "apt-get", append(opts, "-q", "update")...); err != nil {
		return nil, err
	}
	c.apt = true
	return opts, nil
}
