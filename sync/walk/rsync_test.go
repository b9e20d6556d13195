package walk

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pubsync/pubsync/sync/manifest"
)

// The tables in testdata hold what rsync itself did with the tree of
// ruleTree. `go test -run Record -record` writes them anew with the rsync on
// PATH (they were made with 3.5.0).
var record = flag.Bool("record", false, "write the tables of rsync's behaviour anew")

const (
	filterTable = "testdata/rsync-filter.txt"
	filesTable  = "testdata/rsync-files-from.txt"
)

// ruleTree is what rules are tried on: names that patterns confuse, at several
// depths.
func ruleTree() []string {
	return []string{
		"a", "b", "ab", "a.b", "x-y", "[a]", "]",
		"d/a", "d/b", "d/ab", "d/d/a", "d/d/b", "d/d/d/a", "d/e/a", "d/e/x.o",
		"e/a", "e/d/a", "e/d/ab/a", "e/.h/a", "e/x.o",
		"ab.d/a", "ab.d/d/b", "empty/", "d/empty/", "f/d/e/a", "f/d/e/b", "f/[a]/*",
	}
}

func makeTree(t testing.TB, dir string, paths []string) {
	t.Helper()
	for _, p := range paths {
		full := filepath.Join(dir, p)
		parent := full
		if !strings.HasSuffix(p, "/") {
			parent = filepath.Dir(full)
		}
		err := os.MkdirAll(parent, 0o755)
		if err == nil && parent != full {
			err = os.WriteFile(full, []byte(p), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// rulePattern joins random pieces to a pattern, mostly a sensible one.
func rulePattern(pick func(n int) int) string {
	pieces := []string{
		"a", "b", "ab", "d", "d", "e", "f", "x.o", "empty", "*", "*", "**", "***", "?", "/", "/", "/", "/",
		"[ab]", "[!a]", "[^d]", "[a-d]", "[]]", "[[:alpha:]]", "[]-a]", "[a", `\[`, `\*`, `\a`, `\`, ".", "a.b", "[a]", "[[:x:]]", "[-z]", "[d-]",
	}
	var b strings.Builder
	for range 1 + pick(6) {
		b.WriteString(pieces[pick(len(pieces))])
	}
	return b.String()
}

// ruleList returns the arguments of some rules: "+PATTERN", "-PATTERN".
func ruleList(pick func(n int) int) []string {
	var rules []string
	for range 1 + pick(4) {
		sign := "-"
		if pick(3) == 0 {
			sign = "+"
		}
		rules = append(rules, sign+rulePattern(pick))
	}
	if pick(4) == 0 {
		rules = append(rules, "-*")
	}
	return rules
}

// runRsync returns the paths that rsync would send, directories with a slash.
func runRsync(ctx context.Context, dir string, args ...string) ([]string, error) {
	args = append(args, "-an8", "--out-format=%n", dir+"/", filepath.Join(dir, "..", "nowhere")+"/")
	cmd := exec.CommandContext(ctx, "rsync", args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("rsync %q: %w: %s", args, err, errs.String())
	}
	var names []string
	for sc := bufio.NewScanner(&out); sc.Scan(); {
		if name := sc.Text(); name != "./" && name != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func rsyncRules(rules []string) []string {
	var args []string
	for _, r := range rules {
		option := "--exclude="
		if r[0] == '+' {
			option = "--include="
		}
		args = append(args, option+r[1:])
	}
	return args
}

func parseRules(t testing.TB, rules []string) *Filter {
	t.Helper()
	f := new(Filter)
	for _, r := range rules {
		add := f.Exclude
		if r[0] == '+' {
			add = f.Include
		}
		if err := add(r[1:]); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

// walked returns the paths of a walk as runRsync does.
func walked(t testing.TB, o Options) []string {
	t.Helper()
	tree, err := Walk(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if err := tree.Entries.Check(); err != nil {
		t.Fatal(err)
	}
	return names(tree.Entries)
}

func names(l manifest.List) []string {
	var out []string
	for _, e := range l {
		name := string(e.Path)
		if e.Kind == manifest.Dir {
			name += "/"
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// A recorded case: lines of input, then "=> " and what rsync sent.
type recorded struct{ in, want []string }

func readTable(t *testing.T, name string) []recorded {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var (
		cases []recorded
		c     recorded
	)
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSuffix(line, "\n")
		if want, ok := strings.CutPrefix(line, "=>"); ok {
			c.want = strings.Fields(want)
			cases = append(cases, c)
			c = recorded{}
			continue
		}
		c.in = append(c.in, line)
	}
	if len(cases) < 100 {
		t.Fatalf("%s has only %d cases", name, len(cases))
	}
	return cases
}

func writeTable(t *testing.T, name string, n int, input func(pick func(int) int) []string, ask func([]string) ([]string, error)) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	var b bytes.Buffer
	seen := make(map[string]bool)
	for range n {
		in := input(rnd.IntN)
		if seen[strings.Join(in, "\n")] {
			continue
		}
		seen[strings.Join(in, "\n")] = true
		want, err := ask(in)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n=> %s\n", strings.Join(in, "\n"), strings.Join(want, " "))
	}
	if err := os.WriteFile(name, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// plainTree makes ruleTree.
func plainTree(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "src")
	makeTree(t, dir, ruleTree())
	return dir
}

func filesList(pick func(int) int) []string {
	all := append(ruleTree(), "d", "d/d", "e/", "d/d/", "e/d", "./a", "/b", "d/./e/x.o", "f//d/e/a")
	all = slices.DeleteFunc(all, func(s string) bool { return strings.Contains(s, "/./") }) // rsync cuts there
	var list []string
	for range 1 + pick(4) {
		list = append(list, all[pick(len(all))])
	}
	if pick(2) == 0 {
		list = append(list, "-"+rulePattern(pick))
	}
	return list
}

// splitFiles parts a list of filesList into names and rules.
func splitFiles(in []string) (files, rules []string) {
	for _, s := range in {
		if s[0] == '-' {
			rules = append(rules, s)
		} else {
			files = append(files, s)
		}
	}
	return files, rules
}

func rsyncFiles(ctx context.Context, dir string, in []string) ([]string, error) {
	files, rules := splitFiles(in)
	list := filepath.Join(dir, "..", "list")
	if err := os.WriteFile(list, []byte(strings.Join(files, "\x00")), 0o644); err != nil {
		return nil, err
	}
	return runRsync(ctx, dir, append(rsyncRules(rules), "-0", "--files-from="+list)...)
}

func TestRecord(t *testing.T) {
	if !*record {
		return
	}
	dir := plainTree(t)
	writeTable(t, filterTable, 600, ruleList, func(rules []string) ([]string, error) {
		return runRsync(t.Context(), dir, rsyncRules(rules)...)
	})
	writeTable(t, filesTable, 200, filesList, func(in []string) ([]string, error) {
		return rsyncFiles(t.Context(), dir, in)
	})
}

func TestFilterAsRecorded(t *testing.T) {
	dir := plainTree(t)
	for _, c := range readTable(t, filterTable) {
		got := walked(t, Options{Sources: []Source{{Dir: dir}}, Filter: parseRules(t, c.in)})
		if !slices.Equal(got, c.want) {
			t.Errorf("rules %q\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

func TestFilesAsRecorded(t *testing.T) {
	dir := plainTree(t)
	for _, c := range readTable(t, filesTable) {
		files, rules := splitFiles(c.in)
		got := walked(t, Options{Sources: []Source{{Dir: dir}}, Files: files, Filter: parseRules(t, rules)})
		if !slices.Equal(got, c.want) {
			t.Errorf("list %q\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

// haveRsync reports whether the live comparisons can run; where they cannot,
// the recorded tables stand in for them.
func haveRsync(t *testing.T) bool {
	_, err := exec.LookPath("rsync")
	if err != nil {
		t.Log("rsync is not on PATH: compared with the recorded tables only")
	}
	return err == nil
}

func TestFilterAsRsync(t *testing.T) {
	if !haveRsync(t) {
		return
	}
	dir := plainTree(t)
	// New ones every time, few since rsync takes its time to start.
	for range 25 {
		rules := ruleList(rand.IntN)
		want, err := runRsync(t.Context(), dir, rsyncRules(rules)...)
		if err != nil {
			t.Fatal(err)
		}
		got := walked(t, Options{Sources: []Source{{Dir: dir}}, Filter: parseRules(t, rules)})
		if !slices.Equal(got, want) {
			t.Fatalf("rules %q\n got %q\nwant %q", rules, got, want)
		}
	}
}

// TestPatternFilesAsRsync feeds both the same --exclude-from.
func TestPatternFilesAsRsync(t *testing.T) {
	if !haveRsync(t) {
		return
	}
	dir := plainTree(t)
	for _, c := range []struct {
		text string
		nul  bool
	}{
		{"a\n#b\n;d\n\n+ e\n- x.o\n", false},
		{"a\r\nb\r\n", false},
		{" a\nb \n", false},
		{"a\n!\nb\n", false},
		{"d/*\n- e\n+ ab\n", false},
		{"a\x00#b\x00b\x00", true},
		{"a\nb\x00d\x00", true},
	} {
		list := filepath.Join(t.TempDir(), "patterns")
		if err := os.WriteFile(list, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		args := []string{"--exclude-from=" + list}
		if c.nul {
			args = append([]string{"-0"}, args...) // before what it applies to
		}
		want, err := runRsync(t.Context(), dir, args...)
		if err != nil {
			t.Fatal(err)
		}
		f := new(Filter)
		if err := f.ExcludeFrom(strings.NewReader(c.text), list, c.nul); err != nil {
			t.Fatal(err)
		}
		if got := walked(t, Options{Sources: []Source{{Dir: dir}}, Filter: f}); !slices.Equal(got, want) {
			t.Errorf("patterns %q\n got %q\nwant %q", c.text, got, want)
		}
	}
}
