package mirror

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestBadConfigurations(t *testing.T) {
	good := Config{Listen: "127.0.0.1:8873", Dir: "/x", After: time.After}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"port 0":        func(c *Config) { c.Listen = "127.0.0.1:0" },
		"no port":       func(c *Config) { c.Listen = "127.0.0.1" },
		"no clock":      func(c *Config) { c.After = nil },
		"relative":      func(c *Config) { c.Dir = "x" },
		"user":          func(c *Config) { c.User = "a\nuid = 0" },
		"no name":       func(c *Config) { c.Modules = []Module{{Path: "/x"}} },
		"bracket":       func(c *Config) { c.Modules = []Module{{Name: "a]\n[b", Path: "/x"}} },
		"global":        func(c *Config) { c.Modules = []Module{{Name: "Global", Path: "/x"}} },
		"twice":         func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x"}, {Name: "A", Path: "/y"}} },
		"relative path": func(c *Config) { c.Modules = []Module{{Name: "a", Path: "x"}} },
		"newline":       func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x\nread only = no"}} },
		"variable":      func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x/%HOME%"}} },
		"backslash":     func(c *Config) { c.Modules = []Module{{Name: "a", Path: `/x\`}} },
		"space":         func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x "}} },
		"inner chroot":  func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x/./y"}} },
		"comment":       func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x", Comment: "a\n[b]"}} },
		"both": func(c *Config) {
			c.Modules = []Module{{Name: "a", Path: "/x", Allow: []string{"::1"}, Deny: []string{"::2"}}}
		},
		"host name": func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x", Deny: []string{"evil.example"}}} },
		"host bits": func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x", Deny: []string{"10.0.0.1/8"}}} },
		"star":      func(c *Config) { c.Modules = []Module{{Name: "a", Path: "/x", Allow: []string{"*"}}} },
	} {
		c := good
		change(&c)
		if _, err := New(c); !errors.Is(err, ErrBadConfig) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The configuration for root confines by chroot, that for others by refusals.
func TestConfiguration(t *testing.T) {
	d, err := New(Config{Listen: ":8873", Dir: "/srv/mirror", User: "pubsync", MaxConnections: 9, Timeout: time.Minute, After: time.After,
		Modules: []Module{{Name: "rel", Path: "/srv/export/rel", Comment: "Releases", Allow: []string{"10.0.0.0/8", "fd00::/8"}}}})
	if err != nil {
		t.Fatal(err)
	}
	common := "log file = /dev/stderr\nlock file = /srv/mirror/rsyncd.lock\nmax connections = 9\ntimeout = 60\n" +
		"read only = yes\nreverse lookup = no\nmunge symlinks = no\n"
	module := "\n[rel]\npath = /srv/export/rel\ncomment = Releases\nhosts allow = 10.0.0.0/8, fd00::/8\nhosts deny = *\n"
	for asRoot, own := range map[bool]string{
		true:  "use chroot = yes\nnumeric ids = yes\nuid = pubsync\n",
		false: "use chroot = no\nrefuse options = copy-links copy-dirlinks copy-unsafe-links\n",
	} {
		if diff := cmp.Diff(common+own+module, d.configuration(asRoot)); diff != "" {
			t.Errorf("as root %v: %s", asRoot, diff)
		}
	}
}
