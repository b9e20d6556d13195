package load

import (
	"bufio"
	"bytes"
	"fmt"
	"strconv"
)

// answer reads one response and throws its body away. It reads what our servers and
// nginx send for a file: a Content-Length, no chunks.
func answer(r *bufio.Reader, head bool) (int64, error) {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return 0, fmt.Errorf("load: reading an answer: %w", err)
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
		return 0, fmt.Errorf("%w: %s", ErrStatus, bytes.TrimSpace(line))
	}
	length := int64(-1)
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return 0, fmt.Errorf("load: reading a header: %w", err)
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		if n, ok := contentLength(line); ok {
			length = n
		}
	}
	if head {
		return 0, nil
	}
	if length < 0 {
		return 0, fmt.Errorf("load: an answer without Content-Length")
	}
	for left := length; left > 0; {
		n, err := r.Discard(int(min(left, 1<<20)))
		if left -= int64(n); err != nil {
			return 0, fmt.Errorf("load: reading a body: %w", err)
		}
	}
	return length, nil
}

func contentLength(line []byte) (int64, bool) {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || !bytes.EqualFold(name, []byte("content-length")) {
		return 0, false
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64)
	return n, err == nil && n >= 0
}
