package remote

import (
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strconv"
	"strings"

	"github.com/pubsync/pubsync/sync/manifest"
)

// FetchRanges calls use with each range of the content published at path in a
// version: its index, and exactly its bytes. A range is an offset and a length,
// both in bytes; all must lie within the content, ascending, none empty. They are
// fetched with one request (RFC 9110 section 14), so a few hundred at most should
// be asked for. After a failure it calls use again, from the first range on. An
// answer that is not the ranges asked for is an error.
func (c *Client) FetchRanges(ctx context.Context, path manifest.Path, at int64, ranges [][2]int64, use func(i int, r io.Reader) error) error {
	var b strings.Builder
	b.WriteString("bytes=")
	for i, r := range ranges {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%d-%d", r[0], r[0]+r[1]-1)
	}
	h := http.Header{"Range": {b.String()}}
	return c.Get(ctx, filesURL(path, at, false, nil), h, func(resp *http.Response) error {
		if resp.StatusCode != http.StatusPartialContent {
			return final{fmt.Errorf("%q: asked for %d ranges, the server answers %s", path, len(ranges), resp.Status)}
		}
		return eachRange(resp, ranges, use)
	})
}

func eachRange(resp *http.Response, ranges [][2]int64, use func(i int, r io.Reader) error) error {
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/byteranges" {
		return oneRange(0, resp.Header.Get("Content-Range"), resp.Body, ranges[:1], use)
	}
	parts := multipart.NewReader(resp.Body, params["boundary"])
	for i := range ranges {
		part, err := parts.NextRawPart()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnreachable, err)
		}
		if err := oneRange(i, part.Header.Get("Content-Range"), part, ranges, use); err != nil {
			return err
		}
	}
	return nil
}

// oneRange hands a body on that must be the range i.
func oneRange(i int, contentRange string, body io.Reader, ranges [][2]int64, use func(i int, r io.Reader) error) error {
	r := ranges[i]
	want := "bytes " + strconv.FormatInt(r[0], 10) + "-" + strconv.FormatInt(r[0]+r[1]-1, 10) + "/"
	if !strings.HasPrefix(contentRange, want) {
		return final{fmt.Errorf("asked for %s, the server sends %q", want, contentRange)}
	}
	exact := &io.LimitedReader{R: body, N: r[1]}
	if err := use(i, exact); err != nil {
		return err
	}
	if exact.N > 0 {
		return fmt.Errorf("%w: %w", ErrUnreachable, io.ErrUnexpectedEOF)
	}
	return nil
}
