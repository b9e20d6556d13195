package server

import (
	"encoding/json"
	"net/http"
	"net/url"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// differences writes the lines of a difference. The answer begins with the first,
// so that an error before it is still told as one.
type differences struct {
	w     http.ResponseWriter
	enc   *json.Encoder
	begun bool
	sums  wire.DifferenceSums
}

func (d *differences) begin() {
	if d.begun {
		return
	}
	d.w.Header().Set("Content-Type", "application/x-ndjson")
	d.w.Header().Set("Cache-Control", "no-store")
	d.enc, d.begun = json.NewEncoder(d.w), true
}

func (d *differences) add(c *store.Change) error {
	d.begin()
	l := difference(c)
	switch l.Change {
	case wire.Added:
		d.sums.Added++
	case wire.Removed:
		d.sums.Removed++
	default:
		d.sums.Changed++
	}
	d.sums.Before += l.Before
	d.sums.After += l.After
	return d.enc.Encode(l)
}

func (d *differences) end() error {
	d.begin()
	return delivered(d.enc.Encode(wire.Difference{Before: d.sums.Before, After: d.sums.After, Sum: &d.sums}))
}

func difference(c *store.Change) wire.Difference {
	l := wire.Difference{Path: escaped(c.Path), Change: wire.Changed}
	if c.Before != nil {
		l.Before, l.Kind = c.Before.Size, c.Before.Kind.String()
	} else {
		l.Change = wire.Added
	}
	if c.After != nil {
		l.After, l.Kind = c.After.Size, c.After.Kind.String()
	} else {
		l.Change = wire.Removed
	}
	if b, a := c.Before, c.After; b != nil && a != nil {
		l.Metadata = b.Kind == a.Kind && b.Digest == a.Digest && b.Link == a.Link
	}
	return l
}

// escaped returns a path percent-encoded, any bytes whatever.
func escaped(p manifest.Path) string { return (&url.URL{Path: string(p)}).EscapedPath() }
