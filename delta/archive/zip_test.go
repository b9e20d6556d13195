package archive

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

func TestRealZip(t *testing.T) {
	dir := t.TempDir()
	cmds := [][]string{
		{"zip", "-qr", dir + "/a.zip", "archive", "compress"},
		{"zip", "-qr0", dir + "/b.zip", "archive"},
		{"python3", "-m", "zipfile", "-c", dir + "/c.zip", "archive", "compress"},
		{"sh", "-c", "zip -qr - archive compress | cat >" + dir + "/d.zip"},
		{"sh", "-c", "(echo '#!/bin/sh'; cat " + dir + "/a.zip) >" + dir + "/e.zip; cp /root/go/pkg/mod/cache/download/github.com/klauspost/compress/@v/*.zip " + dir + "/"},
	}
	for _, c := range cmds {
		x := exec.Command(c[0], c[1:]...)
		x.Dir = "/usr/local/go/src"
		if b, err := x.CombinedOutput(); err != nil {
			t.Log(err, string(b))
		}
	}
	fs, _ := filepath.Glob(dir + "/*.zip")
	for _, f := range fs {
		b, _ := os.ReadFile(f)
		v := roundTrip(t, b, verbatim{})
		if v == nil {
			t.Error("not archive", f)
			continue
		}
		t.Log(f, len(b), v.Format, v.PlainSize, len(v.Segments), len(v.Recipe))
		for i := len(v.Segments) - v.Columns; i < len(v.Segments); i++ {
			t.Log(v.Keys[i]-1, v.Segments[i].Len)
		}
	}
}
