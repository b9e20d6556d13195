package cli_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/pubsync/pubsync/"

// mayImport says which packages of ours each package may import: the layers of
// the design. A path ending in "/" stands for everything below it.
var mayImport = map[string][]string{
	"delta/field":               nil,
	"sync/manifest":             {"delta/field"},
	"sync/wire":                 {"sync/manifest", "delta/field"},
	"sync/wire/connect":         nil,
	"sync/wire/gather":          nil,
	"sync/walk":                 {"sync/manifest", "delta/field"},
	"sync/walk/swaptest":        nil,
	"sync/attic":                {"sync/manifest"},
	"sync/push":                 {"sync/manifest", "sync/wire", "sync/walk", "delta", "delta/"},
	"sync/pull":                 {"sync/manifest", "sync/wire", "delta", "delta/"},
	"sync/remote":               {"sync/manifest", "sync/wire", "sync/wire/gather"},
	"delta":                     {"delta/rolling"},
	"delta/rolling":             nil,
	"delta/alloctest":           nil,
	"delta/codec":               {"delta", "delta/field"},
	"delta/deflate":             {"delta/field"},
	"delta/archive":             {"delta", "delta/deflate", "delta/field"},
	"server":                    {"server/", "sync/manifest", "sync/wire", "sync/wire/"},
	"server/session":            {"sync/manifest", "sync/wire", "sync/wire/connect", "delta", "delta/", "server/store"},
	"server/store":              {"sync/manifest"},
	"server/store/storetest":    {"sync/manifest", "server/store", "server/store/"},
	"server/store/disk":         {"sync/manifest", "server/store", "server/store/catalog", "server/store/disk/"},
	"server/store/catalog":      {"sync/manifest", "server/store"},
	"server/store/disk/faultfs": {"server/store/disk"},
	"server/upkeep":             {"sync/manifest", "server/store", "server/build"},
	"server/build":              {"sync/manifest", "sync/wire", "server/store"},
	"server/token":              {"sync/manifest", "sync/wire/connect", "server/store"},
	"server/access":             {"sync/manifest", "server/store", "server/token"},
	"server/token/oidc":         {"sync/manifest", "server/store", "server/token"},
	"server/files":              {"sync/manifest", "sync/wire", "delta", "delta/codec", "server/store", "server/web", "server/files/"},
	"server/files/treelink":     {"sync/manifest", "server/store"},
	"server/web":                {"sync/manifest", "server/store"},
	"server/export":             {"sync/manifest", "server/store", "server/files/treelink"},
	"server/mirror":             {"sync/manifest", "server/store"},
	"server/identity":           nil,
	"server/nginxtest":          nil,
	"cli/config":                nil,
	"cli/progress":              {"sync/wire"},
	"cli/pubsync":               {"cli"},
	"cli":                       {"sync/", "server", "server/", "delta", "delta/", "cli/"},
	"bench":                     {"sync/", "server/", "delta", "delta/", "cli", "cli/", "bench/"},
}

// mayServe are the packages that may speak HTTP.
var mayServe = []string{"sync/remote", "sync/wire", "server", "server/", "cli", "bench", "bench/"}

type listedPackage struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []listedPackage {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", module+"...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listedPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listedPackage
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// allows reports whether a list names the package.
func allows(list []string, pkg string) bool {
	return slices.ContainsFunc(list, func(l string) bool {
		return l == pkg || strings.HasSuffix(l, "/") && strings.HasPrefix(pkg, l)
	})
}

// layer returns the entry of mayImport for a package, that of the nearest
// folder above if it has none of its own.
func layer(pkg string) ([]string, bool) {
	for {
		if list, ok := mayImport[pkg]; ok {
			return list, true
		}
		i := strings.LastIndexByte(pkg, '/')
		if i < 0 {
			return nil, false
		}
		pkg = pkg[:i]
	}
}

// TestImports holds the layers apart.
func TestImports(t *testing.T) {
	all := packages(t)
	if len(all) < 20 {
		t.Fatalf("only %d packages listed", len(all))
	}
	for _, p := range all {
		name := strings.TrimPrefix(p.ImportPath, module)
		list, ok := layer(name)
		if !ok {
			t.Errorf("%s is in no layer: add it to this test", name)
			continue
		}
		for _, imported := range p.Imports {
			ours, own := strings.CutPrefix(imported, module)
			switch {
			case own && !allows(list, ours):
				t.Errorf("%s must not import %s", name, ours)
			case imported == "net/http" && !allows(mayServe, name):
				t.Errorf("%s must not import net/http", name)
			case imported == "modernc.org/sqlite" && name != "server/store/catalog":
				t.Errorf("%s must not import SQLite", name)
			}
		}
	}
}

// TestPortableClient holds the client's packages clear of SQLite, which does
// not build everywhere the client must.
func TestPortableClient(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", module+"sync/...", module+"delta/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(out), "sqlite") {
		t.Error("a package of the client needs SQLite")
	}
}
