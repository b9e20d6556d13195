package deflate

import "fmt"

// A Model identifies an encoder model: a family of encoders, its level and
// its parameters. Values are frozen: they stand in recipes, and a model is
// never changed once released, only joined by others. The zero Model is none.
//
//	bits 0-3    level
//	bits 4-9    family
//	bits 10-13  zlib's memLevel, exclusive-or 8
//	bits 14-17  15 less zlib's windowBits
//	bits 18-31  size in KiB of the chunks compressed apart (pigz), or 0
type Model uint32

// A family is a line of encoders that share a match search.
type family uint8

const (
	zlibFamily  family = 1 // zlib by Gailly and Adler: system, Python, Java, git
	gzipFamily  family = 2 // GNU gzip and Info-ZIP zip
	crcFamily   family = 3 // Chromium's zlib with a CRC-32C hash: Node.js
	knuthFamily family = 4 // Chromium's zlib with a multiplicative hash
	goFamily    family = 5 // Go's compress/flate up to Go 1.26
)

// goHuffman stands for the level of Go's flate.HuffmanOnly.
const goHuffman = 10

func newModel(f family, level int) Model { return Model(level) | Model(f)<<4 }

func (m Model) withMemLevel(l int) Model   { return m | Model(l^8)<<10 }
func (m Model) withWindowBits(b int) Model { return m | Model(15-b)<<14 }
func (m Model) withChunk(kib int) Model    { return m | Model(kib)<<18 }

func (m Model) level() int      { return int(m & 15) }
func (m Model) family() family  { return family(m >> 4 & 63) }
func (m Model) memLevel() int   { return int(m>>10&15) ^ 8 }
func (m Model) windowBits() int { return 15 - int(m>>14&15) }
func (m Model) chunk() int      { return int(m>>18) << 10 }

// String returns the model's name, such as "zlib-6" or "go-9", for logs.
func (m Model) String() string {
	name, ok := map[family]string{zlibFamily: "zlib", gzipFamily: "gzip",
		crcFamily: "chromium", knuthFamily: "chromium-k", goFamily: "go"}[m.family()]
	switch {
	case m == 0:
		return "none"
	case !ok:
		return fmt.Sprintf("unknown-%#x", uint32(m))
	case m.family() == goFamily && m.level() == goHuffman:
		return "go-huffman"
	}
	name = fmt.Sprintf("%s-%d", name, m.level())
	if m.memLevel() != 8 {
		name += fmt.Sprintf(".mem%d", m.memLevel())
	}
	if m.windowBits() != 15 {
		name += fmt.Sprintf(".win%d", m.windowBits())
	}
	if m.chunk() != 0 {
		name += fmt.Sprintf(".chunk%dk", m.chunk()>>10)
	}
	return name
}

// valid reports whether this package knows the model.
func (m Model) valid() bool {
	l := m.level()
	switch m.family() {
	case zlibFamily, crcFamily, knuthFamily:
		return l >= 1 && l <= 9 && m.memLevel() >= 1 && m.memLevel() <= 9 && m.windowBits() >= 9
	case gzipFamily:
		return l >= 1 && l <= 9 && m == newModel(gzipFamily, l)
	case goFamily:
		return l <= goHuffman && m == newModel(goFamily, l)
	}
	return false
}

// A hashKind is how an encoder hashes the bytes at a position.
type hashKind uint8

const (
	rollingHash hashKind = iota // zlib's UPDATE_HASH over three bytes
	crc3Hash                    // CRC-32C of three bytes
	crc4Hash                    // CRC-32C of four bytes
	knuthHash                   // four bytes times 66521
	goHash                      // four bytes times 0x1e35a7bd, big-endian
)

// A chainConfig describes a match search over hash chains.
type chainConfig struct {
	good, lazy, nice, chain int // as in zlib's configuration_table
	eager                   bool
	hash                    hashKind
	hashBits                uint
	maxDist                 int
	goRules                 bool // Go's findMatch instead of zlib's longest_match
	overlook                bool // gzip: matches are compared beyond the end
	chunk                   int  // bytes compressed at a time, 0 for all
}

// levelTable is the configuration_table of zlib's and gzip's deflate.c, which
// compress/flate shares from level 4 on.
var levelTable = [10]struct{ good, lazy, nice, chain int }{
	1: {4, 4, 8, 4},
	2: {4, 5, 16, 8},
	3: {4, 6, 32, 32},
	4: {4, 4, 16, 16},
	5: {8, 16, 32, 32},
	6: {8, 16, 128, 128},
	7: {8, 32, 128, 256},
	8: {32, 128, 258, 1024},
	9: {32, 258, 258, 4096},
}

// chainConfig returns the match search of a model that uses hash chains.
func (m Model) chainConfig() chainConfig {
	l := levelTable[m.level()]
	c := chainConfig{good: l.good, lazy: l.lazy, nice: l.nice, chain: l.chain,
		eager: m.level() <= 3, chunk: m.chunk()}
	c.maxDist = 1<<m.windowBits() - maxMatch - minMatch - 1
	c.hashBits = uint(m.memLevel() + 7)
	switch m.family() {
	case gzipFamily:
		c.overlook = true
	case crcFamily:
		c.hashBits = max(c.hashBits, 15)
		c.hash = crc4Hash
		if m.level() >= 6 {
			c.hash = crc3Hash
		}
	case knuthFamily:
		c.hashBits = max(c.hashBits, 15)
		c.hash = knuthHash
	case goFamily:
		c.goRules, c.hash, c.hashBits, c.maxDist = true, goHash, 17, windowSize
		switch m.level() {
		case 2:
			c.lazy, c.nice, c.chain = 5, 16, 8
		case 3:
			c.lazy, c.nice, c.chain = 6, 32, 32
		}
	}
	return c
}

// sequential reports whether predicting a segment needs what happened in the
// segments before, beyond the bytes of the window.
func (m Model) sequential() bool {
	return m.level() <= 3 && m.usesChains() || m == newModel(goFamily, 1)
}

// searchesLike reports whether both models have chains and search them alike, but
// near the end of a stream: gzip and zlib do.
func (m Model) searchesLike(o Model) bool {
	if m == o {
		return m != 0
	}
	if m == 0 || o == 0 || !m.usesChains() || !o.usesChains() {
		return false
	}
	a, b := m.chainConfig(), o.chainConfig()
	a.overlook, b.overlook = false, false
	return a == b
}

// usesChains reports whether the model's match search is a chainPredictor.
func (m Model) usesChains() bool {
	l := m.level()
	return m.family() != goFamily || l >= 2 && l <= 9
}
