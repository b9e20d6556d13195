package archive

import (
	"bytes"
	"math"
	"strconv"
)

// A paxRecord is one "length key=value\n" of a pax header (POSIX.1-2017, pax
// Extended Header).
type paxRecord struct {
	key, value []byte
}

const (
	maxPaxRecords = 64
	maxPaxKey     = 256
)

// parsePax splits the content of a pax header into records, which share b. It
// reports false if anything about it is not as [appendPax] writes it.
func parsePax(b []byte) (recs []paxRecord, ok bool) {
	for rest := b; len(rest) > 0; {
		sp := bytes.IndexByte(rest[:min(len(rest), 12)], ' ')
		if sp < 1 {
			return nil, false
		}
		n, err := strconv.Atoi(string(rest[:sp]))
		if err != nil || n <= sp+1 || n > len(rest) {
			return nil, false
		}
		key, value, found := bytes.Cut(rest[sp+1:n-1], []byte{'='})
		if !found || len(key) > maxPaxKey || len(recs) == maxPaxRecords {
			return nil, false
		}
		r := paxRecord{key, value}
		if !bytes.Equal(appendPax(nil, r), rest[:n]) {
			return nil, false
		}
		recs, rest = append(recs, r), rest[n:]
	}
	return recs, true
}

// appendPax appends the coding of r; its length counts itself.
func appendPax(dst []byte, r paxRecord) []byte {
	n := len(r.key) + len(r.value) + 3
	total := n + len(strconv.Itoa(n))
	if d := len(strconv.Itoa(total)); n+d != total {
		total = n + d
	}
	dst = strconv.AppendInt(dst, int64(total), 10)
	dst = append(dst, ' ')
	dst = append(dst, r.key...)
	dst = append(dst, '=')
	dst = append(dst, r.value...)
	return append(dst, '\n')
}

// The kinds of pax values, told by their keys.
type paxKind byte

const (
	paxText   paxKind = iota
	paxPath           // the member's name: known already
	paxTarget         // its link target: known already
	paxTime           // seconds with a fraction
)

func kindOf(key []byte) paxKind {
	switch string(key) {
	case "path":
		return paxPath
	case "linkpath":
		return paxTarget
	case "mtime", "atime", "ctime", "LIBARCHIVE.creationtime":
		return paxTime
	}
	return paxText
}

// A paxStamp is a time of a pax record: seconds, and the digits after the
// point as a number with their count.
type paxStamp struct {
	secs   int64
	frac   uint64
	digits int
}

// maxFracDigits is the most digits that a fraction may have to be coded as a
// number; more are text.
const maxFracDigits = 18

// parseStamp reads a time; it reports false for one that [paxStamp.append] would
// not write.
func parseStamp(v []byte) (paxStamp, bool) {
	var s paxStamp
	whole, frac, point := bytes.Cut(v, []byte{'.'})
	secs, err := strconv.ParseInt(string(whole), 10, 64)
	if err != nil || secs < 0 || secs > math.MaxInt64/2 || point == (len(frac) == 0) || len(frac) > maxFracDigits {
		return s, false
	}
	s.secs, s.digits = secs, len(frac)
	for _, c := range frac {
		if c < '0' || c > '9' {
			return s, false
		}
		s.frac = s.frac*10 + uint64(c-'0')
	}
	return s, bytes.Equal(s.append(nil), v)
}

func (s paxStamp) append(dst []byte) []byte {
	dst = strconv.AppendInt(dst, s.secs, 10)
	if s.digits == 0 {
		return dst
	}
	dst = append(dst, '.')
	k := len(dst)
	dst = append(dst, "000000000000000000"[:s.digits]...)
	for i, f := len(dst)-1, s.frac; i >= k; i-- {
		dst[i] += byte(f % 10)
		f /= 10
	}
	return dst
}

// width is how many bytes hold a fraction of the given number of digits: as
// few as can, because fresh fractions do not compress.
func fracWidth(digits int) int {
	return (digits*3322 + 7999) / 8000
}

// putStamp codes a value of a time record relative to the member's mtime.
func putStamp(c *columnSet, v []byte, mtime uint64) {
	s, ok := parseStamp(v)
	if !ok {
		c.uvarint(colSpecial, 0)
		c.bytes(colPax, v)
		return
	}
	c.uvarint(colSpecial, uint64(s.digits)+1)
	c.varint(colSpecial, int64(uint64(s.secs)-mtime))
	for i := range fracWidth(s.digits) {
		c[colFrac] = append(c[colFrac], byte(s.frac>>(8*i)))
	}
}

// stamp appends to dst the value that [putStamp] coded.
func (c *columnReaders) stamp(dst []byte, mtime uint64, max int) []byte {
	d := c.uvarint(colSpecial)
	if d == 0 || c.err != nil {
		return c.bytes(colPax, dst, max)
	}
	if d--; d > maxFracDigits {
		c.fail(badRecipe("fraction of a time"))
		return dst
	}
	s := paxStamp{digits: int(d), secs: int64(uint64(c.varint(colSpecial)) + mtime)}
	for i := range fracWidth(s.digits) {
		s.frac |= uint64(c.byte(colFrac)) << (8 * i)
	}
	return s.append(dst)
}
