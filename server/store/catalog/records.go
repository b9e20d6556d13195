package catalog

import (
	"context"
	"fmt"

	"github.com/pubsync/pubsync/server/store"
)

// scanPage is how many records a scan holds at a time.
const scanPage = 256

// Update implements [store.Records].
func (c *Catalog) Update(ctx context.Context, f func(store.Tx) error) error {
	return c.write(ctx, func(w *conn) error { return f(tx{w}) })
}

// View implements [store.Records].
func (c *Catalog) View(ctx context.Context, f func(store.Tx) error) error {
	return c.read(ctx, func(r *conn) error {
		return r.snapshot(func() error { return f(tx{r}) })
	})
}

type tx struct{ c *conn }

func (t tx) Get(bucket, key string) ([]byte, error) {
	var v []byte
	err := t.c.row([]any{&v}, "SELECT value FROM records WHERE bucket=? AND key=?", []byte(bucket), []byte(key))
	if err != nil {
		return nil, fmt.Errorf("record %s/%q: %w", bucket, key, err)
	}
	return v, nil
}

func (t tx) Put(bucket, key string, value []byte) error {
	if value == nil {
		value = []byte{}
	}
	_, err := t.c.exec(`INSERT INTO records(bucket, key, value) VALUES (?, ?, ?)
		ON CONFLICT(bucket, key) DO UPDATE SET value=excluded.value`, []byte(bucket), []byte(key), value)
	if err != nil {
		return fmt.Errorf("record %s/%q: %w", bucket, key, err)
	}
	return nil
}

func (t tx) Delete(bucket, key string) error {
	_, err := t.c.exec("DELETE FROM records WHERE bucket=? AND key=?", []byte(bucket), []byte(key))
	if err != nil {
		return fmt.Errorf("record %s/%q: %w", bucket, key, err)
	}
	return nil
}

type record struct {
	key   string
	value []byte
}

func (t tx) Scan(bucket, prefix string, f func(key string, value []byte) bool) error {
	at, cmp := prefix, ">="
	for {
		page, err := t.page(bucket, at, cmp, prefixEnd(prefix))
		if err != nil {
			return fmt.Errorf("records %s/%q: %w", bucket, prefix, err)
		}
		for _, r := range page {
			if !f(r.key, r.value) {
				return nil
			}
		}
		if len(page) < scanPage {
			return nil
		}
		at, cmp = page[len(page)-1].key, ">"
	}
}

// page returns the first records of bucket from or after at, below end.
func (t tx) page(bucket, at, cmp string, end []byte) ([]record, error) {
	var (
		key, value []byte
		page       []record
	)
	q, args := "SELECT key, value FROM records WHERE bucket=? AND key"+cmp+"?", []any{[]byte(bucket), []byte(at)}
	if end != nil {
		q, args = q+" AND key<?", append(args, end)
	}
	err := t.c.rows([]any{&key, &value}, func() error {
		page = append(page, record{string(key), value})
		return nil
	}, q+fmt.Sprintf(" ORDER BY key LIMIT %d", scanPage), args...)
	return page, err
}

// prefixEnd returns the first key after all that begin with prefix, nil if
// there is none.
func prefixEnd(prefix string) []byte {
	b := []byte(prefix)
	for len(b) > 0 {
		if b[len(b)-1] < 0xff {
			b[len(b)-1]++
			return b
		}
		b = b[:len(b)-1]
	}
	return nil
}
