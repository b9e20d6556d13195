package export

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// Names within the directory; the package comment shows the layout.
const (
	versionsDir = ".versions"
	listSuffix  = ".list"
	partName    = "part"   // the version being built
	linkName    = "link"   // the symlink about to be put in place
	targetName  = "target" // a file that holds the target's path
)

// home returns the folder that holds a target's versions.
func home(t manifest.Path) string {
	return path.Join(versionsDir, manifest.DigestOf([]byte(t)).String()[:16])
}

// Path returns where the target appears in the file system.
func (x *Exporter) Path(target manifest.Path) string {
	return filepath.Join(x.cfg.Dir, filepath.FromSlash(string(target)))
}

// current returns the name of the version that the target's symlink points
// to, or "" if there is none.
func (x *Exporter) current(t manifest.Path) (string, error) {
	to, err := x.root.Readlink(string(t))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("%w: something that is no symlink is in its place: %w", ErrBadTarget, err)
	}
	name, ok := strings.CutPrefix(to, linkText(t, ""))
	if !ok || name == "" || strings.Contains(name, "/") {
		return "", fmt.Errorf("%w: the symlink in its place leads to %q, which is no export", ErrBadTarget, to)
	}
	return name, nil
}

// linkText is what the target's symlink holds for the version of that name.
func linkText(t manifest.Path, name string) string {
	return strings.Repeat("../", strings.Count(string(t), "/")) + home(t) + "/" + name
}

// freeName returns a name for version v that nothing has yet. A version is
// built a second time only where the configuration has changed.
func (x *Exporter) freeName(t manifest.Path, v store.Version) (string, error) {
	base := strconv.FormatInt(int64(v), 10)
	for i, name := 1, base; ; i, name = i+1, base+"-"+strconv.Itoa(i) {
		_, err := x.root.Lstat(path.Join(home(t), name))
		if errors.Is(err, fs.ErrNotExist) {
			return name, nil
		}
		if err != nil {
			return "", err
		}
	}
}

// readList returns what the version of that name holds, or nil if that is not
// known or it is not there.
func (x *Exporter) readList(t manifest.Path, name string) manifest.List {
	if name == "" {
		return nil
	}
	if fi, err := x.root.Lstat(path.Join(home(t), name)); err != nil || !fi.IsDir() {
		return nil
	}
	b, err := x.root.ReadFile(path.Join(home(t), name+listSuffix))
	if err != nil {
		return nil
	}
	l, err := parseIndex(b)
	if err != nil {
		return nil
	}
	return l
}

// writeList records what a version holds. The file's mtime is when the
// version was last known to be current.
func (x *Exporter) writeList(t manifest.Path, name string, l manifest.List) error {
	file := path.Join(home(t), name+listSuffix)
	if err := x.root.WriteFile(file, appendIndex(nil, l), 0o644); err != nil {
		return err
	}
	return x.touch(file)
}

func (x *Exporter) touch(file string) error {
	now := x.cfg.Now()
	return x.root.Chtimes(file, now, now)
}

// prepare makes the target's folder, empty of what a crash has left.
func (x *Exporter) prepare(t manifest.Path) error {
	if err := x.root.MkdirAll(home(t), 0o755); err != nil {
		return err
	}
	if err := x.root.WriteFile(path.Join(home(t), targetName), []byte(t), 0o644); err != nil {
		return err
	}
	return x.removeTree(path.Join(home(t), partName))
}

// swap lets the target's symlink point to the version of that name, in one
// step for whoever looks.
func (x *Exporter) swap(t manifest.Path, name string) error {
	if err := x.makeParents(t.Dir()); err != nil {
		return err
	}
	tmp := path.Join(home(t), linkName)
	if err := x.root.Remove(tmp); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := x.root.Symlink(linkText(t, name), tmp); err != nil {
		return err
	}
	if err := x.root.Rename(tmp, string(t)); err != nil {
		return err
	}
	return syncFolder(x.root, parentOf(t))
}

// makeParents makes the folders above a target. A symlink among them belongs
// to another export and must not be walked through.
func (x *Exporter) makeParents(dir manifest.Path) error {
	if dir == "" {
		return nil
	}
	if err := x.makeParents(dir.Dir()); err != nil {
		return err
	}
	if err := x.root.Mkdir(string(dir), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	fi, err := x.root.Lstat(string(dir))
	if err == nil && !fi.IsDir() {
		err = fmt.Errorf("%w: %q is no folder", ErrBadTarget, dir)
	}
	return err
}

func parentOf(t manifest.Path) string {
	if d := t.Dir(); d != "" {
		return string(d)
	}
	return "."
}

// syncFolder makes the names in a folder durable.
func syncFolder(root *os.Root, name string) error {
	f, err := root.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// expired reports whether a version last current at t may go.
func (x *Exporter) expired(t time.Time) bool { return x.cfg.Now().Sub(t) >= x.cfg.Grace }
