package codec

// A guessMix mixes from contexts the probability that a guess of an alignment is
// right, as a mixModel does for bits.
type guessMix struct {
	counters [guessContexts << guessBits]uint16
	weights  [guessSets][guessInputs]int32

	slots  [guessContexts]int // of this guess
	odds   *uint16
	inputs [guessInputs]int32
	set    int
	sum    int32
}

// Weights that a guessMix begins with: it knows the odds before it has met a context.
const (
	guessWeight = weightInit
	oddsWeight  = 50000
)

func (m *guessMix) reset() {
	for i := range m.counters {
		m.counters[i] = counterInit
	}
	for i := range m.weights {
		for k := range m.weights[i] {
			m.weights[i][k] = guessWeight
		}
		m.weights[i][guessContexts] = oddsWeight
	}
}

// right returns the probability that a guess is right, in 1/65536, the try-th for
// this byte, after the last bytes.
func (m *mixModel) right(try int, g *guess) uint32 {
	a, x := &m.side, &m.side.mix
	state, same := a.fieldState(), &a.guess[guessSame]
	old, last, agree := uint32(same.byte), uint32(m.last8), a.agree(g.byte)
	tag := uint32(try<<3 | state)
	for i, h := range [guessContexts]uint32{
		mixHash(old<<8|uint32(g.byte), tag+16),
		mixHash(old<<8|last&0xFF, tag+agree<<8+32),
		mixHash(same.past&7<<16|last&0xFFFF, tag+48),
		mixHash(g.past&15<<12|same.past&15<<8|agree, tag+64),
	} {
		x.slots[i] = i<<guessBits | int(h>>(32-guessBits))
		v := x.counters[x.slots[i]]
		met := -int32(v&countMask) >> 31 // all ones, or none
		x.inputs[i] = int32(m.stretch[v>>countBits]) & met
	}
	x.odds = g.chance(state << pastBits)
	x.inputs[guessContexts] = int32(m.stretch[*x.odds>>4])
	x.inputs[guessContexts+1] = 256
	x.set = (try*fieldStates+state)*4 + int(same.past&3)
	sum := int64(0)
	for i, w := range x.weights[x.set] {
		sum += int64(x.inputs[i]) * int64(w)
	}
	x.sum = int32(min(max(sum>>16, -2047), 2047))
	return min(max(uint32(m.squash[x.sum+2048]), minChance), 65536-minChance)
}

// learnRight has the mix learn whether the guess was right: 1 or 0.
func (m *mixModel) learnRight(bit uint32) {
	x := &m.side.mix
	if miss := m.missed(x.sum, bit); miss != 0 {
		learnWeights(x.weights[x.set][:], x.inputs[:], miss)
	}
	for _, s := range x.slots {
		x.counters[s] = m.counted(x.counters[s], int32(bit)*counterHigh)
	}
	move(x.odds, int32(bit*65535))
}

// replacing codes a literal beside what it replaces: for each byte, whether the
// likeliest guess is right, then another; if neither is, the bits.
func (m *mixModel) replacing(coder bitCoder, b []byte) {
	for i := range b {
		m.side.foretell()
		if !m.guessed(coder, &b[i]) {
			m.buckets(0)
			m.code(coder, &b[i])
		}
		m.side.came(b[i])
	}
}

// guessed codes a byte if one of the guesses is right, and reports whether it did.
func (m *mixModel) guessed(coder bitCoder, c *byte) bool {
	not := -1
	for try := range tries {
		g := m.side.pick(not)
		if g == nil {
			return false
		}
		bit := uint32(0)
		if g.byte == *c {
			bit = 1
		}
		bit = coder.chance(m.right(try, g), bit)
		m.learnRight(bit)
		if bit == 1 {
			*c = g.byte
			m.pass(*c)
			return true
		}
		not = int(g.byte)
	}
	return false
}

// pass moves on by a byte from which the counters do not learn.
func (m *mixModel) pass(c byte) {
	switch {
	case m.matchLen == 0:
	case byte(m.matchByte) == c:
		m.matchLen = min(m.matchLen+1, matchMax)
	default:
		m.matchLen = 0
	}
	m.endByte(c)
}
