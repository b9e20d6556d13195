package archive

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"
)

// A crowd is a tar of files of a byte, all of another name, that is made up while it is
// read. It looks at how much memory is in use meanwhile.
type crowd struct {
	header  []byte // of a member
	members int64
	name    string // a format for the number
	every   int    // reads between two looks
	reads   int
	idle    uint64 // bytes in use before
	peak    uint64
	spool   *memSpool // not counted
}

func newCrowd(t *testing.T, members int64, name string) *crowd {
	b := goTar(t, "", 1, tar.FormatUSTAR, func(int) time.Time { return time.Unix(1.7e9, 0) })
	c := &crowd{header: bytes.Clone(b[:512]), members: members, name: name, every: 50_000, spool: &memSpool{}}
	copy(c.header[124:136], "00000000001\x00") // size
	c.idle = inUse()
	return c
}

func inUse() uint64 {
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return s.HeapAlloc
}

func (c *crowd) size() int64 { return 1024*c.members + 1024 }

func (c *crowd) ReadAt(b []byte, off int64) (int, error) {
	if c.reads++; c.reads%c.every == 0 {
		c.peak = max(c.peak, inUse()-min(uint64(cap(c.spool.b)), inUse()))
	}
	n := 0
	for n < len(b) && off+int64(n) < c.size() {
		at := off + int64(n)
		n += copy(b[n:min(int64(len(b)), int64(n)+c.size()-at)], c.block(at / 512)[at%512:])
	}
	if n < len(b) {
		return n, io.EOF
	}
	return n, nil
}

// block returns a block of the tar.
func (c *crowd) block(number int64) []byte {
	b := make([]byte, 512)
	if number >= 2*c.members {
		return b
	}
	if number%2 == 1 {
		b[0] = byte(number)
		return b
	}
	copy(b, c.header)
	clear(b[:100])
	copy(b, fmt.Appendf(nil, c.name, number/2*0x9E3779B1%(1<<28)))
	copy(b[148:156], "        ")
	sum := 0
	for _, x := range b {
		sum += int(x)
	}
	copy(b[148:156], fmt.Appendf(nil, "%06o\x00 ", sum))
	return b
}

// Nearly as many members as an archive may have, with nearly as much in columns, take
// no more memory than promised.
func TestMemoryOfManyMembers(t *testing.T) {
	lim := DefaultLimits()
	c := newCrowd(t, int64(lim.Members)-50, "%[1]x/%07[1]d-%[1]o-%[1]d-%[1]d-%[1]x")
	v, err := Expand(t.Context(), c, c.size(), c.spool, lim)
	if err != nil {
		t.Fatal(err)
	}
	if columns := v.PlainSize - c.members; columns < int64(lim.ColumnBytes)*3/4 {
		t.Errorf("only %d bytes of columns", columns)
	}
	if used := int64(c.peak - c.idle); c.peak == 0 || used > 64<<20 {
		t.Errorf("%d bytes in use, want at most 64 MiB", used)
	}
}
