package catalog

import (
	"database/sql"
	"os"
	"path/filepath"
	"testing"
)

// A log that has begun anew is short though its file is long.
func TestReached(t *testing.T) {
	path := filepath.Join(t.TempDir(), "catalog.db")
	db, err := sql.Open("sqlite", dsn(path, "journal_mode(WAL)", "synchronous(OFF)", "wal_autocheckpoint(0)"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxOpenConns(1)
	do := func(q string, args ...any) {
		t.Helper()
		if _, err := db.Exec(q, args...); err != nil {
			t.Fatal(err)
		}
	}
	const much = 1 << 20
	is := func(want bool) {
		t.Helper()
		f, err := os.Open(path + "-wal")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got := reached(f, much); got != want {
			t.Errorf("%d bytes reached: %v", much, got)
		}
	}
	do("CREATE TABLE t(x)")
	is(false)
	do("INSERT INTO t VALUES (zeroblob(?))", 2*much)
	is(true)
	do("PRAGMA wal_checkpoint(PASSIVE)")
	do("INSERT INTO t VALUES (1)")
	if st, err := os.Stat(path + "-wal"); err != nil || st.Size() < much {
		t.Fatalf("the log's file has %d bytes: %v", st.Size(), err)
	}
	is(false)
	do("INSERT INTO t VALUES (zeroblob(?))", 2*much)
	is(true)
}
