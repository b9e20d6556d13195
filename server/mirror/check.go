package mirror

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// check refuses what rsync could not run with, or what rsyncd.conf cannot say:
// it has no quoting, replaces %NAME% by variables, and joins lines that end in
// a backslash.
func check(c *Config) (host, port string, err error) {
	host, port, err = net.SplitHostPort(c.Listen)
	if err != nil {
		return "", "", fmt.Errorf("listen address: %w", err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", fmt.Errorf("listen address %q: want a port from 1 to 65535", c.Listen)
	}
	if c.After == nil {
		return "", "", errors.New("no clock given (After)")
	}
	if err := checkValues(c); err != nil {
		return "", "", err
	}
	seen := map[string]bool{}
	for i := range c.Modules {
		m := &c.Modules[i]
		if err := checkModule(m); err != nil {
			return "", "", fmt.Errorf("module %q: %w", m.Name, err)
		}
		if low := strings.ToLower(m.Name); seen[low] {
			return "", "", fmt.Errorf("module %q: the name is taken", m.Name)
		} else {
			seen[low] = true
		}
	}
	return host, port, nil
}

func checkValues(c *Config) error {
	switch {
	case c.MaxConnections < 0:
		return fmt.Errorf("%d connections", c.MaxConnections)
	case c.Timeout < 0:
		return fmt.Errorf("timeout %v", c.Timeout)
	case !filepath.IsAbs(c.Dir):
		return fmt.Errorf("folder %q: want an absolute path", c.Dir)
	}
	for what, v := range map[string]string{"folder": c.Dir, "user": c.User, "group": c.Group} {
		if err := checkText(v); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
	}
	return nil
}

func checkModule(m *Module) error {
	if m.Name == "" || strings.EqualFold(m.Name, "global") || m.Name[0] == '.' || m.Name[0] == '-' ||
		strings.Trim(m.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") != "" {
		return errors.New("want a name of letters, digits, '.', '_' and '-' that begins with a letter or digit")
	}
	if !filepath.IsAbs(m.Path) {
		return fmt.Errorf("path %q: want an absolute one", m.Path)
	}
	if strings.Contains(m.Path, "/./") {
		return fmt.Errorf("path %q: rsync gives \"/./\" a meaning of its own", m.Path)
	}
	for _, v := range []string{m.Path, m.Comment} {
		if err := checkText(v); err != nil {
			return err
		}
	}
	if len(m.Allow) > 0 && len(m.Deny) > 0 {
		return errors.New("give addresses to allow or addresses to deny, not both")
	}
	for _, a := range append(m.Allow[:len(m.Allow):len(m.Allow)], m.Deny...) {
		if !isNetwork(a) {
			return fmt.Errorf("%q is no address or network; write 10.0.0.7 or 10.0.0.0/8", a)
		}
	}
	return nil
}

// checkText refuses a value that rsyncd.conf would not give back as it is.
func checkText(v string) error {
	for _, c := range []byte(v) {
		if c < 0x20 || c == 0x7f || c == '%' || c == '\\' {
			return fmt.Errorf("%q: rsync's configuration cannot hold %q", v, c)
		}
	}
	if strings.TrimSpace(v) != v {
		return fmt.Errorf("%q: rsync's configuration cannot hold a space at an end", v)
	}
	return nil
}

func isNetwork(s string) bool {
	if a, err := netip.ParseAddr(s); err == nil {
		return a.Zone() == ""
	}
	p, err := netip.ParsePrefix(s)
	return err == nil && p == p.Masked()
}
