package identity

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestLoadKeepsTheKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tls")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	first, err := Load(dir, []string{"localhost", "127.0.0.1"}, now)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Load(dir, nil, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	a, _ := Pin(first)
	b, _ := Pin(second)
	if a != b || a == [32]byte{} {
		t.Errorf("pins differ: %x, %x", a, b)
	}
	fi, err := os.Stat(filepath.Join(dir, keyFile))
	if err != nil {
		t.Fatal(err)
	}
	if fi.Mode().Perm() != 0o600 {
		t.Errorf("key has mode %v, want 0600", fi.Mode().Perm())
	}
}

func TestLoadDamaged(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{certFile, keyFile} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("no PEM"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Load(dir, nil, time.Unix(0, 0)); err == nil {
		t.Error("damaged files were taken, or replaced")
	}
}
