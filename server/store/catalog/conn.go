package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/pubsync/pubsync/server/store"
)

// conn is one connection with its prepared statements. One goroutine at a time
// uses it.
type conn struct {
	// ctx is never cancelled. The driver spends a goroutine per statement on
	// one that can be.
	ctx   context.Context
	db    *sql.Conn
	stmts map[string]*sql.Stmt
}

func newConn(db *sql.DB) (*conn, error) {
	ctx := context.Background()
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, wrap(err)
	}
	return &conn{ctx: ctx, db: c, stmts: make(map[string]*sql.Stmt)}, nil
}

func (c *conn) close() error {
	for _, s := range c.stmts {
		s.Close()
	}
	return c.db.Close()
}

// stmt returns the prepared statement for q. The texts are constants or made
// from constants in a handful of sizes, so the map stays small.
//
// A bound limit is written "LIMIT ?+0": SQLite plans by the value of a bare
// parameter there, and so prepares the statement anew whenever one is bound
// (sqlite3ExprIsInteger in its expr.c, since 3.47).
func (c *conn) stmt(q string) (*sql.Stmt, error) {
	if s, ok := c.stmts[q]; ok {
		return s, nil
	}
	s, err := c.db.PrepareContext(c.ctx, q)
	if err != nil {
		return nil, wrap(err)
	}
	c.stmts[q] = s
	return s, nil
}

// exec runs q and returns the number of rows it changed.
func (c *conn) exec(q string, args ...any) (int64, error) {
	s, err := c.stmt(q)
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(c.ctx, args...)
	if err != nil {
		return 0, wrap(err)
	}
	n, err := res.RowsAffected()
	return n, wrap(err)
}

// row runs q and scans its first row into dest; ErrNotFound if there is none.
func (c *conn) row(dest []any, q string, args ...any) error {
	s, err := c.stmt(q)
	if err != nil {
		return err
	}
	return wrap(s.QueryRowContext(c.ctx, args...).Scan(dest...))
}

// errStop ends a query early without being an error.
var errStop = errors.New("stop")

// rows runs q and calls f after scanning each row into dest, which may hold
// [sql.RawBytes] that are good until f returns. An error of f ends it; errStop
// ends it without one.
func (c *conn) rows(dest []any, f func() error, q string, args ...any) error {
	s, err := c.stmt(q)
	if err != nil {
		return err
	}
	rs, err := s.QueryContext(c.ctx, args...)
	if err != nil {
		return wrap(err)
	}
	defer rs.Close()
	for rs.Next() {
		if err := rs.Scan(dest...); err != nil {
			return wrap(err)
		}
		if err := f(); err != nil {
			if err == errStop {
				return nil
			}
			return err
		}
	}
	return wrap(rs.Err())
}

// transact runs f between BEGIN and COMMIT. An error, or a panic, of f rolls
// back.
func (c *conn) transact(f func() error) (err error) {
	if _, err := c.exec("BEGIN IMMEDIATE"); err != nil {
		return err
	}
	done := false
	defer func() {
		if !done {
			c.exec("ROLLBACK")
		}
	}()
	if err := f(); err != nil {
		return err
	}
	if _, err := c.exec("COMMIT"); err != nil {
		return err
	}
	done = true
	return nil
}

// snapshot runs f within one read transaction.
func (c *conn) snapshot(f func() error) error {
	if _, err := c.exec("BEGIN"); err != nil {
		return err
	}
	defer c.exec("ROLLBACK")
	return f()
}

// wrap gives an error of the driver the store's sentinel, where it has one.
func wrap(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("catalog: %w", err)
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("catalog: %w: %w", store.ErrFull, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("catalog: %w: %w; restore a backup", store.ErrDamaged, err)
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("catalog: %w: %w", store.ErrLocked, err)
	}
	return fmt.Errorf("catalog: %w", err)
}
