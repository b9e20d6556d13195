package catalog

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// No statement has a limit that SQLite would plan by, and so prepare anew for each
// value.
func TestLimitsArePlannedOnce(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	bare, limits := regexp.MustCompile(`LIMIT \?\d*([^\d+]|$)`), 0
	for _, name := range files {
		if matched, _ := filepath.Match("*_test.go", name); matched || name == "conn.go" {
			continue
		}
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		limits += len(regexp.MustCompile(`LIMIT \?`).FindAll(text, -1))
		if found := bare.Find(text); found != nil {
			t.Errorf("%s: %q, want \"LIMIT ?+0\"", name, found)
		}
	}
	if limits == 0 {
		t.Error("no statement with a bound limit was found")
	}
}
