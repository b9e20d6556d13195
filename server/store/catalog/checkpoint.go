package catalog

import (
	"bytes"
	"database/sql"
	"encoding/binary"
	"io"
	"os"
	"sync"
)

const (
	// checkpointAt is how many bytes of the write-ahead log are in use from which it is
	// moved into the database.
	checkpointAt = 8 << 20
	// truncateAt is how many from which writers have to wait for that, so that
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
		if mode, due := k.due(); due {
			k.checkpoint(mode)
		}
	}
}

// due reports whether the log is to be moved, and how.
func (k *checkpointer) due() (mode string, due bool) {
	st, err := os.Stat(k.wal)
	if err != nil || st.Size() < checkpointAt {
		return "", false
	}
	f, err := os.Open(k.wal) // SQLite has no locks on it that closing would lose
	if err != nil {
		return "", false
	}
	defer f.Close()
	if reached(f, truncateAt) {
		return "RESTART", true
	}
	return "PASSIVE", reached(f, checkpointAt)
}

// Sizes in bytes of a write-ahead log's headers, and where in them the size of pages
// and the salts are: https://www.sqlite.org/fileformat2.html, section 4.1.
const (
	logHeader   = 32
	pageSizeAt  = 8
	logSaltsAt  = 16
	frameHeader = 24
	saltsAt     = 8
	saltsSize   = 8
)

// reached reports whether n bytes or more of a write-ahead log are in use. How long the
// file is does not tell: once all of it is in the database the log begins anew at the
// front, with other salts, and the file stays as long as it was. So the frame at n is
// asked whether it has the salts of the header.
func reached(log io.ReaderAt, n int64) bool {
	var head [logHeader]byte
	if _, err := log.ReadAt(head[:], 0); err != nil {
		return false
	}
	size := int64(frameHeader) + int64(binary.BigEndian.Uint32(head[pageSizeAt:]))
	var frame [frameHeader]byte
	if _, err := log.ReadAt(frame[:], logHeader+n/size*size); err != nil {
		return false
	}
	return bytes.Equal(frame[saltsAt:saltsAt+saltsSize], head[logSaltsAt:logSaltsAt+saltsSize])
}

// checkpoint moves what it can. A failure (a full disk, say) leaves the log as
// it was; the writer meets the same trouble and reports it.
func (k *checkpointer) checkpoint(mode string) {
	if k.c == nil {
		c, err := newConn(k.db)
		if err != nil {
			return
		}
		k.c = c
		c.exec("PRAGMA cache_size=-100") // it passes pages by
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
