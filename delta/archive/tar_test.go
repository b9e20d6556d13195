package archive

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestReal(t *testing.T) {
	dir := t.TempDir()
	for i, a := range [][]string{
		{"--format=gnu"}, {"--format=ustar"}, {"--format=posix"}, {"--format=v7"}, {"--format=posix", "-z"},
	} {
		out := filepath.Join(dir, fmt.Sprint(i, ".tar"))
		c := exec.Command("tar", append(append([]string{"-cf", out}, a...), "-C", "/usr/local/go/src", "archive", "net/http", "cmd/vendor")...)
		if b, err := c.CombinedOutput(); err != nil {
			t.Fatal(err, string(b))
		}
		b, _ := os.ReadFile(out)
		v := roundTrip(t, b, verbatim{})
		if v == nil {
			t.Fatal("not archive", a)
		}
		t.Log(a, len(b), v.Format, v.PlainSize, len(v.Segments), len(v.Recipe))
		for i := len(v.Segments) - v.Columns; i < len(v.Segments); i++ {
			t.Log(v.Keys[i]-1, v.Segments[i].Len)
		}
	}
}
