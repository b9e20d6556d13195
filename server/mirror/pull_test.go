package mirror

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPull(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	tree(t, src, "a+b:c", "d/x.sh", "d/e/f", "void/", "l->d/x.sh", "abs->/etc/hostname", "\xff\xfe", "sp ace", "wide*star[x]")
	r := start(t, Module{Name: "rel", Path: src, Comment: "Our releases; all of them"})
	dir, out, err := pull(t, "-a", r.url+"rel/")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if diff := cmp.Diff(read(t, src), read(t, dir)); diff != "" {
		t.Error(diff)
	}
	if _, out, err := pull(t, r.url); err != nil || !strings.Contains(out, "rel            \tOur releases; all of them") {
		t.Errorf("list of modules: %v %q", err, out)
	}
}

func TestWildcardExcludes(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	tree(t, src, "a.log", "a.txt", "d/b.log", "d/b.txt", "d/keep/c.log", "d/keep/c.txt", "skip/x", "z.txt")
	want := t.TempDir()
	tree(t, want, "a.txt", "d/b.txt", "d/keep/c.txt", "z.txt")
	r := start(t, Module{Name: "m", Path: src})
	dir, out, err := pull(t, "-a", "--exclude=*.log", "--exclude=/sk*p", r.url+"m/")
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if diff := cmp.Diff(read(t, want), read(t, dir)); diff != "" {
		t.Error(diff)
	}
}

// A module may be a symlink that is swapped: the next client gets the new tree.
func TestSwappedModule(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	tree(t, base, "1/one", "2/two", "t->1")
	r := start(t, Module{Name: "t", Path: filepath.Join(base, "t")})
	for _, want := range []string{"one", "two"} {
		dir, out, err := pull(t, "-a", r.url+"t/")
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if _, err := os.Stat(filepath.Join(dir, want)); err != nil {
			t.Error(err)
		}
		if err := os.Symlink("2", filepath.Join(base, "new")); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(filepath.Join(base, "new"), filepath.Join(base, "t")); err != nil {
			t.Fatal(err)
		}
	}
}

// Clients can neither write nor get at what is outside the module.
func TestConfinement(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	tree(t, base, "secret", "out/f", "m/ok", "m/file->../secret", "m/dir->../out", "m/abs->"+filepath.Join(base, "secret"))
	r := start(t, Module{Name: "m", Path: filepath.Join(base, "m")})
	for _, args := range [][]string{
		{"-aL", "m/"}, {"-ak", "m/"}, {"-a", "--copy-unsafe-links", "m/"}, {"-a", "m/../secret"}, {"-a", "m/dir/"}, {"-a", "m/dir/f"},
		{"-a", "m/../out/"}, {"-a", "m//../../secret"},
	} {
		args[len(args)-1] = r.url + args[len(args)-1]
		dir, _, _ := pull(t, args...)
		for _, line := range read(t, dir) {
			if strings.Contains(line, `"secret"`) && !strings.HasPrefix(line, "L") || strings.Contains(line, `"out/f"`) {
				t.Errorf("%q got %s", args, line)
			}
		}
	}
	tree(t, base, "mine/new")
	for _, args := range [][]string{{"-a", base + "/mine/", r.url + "m/"}, {"-a", "--delete", base + "/mine/", r.url + "m/"}} {
		if out, err := exec.Command(rsyncPath(t), args...).CombinedOutput(); err == nil || !strings.Contains(string(out), "read only") {
			t.Errorf("%q: %v %s", args, err, out)
		}
	}
	if _, err := os.Stat(filepath.Join(base, "m", "new")); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	src := t.TempDir()
	tree(t, src, "f")
	r := start(t, Module{Name: "allow", Path: src, Allow: []string{"10.0.0.0/8", "127.0.0.2"}}, Module{Name: "deny", Path: src, Deny: []string{"127.0.0.2"}})
	for _, c := range []struct {
		module, from string
		ok           bool
	}{{"allow", "127.0.0.2", true}, {"allow", "127.0.0.1", false}, {"deny", "127.0.0.2", false}, {"deny", "127.0.0.1", true}} {
		if _, out, err := pull(t, "-a", "--address="+c.from, r.url+c.module+"/"); (err == nil) != c.ok {
			t.Errorf("%s from %s: %v %s", c.module, c.from, err, out)
		}
	}
}
