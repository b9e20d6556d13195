package peer

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/pubsync/pubsync/bench/measure"
)

// zsync serves a folder with nginx, a control file made by zsyncmake beside each file.
type zsync struct {
	nginx Nginx
	files map[string][]zsyncFile // by target
}

type zsyncFile struct {
	rel      string
	modified int64 // seconds since 1970
}

// Name implements [Peer].
func (z *zsync) Name() string { return "zsync" }

// Start implements [Peer].
func (z *zsync) Start(ctx context.Context, s *Site) error {
	z.files = map[string][]zsyncFile{}
	return z.nginx.Start(ctx, s)
}

func (z *zsync) publish(ctx context.Context, tree, target string) error {
	dir := filepath.Join(z.nginx.Files(), target)
	if err := z.nginx.site.mirror(ctx, tree, dir); err != nil {
		return err
	}
	z.files[target] = nil
	return each(tree, func(rel string, d fs.DirEntry) error {
		fi, err := d.Info()
		if err != nil {
			return err
		}
		z.files[target] = append(z.files[target], zsyncFile{rel, fi.ModTime().Unix()})
		name := filepath.Join(dir, rel)
		_, err = z.nginx.site.output(ctx, "zsyncmake", "-u", filepath.Base(rel), "-o", name+".zsync", name)
		return err
	})
}

// fetch runs zsync for each file; it takes the old one as a seed and keeps it under
// another name, which goes. The modification time is set again, as zsync is off by an
// hour at times (it asks mktime without saying whether it is summer).
func (z *zsync) fetch(target, dir string) measure.Command {
	const one = "(mkdir -p '%[1]s' && cd '%[1]s' && zsync -q -o '%[2]s' '%[3]s.zsync' >&2 && rm -f '%[2]s.zs-old' && touch -d @%[4]d '%[2]s')"
	lines := []string{"set -e", "cd '" + dir + "'"}
	for _, f := range z.files[target] {
		url := fmt.Sprintf("http://%s:%d/files/%s/%s", z.nginx.site.Address, z.nginx.plain, target, f.rel)
		lines = append(lines, fmt.Sprintf(one, filepath.Dir(f.rel), filepath.Base(f.rel), url, f.modified))
	}
	return measure.Command{Args: []string{"sh", "-c", strings.Join(lines, "\n")}, Env: environment(z.nginx.site.Dir)}
}

// Servers implements [Peer].
func (z *zsync) Servers() []int { return z.nginx.Servers() }

// Port implements [Peer].
func (z *zsync) Port() int { return z.nginx.plain }

// Stop implements [Peer].
func (z *zsync) Stop() { z.nginx.Stop() }

// folder makes a folder below the site's, if it is not there.
func (s *Site) folder(parts ...string) (string, error) {
	dir := filepath.Join(append([]string{s.Dir}, parts...)...)
	return dir, os.MkdirAll(dir, 0o755)
}
