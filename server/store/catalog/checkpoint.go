package catalog

import (
	"database/sql"
	"os"
	"sync"
)

const (
	// checkpointAt is the size of the write-ahead log in bytes from which it is
	// moved into the database.
	checkpointAt = 8 << 20
	// truncateAt is the size from which writers have to wait for that, so that
	// the log starts over: without a pause a log under constant writing would
	// never end.
	truncateAt = 128 << 20
)

// checkpointer moves the write-ahead log into the database behind the writer's
// back.
type checkpointer struct {
	db   *sql.DB
	c    *conn // opened when first wanted
	wal  string
	kick chan struct{}
	done sync.WaitGroup
}

func newCheckpointer(db *sql.DB, wal string) *checkpointer {
	k := &checkpointer{db: db, wal: wal, kick: make(chan struct{}, 1)}
	k.done.Add(1)
	go k.run()
	return k
}

// wake asks for a look at the log; it never waits.
func (k *checkpointer) wake() {
	select {
	case k.kick <- struct{}{}:
	default:
	}
}

func (k *checkpointer) run() {
	defer k.done.Done()
	for range k.kick {
		st, err := os.Stat(k.wal)
		if err != nil || st.Size() < checkpointAt {
			continue
		}
		k.checkpoint(st.Size())
	}
}

// checkpoint moves what it can. A failure (a full disk, say) leaves the log as
// it was; the writer meets the same trouble and reports it.
func (k *checkpointer) checkpoint(size int64) {
	if k.c == nil {
		c, err := newConn(k.db)
		if err != nil {
			return
		}
		k.c = c
		c.exec("PRAGMA cache_size=-100") // it passes pages by
	}
	mode := "PASSIVE"
	if size >= truncateAt {
		mode = "RESTART"
	}
	var busy, log, moved int
	k.c.row([]any{&busy, &log, &moved}, "PRAGMA wal_checkpoint("+mode+")")
}

func (k *checkpointer) close() error {
	close(k.kick)
	k.done.Wait()
	if k.c == nil {
		return nil
	}
	return k.c.close()
}
