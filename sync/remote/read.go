package remote

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/klauspost/compress/zstd"

	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// maxTree bounds the entries and maxTreeBytes the coding of a tree that is
// read.
const (
	maxTree      = 10_000_000
	maxTreeBytes = 1 << 30
)

// Tree returns the entries published below target, with paths relative to it,
// and the version they are of; at 0 is the newest.
func (c *Client) Tree(ctx context.Context, target manifest.Path, at int64) (l manifest.List, version int64, err error) {
	q := url.Values{"format": {"list"}, "recursive": {"1"}}
	h := http.Header{"Accept-Encoding": {"zstd"}}
	err = c.Get(ctx, filesURL(target, at, true, q), h, func(resp *http.Response) error {
		b, err := readBody(resp)
		if err != nil {
			return err
		}
		version, l, err = wire.ParseTree(b, maxTree)
		return err
	})
	return l, version, err
}

func readBody(resp *http.Response) ([]byte, error) {
	var r io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "zstd" {
		z, err := zstd.NewReader(resp.Body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
		if err != nil {
			return nil, err
		}
		defer z.Close()
		r = z
	}
	return io.ReadAll(io.LimitReader(r, maxTreeBytes))
}

// Fetch calls use with the content published at path in a version. It calls it
// again, from the start, after a failure.
func (c *Client) Fetch(ctx context.Context, path manifest.Path, at int64, use func(io.Reader) error) error {
	return c.Get(ctx, filesURL(path, at, false, nil), nil, func(resp *http.Response) error {
		return use(resp.Body)
	})
}

// Hashes returns the server's hashes of blocks of the content published at path
// in a version. blocks is a request of delta/codec, and the answer hashes of
// delta/codec, of at most limit bytes.
func (c *Client) Hashes(ctx context.Context, path manifest.Path, at int64, blocks []byte, limit int64) (hashes []byte, err error) {
	q := url.Values{"format": {"hashes"}, "blocks": {base64.RawURLEncoding.EncodeToString(blocks)}}
	err = c.Get(ctx, filesURL(path, at, false, q), nil, func(resp *http.Response) error {
		hashes, err = io.ReadAll(io.LimitReader(resp.Body, limit+1))
		if int64(len(hashes)) > limit {
			return final{fmt.Errorf("the server sends more than %d bytes of hashes", limit)}
		}
		return err
	})
	return hashes, err
}

func filesURL(p manifest.Path, at int64, dir bool, q url.Values) string {
	u := "/files/" + p.Escape()
	if dir && p != "" {
		u += "/"
	}
	if at > 0 {
		if q == nil {
			q = url.Values{}
		}
		q.Set("at", strconv.FormatInt(at, 10))
	}
	if len(q) > 0 {
		u += "?" + q.Encode()
	}
	return u
}
