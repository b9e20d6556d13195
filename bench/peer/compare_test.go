package peer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func plant(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	at := time.Date(2026, 1, 2, 3, 4, 5, 600, time.UTC)
	for name, text := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			if err := os.Symlink(to, name); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, at, at); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// Every difference is found and named.
func TestSame(t *testing.T) {
	want := map[string]string{"a": "one", "d/b": strings.Repeat("x", 300_000) + "y", "l": "-> a"}
	if err := Same(plant(t, want), plant(t, want)); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]map[string]string{
		"missing":       {"a": "one", "d/b": want["d/b"]},
		"should not be": {"a": "one", "d/b": want["d/b"], "l": "-> a", "more": ""},
		"bytes, want":   {"a": "on", "d/b": want["d/b"], "l": "-> a"},
		"wrong byte":    {"a": "one", "d/b": strings.Repeat("x", 300_001), "l": "-> a"},
		"leads to":      {"a": "one", "d/b": want["d/b"], "l": "-> b"},
		"is -":          {"a": "one", "d/b": want["d/b"], "l": "a"},
	} {
		err := Same(plant(t, want), plant(t, c))
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	late := plant(t, want)
	now := time.Date(2026, 5, 5, 5, 5, 5, 0, time.UTC)
	if err := os.Chtimes(filepath.Join(late, "a"), now, now); err != nil {
		t.Fatal(err)
	}
	if err := Same(plant(t, want), late); err == nil || !strings.Contains(err.Error(), "has the time") {
		t.Errorf("another time: got %v", err)
	}
}

func TestParseSaid(t *testing.T) {
	got, err := ParseSaid(`{"requests":3,"sent_bytes":5,"methods":{"delta":{"files":1,"bytes":9}},"new":1}`)
	if err != nil || got.Requests != 3 || got.Methods["delta"].Files != 1 {
		t.Errorf("%+v %v", got, err)
	}
	if _, err := ParseSaid("oops"); err == nil {
		t.Error("nonsense was read")
	}
}

func TestRsyncArgs(t *testing.T) {
	got := strings.Join(rsyncArgs(Job{Tree: "/t", Delete: true}, []string{"-z"}, "to/"), " ")
	if got != "rsync -a -z --delete /t/ to/" {
		t.Error(got)
	}
}
