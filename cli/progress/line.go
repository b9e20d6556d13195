package progress

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/pubsync/pubsync/sync/wire"
)

// counts are what has been done and what is to be.
type counts struct {
	files, allFiles int
	bytes, allBytes int64
}

// fields returns "12/300 files" and "4.5/80.0 MB", as far as there is something
// to tell.
func (c *counts) fields() []string {
	var f []string
	switch {
	case c.allFiles > 0:
		f = append(f, grouped(c.files)+"/"+grouped(c.allFiles)+" files")
	case c.files > 0:
		f = append(f, grouped(c.files)+" files")
	}
	switch {
	case c.allBytes > 0:
		f = append(f, wire.Bytes(c.bytes, c.allBytes))
	case c.bytes > 0:
		f = append(f, wire.Bytes(c.bytes))
	}
	return f
}

// part returns how much is done, from 0 to 1, and whether that is known: by
// bytes, and by files where there are no bytes.
func (c *counts) part() (float64, bool) {
	done, all := float64(c.bytes), float64(c.allBytes)
	if all <= 0 {
		done, all = float64(c.files), float64(c.allFiles)
	}
	if all <= 0 {
		return 0, false
	}
	return min(max(done/all, 0), 1), true
}

// layout fits the text into so many columns, and puts a bar after it where
// there is room for one.
func layout(text string, c *counts, columns int) string {
	const shortest, longest = 10, 30
	n := utf8.RuneCountInString(text)
	if n > columns {
		return string([]rune(text)[:columns])
	}
	part, known := c.part()
	room := min(columns-n-len("  100% []"), longest)
	if !known || room < shortest {
		return text
	}
	full := int(part * float64(room))
	return fmt.Sprintf("%s  %3d%% [%s%s]", text, int(part*100), strings.Repeat("=", full), strings.Repeat(" ", room-full))
}

// grouped returns n with its digits in groups of three.
func grouped(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// clock returns a length of time as "0:07", "12:34" or "1:02:03".
func clock(t time.Duration) string {
	s := int64(t.Round(time.Second) / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}
