package codec

import (
	"encoding/binary"
	"math/bits"
)

// Sizes of an alignment.
const (
	guessSame     = 0 // that the byte has not changed
	guessRelative = 1 // that the field refers to a place, from its own end on, which has moved
	guessAbsolute = 2 // that it refers to a place, wherever it is itself
	guessRecent   = 3 // that it changes by as much as the last that changed
	guesses       = 4
	tries         = 2  // guesses that are asked about
	fieldBytes    = 4  // a field is a number of 32 bits, the lowest byte first
	fieldNone     = 0  // no byte of a field is known; 1 to 3: so many
	fieldFirst    = 4  // and the byte is the first of a literal
	fieldStates   = 5  // of what is known of a field
	pastBits      = 6  // of a guess that are remembered
	regionBits    = 12 // log2 of the bytes of a region
	regions       = 1 << 12
	alignedAhead  = fieldBytes // bytes after what a literal replaces that are looked at
	guessContexts = 4
	guessBits     = 14 // log2 of the counters of a context
	guessInputs   = guessContexts + 2
	guessSets     = tries * fieldStates * 4 // of weights
)

// An alignment is what a literal replaces, side by side with it. Files that were
// built again differ in places by little but numbers: what lies behind an insertion
// has moved, and all that refers to it has changed by as much. So it makes guesses
// at each byte: that of the old file, and for fields whose first byte differs that
// they change as fields that referred to near there did (Percival, "Naive
// differences of executable code", 2003, makes use of the same).
type alignment struct {
	old    []byte // what is replaced and alignedAhead more, if there are so many
	offset uint32 // of old in its basis, low bits
	ahead  uint32 // how much further on old is than the literal, low bits
	size   int    // of the literal
	at     int    // the next byte of the literal
	start  int    // of the field that at is in, if less than fieldBytes before it
	field  uint32 // what is known of it

	guess    [guesses]guess
	changes  [guesses]uint32 // by which the field is guessed to change
	relative [regions]uint32 // by the region that fields referred to: their changes, less ahead
	absolute [regions]uint32 // by the region: their changes
	recent   uint32          // the last change
	mix      guessMix
}

// A guess is a byte that may come.
type guess struct {
	byte byte
	made bool   // byte is valid
	past uint32 // which of the last were right, a bit each, the last in the lowest
	odds [fieldStates << pastBits]uint16
}

// reset forgets all that was learnt.
func (a *alignment) reset() {
	clear(a.relative[:])
	clear(a.absolute[:])
	a.recent = 0
	for i := range a.guess {
		g := &a.guess[i]
		g.past = 0
		for k := range g.odds {
			g.odds[k] = uint16(1+bits.OnesCount(uint(k)%(1<<pastBits))) << 13
		}
	}
	same := &a.guess[guessSame]
	same.past = 1<<pastBits - 1
	for k := range 1 << pastBits {
		same.odds[fieldFirst<<pastBits|k] = 512 // a copy would have taken it
	}
	a.mix.reset()
}

// begin sets the alignment beside a literal of size bytes, ahead bytes before the
// old bytes, which are at an offset of their basis.
func (a *alignment) begin(old []byte, offset, ahead int64, size int) {
	a.old, a.offset, a.ahead, a.size = append(a.old[:0], old...), uint32(offset), uint32(ahead), size
	a.at, a.start = 0, -fieldBytes
}

// number returns the old field at i; bytes that are not known are 0.
func (a *alignment) number(i int) uint32 {
	var b [fieldBytes]byte
	copy(b[:], a.old[min(i, len(a.old)):])
	return binary.LittleEndian.Uint32(b[:])
}

// fieldState says what is known of the field that the next byte is in.
func (a *alignment) fieldState() int {
	switch k := a.at - a.start; {
	case k < fieldBytes:
		return k
	case a.at == 0:
		return fieldFirst
	}
	return fieldNone
}

// regionsOf returns where the changes of a field at i are remembered.
func (a *alignment) regionsOf(i int) (relative, absolute *uint32) {
	v := a.number(i)
	target := a.offset + uint32(i) + fieldBytes + v
	return &a.relative[target>>regionBits%regions], &a.absolute[v>>regionBits%regions]
}

// foretell makes the guesses at the next byte.
func (a *alignment) foretell() {
	i := a.at
	for k := range a.guess {
		a.guess[k].made = false
	}
	if i >= len(a.old) {
		return
	}
	a.guess[guessSame].byte, a.guess[guessSame].made = a.old[i], true
	if a.fieldState() == fieldNone || a.fieldState() == fieldFirst {
		relative, absolute := a.regionsOf(i)
		a.changes = [guesses]uint32{0, *relative + a.ahead, *absolute, a.recent}
		for k := guessSame + 1; k < guesses; k++ {
			a.guess[k].byte, a.guess[k].made = a.old[i]+byte(a.changes[k]), byte(a.changes[k]) != 0
		}
		return
	}
	shift := 8 * (i - a.start)
	v := a.number(a.start)
	for k := guessSame + 1; k < guesses; k++ {
		n := v + a.changes[k]
		a.guess[k].byte, a.guess[k].made = byte(n>>shift), (n^a.field)&(1<<shift-1) == 0
	}
}

// pick returns the guess likeliest to be right, the first of several, but none of the
// byte not (-1: of any), or nil.
func (a *alignment) pick(not int) *guess {
	var best *guess
	place := a.fieldState() << pastBits
	for i := range a.guess {
		g := &a.guess[i]
		if g.made && int(g.byte) != not && (best == nil || *g.chance(place) > *best.chance(place)) {
			best = g
		}
	}
	return best
}

// chance returns the place of the probability that the guess is right.
func (g *guess) chance(place int) *uint16 { return &g.odds[place|int(g.past%(1<<pastBits))] }

// agree returns which guesses are of a byte, a bit each.
func (a *alignment) agree(b byte) (set uint32) {
	for i := range a.guess {
		if a.guess[i].made && a.guess[i].byte == b {
			set |= 1 << i
		}
	}
	return set
}

// came takes in the byte that came.
func (a *alignment) came(c byte) {
	for i := range a.guess {
		g := &a.guess[i]
		if !g.made {
			continue
		}
		g.past <<= 1
		if g.byte == c {
			g.past |= 1
		}
	}
	if k := a.at - a.start; k < fieldBytes {
		a.field |= uint32(c) << (8 * k)
	} else if a.at < len(a.old) && a.old[a.at] != c {
		a.start, a.field = a.at, uint32(c)
	}
	a.at++
	if n := a.at - a.start; n == fieldBytes || n < fieldBytes && a.at == a.size {
		a.changed(n)
	}
}

// changed remembers how the field changed of which the first n bytes came; the
// copy after the literal has the others.
func (a *alignment) changed(n int) {
	v := a.number(a.start)
	if n < fieldBytes {
		a.field |= v >> (8 * n) << (8 * n)
	}
	change := a.field - v
	relative, absolute := a.regionsOf(a.start)
	*relative, *absolute, a.recent = change-a.ahead, change, change
	a.start = a.at - fieldBytes
}
