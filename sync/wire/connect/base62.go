package connect

import (
	"crypto/rand"
	"hash/crc32"
	"math/big"
)

const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// checksumLen is the length of a checksum: 62^6 exceeds 2^32.
const checksumLen = 6

func digit(c byte) (int64, bool) {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0'), true
	case 'A' <= c && c <= 'Z':
		return int64(c-'A') + 10, true
	case 'a' <= c && c <= 'z':
		return int64(c-'a') + 36, true
	}
	return 0, false
}

func allDigits(s string) bool {
	for i := range len(s) {
		if _, ok := digit(s[i]); !ok {
			return false
		}
	}
	return true
}

// checksum returns the checksum of s.
func checksum(s string) string {
	sum := crc32.ChecksumIEEE([]byte(s))
	var b [checksumLen]byte
	for i := len(b) - 1; i >= 0; i-- {
		b[i] = digits[sum%62]
		sum /= 62
	}
	return string(b[:])
}

// random returns n characters, each drawn evenly from the 62.
func random(n int) string {
	out := make([]byte, 0, n)
	buf := make([]byte, n+n/8)
	for len(out) < n {
		rand.Read(buf) // never fails (crypto/rand)
		for _, b := range buf {
			// 248 is the largest multiple of 62 that a byte can exceed: those
			// above are drawn again so that no character is likelier.
			if b < 248 && len(out) < n {
				out = append(out, digits[b%62])
			}
		}
	}
	return string(out)
}

// encode returns b, whose first byte must not be 0, in base62.
func encode(b []byte) string {
	return swapCase(new(big.Int).SetBytes(b).Text(62))
}

// decode reverses encode. Only what encode returns is accepted.
func decode(s string) ([]byte, bool) {
	if s == "" || s[0] == '0' || !allDigits(s) {
		return nil, false
	}
	n, ok := new(big.Int).SetString(swapCase(s), 62)
	if !ok {
		return nil, false
	}
	return n.Bytes(), true
}

// swapCase turns the digits of math/big, which has lower case before upper,
// into ours or (the same exchange of cases) ours into its.
func swapCase(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' {
			b[i] = c ^ 0x20
		}
	}
	return string(b)
}
