package mirror

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// configuration returns the text of rsyncd.conf(5). asRoot says who will run
// the daemon.
func (d *Rsync) configuration(asRoot bool) string {
	var b strings.Builder
	set := func(name string, value any) { fmt.Fprintf(&b, "%s = %v\n", name, value) }
	set("log file", "/dev/stderr")
	set("lock file", filepath.Join(d.cfg.Dir, "rsyncd.lock"))
	set("max connections", d.cfg.MaxConnections)
	set("timeout", int(d.cfg.Timeout/time.Second))
	set("read only", "yes")
	set("reverse lookup", "no")
	set("munge symlinks", "no") // of use only where clients write
	if asRoot {
		set("use chroot", "yes")
		set("numeric ids", "yes") // the name service is out of reach in there
		if d.cfg.User != "" {
			set("uid", d.cfg.User)
		}
		if d.cfg.Group != "" {
			set("gid", d.cfg.Group)
		}
	} else {
		set("use chroot", "no")
		set("refuse options", "copy-links copy-dirlinks copy-unsafe-links")
	}
	for _, m := range d.cfg.Modules {
		fmt.Fprintf(&b, "\n[%s]\n", m.Name)
		set("path", m.Path)
		if m.Comment != "" {
			set("comment", m.Comment)
		}
		if m.Hidden {
			set("list", "no")
		}
		if len(m.Allow) > 0 {
			set("hosts allow", strings.Join(m.Allow, ", "))
			set("hosts deny", "*")
		}
		if len(m.Deny) > 0 {
			set("hosts deny", strings.Join(m.Deny, ", "))
		}
	}
	return b.String()
}

// writeConfiguration puts rsyncd.conf in place and returns its path.
func (d *Rsync) writeConfiguration() (string, error) {
	if err := os.MkdirAll(d.cfg.Dir, 0o755); err != nil {
		return "", err
	}
	name := filepath.Join(d.cfg.Dir, "rsyncd.conf")
	if err := os.WriteFile(name+".new", []byte(d.configuration(os.Geteuid() == 0)), 0o644); err != nil {
		return "", err
	}
	return name, os.Rename(name+".new", name)
}
