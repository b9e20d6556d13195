package remote

import (
	"bytes"
	"io"
	"net/http"
	"testing"
	"time"
)

// TestFetchRanges asks for one range and for several of a file that net/http serves,
// and gets those bytes with one request each.
func TestFetchRanges(t *testing.T) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1000)
	requests := 0
	s := newServer(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
	})
	c := s.client(Config{})
	for _, ranges := range [][][2]int64{{{5, 10}}, {{0, 1}, {100, 3000}, {15_990, 10}}} {
		got := make([][]byte, len(ranges))
		requests = 0
		err := c.FetchRanges(t.Context(), "f", 7, ranges, func(i int, r io.Reader) (err error) {
			got[i], err = io.ReadAll(r)
			return err
		})
		if err != nil || requests != 1 {
			t.Fatalf("%d requests, error %v", requests, err)
		}
		for i, r := range ranges {
			if !bytes.Equal(got[i], data[r[0]:r[0]+r[1]]) {
				t.Errorf("range %v: %d bytes", r, len(got[i]))
			}
		}
	}
}

// TestFetchRangesOfALiar must take nothing for the range asked for that is not.
func TestFetchRangesOfALiar(t *testing.T) {
	multi := func(head, body string) string {
		return "--b\r\nContent-Range: " + head + "\r\n\r\n" + body + "\r\n--b--\r\n"
	}
	for name, answer := range map[string]struct {
		status      int
		kind, where string
		body        string
	}{
		"the whole file":           {200, "application/octet-stream", "", "0123456789"},
		"another range":            {206, "application/octet-stream", "bytes 1-2/10", "12"},
		"no range named":           {206, "application/octet-stream", "", "01"},
		"another part":             {206, "multipart/byteranges; boundary=b", "", multi("bytes 4-5/10", "45")},
		"no boundary":              {206, "multipart/byteranges", "", multi("bytes 0-1/10", "01")},
		"no type":                  {206, ";", "", "01"},
		"a range shorter by a bit": {206, "multipart/byteranges; boundary=b", "", multi("bytes 0-1/10", "0")},
	} {
		s := newServer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", answer.kind)
			if answer.where != "" {
				w.Header().Set("Content-Range", answer.where)
			}
			w.WriteHeader(answer.status)
			_, _ = io.WriteString(w, answer.body)
		})
		err := s.client(Config{}).FetchRanges(t.Context(), "f", 0, [][2]int64{{0, 2}, {5, 2}}, func(_ int, r io.Reader) error {
			_, err := io.Copy(io.Discard, r)
			return err
		})
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
