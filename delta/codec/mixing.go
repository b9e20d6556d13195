package codec

import (
	"math/bits"
	"slices"
)

// Sizes of a mixModel.
const (
	mixOrders   = 6                // contexts whose counters are in the table
	mixInputs   = 2*mixOrders + 3  // two of each context, two of the match, a constant
	mixSets     = 16 + 256         // of weights: by what is known, by the bits of the byte
	counterInit = 1 << 15          // probability a half, nothing seen
	countBits   = 4                // of a counter: how often it was met
	countMask   = 1<<countBits - 1 // above it a counter forgets
	counterHigh = 1<<12 - 1        // the highest probability
	mapSize     = 16 * 64          // states of counters that are told apart
	matchMin    = 5                // bytes
	matchMax    = 31               // lengths that are told apart
	matchBits   = 16               // of the table of positions
	minBuckets  = 10               // log2 of how many there are at least
	maxBuckets  = 18               // and at most: 8 MiB
	adjustSteps = 33               // points of a final curve
	adjustBits  = 12               // log2 of the curves by the two bytes before
	minChance   = 32               // in 1/65536
	mixSmall    = 12               // misses that nothing is learnt from
	mixRate     = 2                // of weights
	mapShift    = 5                // of maps and curves: they move by 1/32
	weightInit  = 14000            // of 65536
)

// A mixModel gives the probability of each next bit of a text, mixed from what
// followed earlier in contexts of several lengths (Mahoney, "Adaptive weighing of
// context models for lossless data compression", 2005). See the package comment.
type mixModel struct {
	logistic
	history []byte
	last8   uint64 // bytes, the last in the lowest bits
	word    uint32 // hash of the letters and digits up to here
	partial uint32 // the bits of the current byte, after a 1
	nibble  uint32 // of the current half byte
	known   int    // bits of the current byte

	// Buckets of 16: a check and the 15 counters of a half byte's tree, each a
	// probability of 12 bits and a count. Two are a cache line: what takes the
	// time is fetching them.
	table  []uint16
	mask   uint32
	hashes [mixOrders]uint32
	bucket [mixOrders]uint32
	maps   [mixOrders * mapSize]uint16 // what counters in a state came to
	mapped [mixOrders]uint16           // the places in it of this bit
	rates  [countMask + 1]int32
	states [countMask + 1]uint32 // of counts

	side    alignment
	aligned bool // the literal goes side by side with what it replaces

	matchAt    []int32 // by hash of the last bytes: where they occurred
	matchPos   int
	matchLen   int    // 0: none
	matchByte  uint32 // that it predicts, after a 1
	matchMap   [2 * (matchMax + 1)]uint16
	matchState int // its place in matchMap for this bit, -1 for none

	inputs  [mixInputs]int32
	weights [mixSets][mixInputs]int32
	set     int // of weights that was chosen by what is known
	sums    [2]int32
	byBits  [256 * adjustSteps]uint16 // final curves
	byBytes []uint16
	curves  [2]uint32 // places in them
}

// reset readies the model for a text of about size bytes.
func (m *mixModel) reset(size int) {
	if m.byBytes == nil {
		m.init()
		m.byBytes = make([]uint16, adjustSteps<<adjustBits)
		m.matchAt = make([]int32, 1<<matchBits)
		m.initCounts()
	}
	width := minBuckets
	for width < maxBuckets && 1<<width < 4*size {
		width++
	}
	m.table = slices.Grow(m.table[:0], 16<<width)[:16<<width]
	clear(m.table)
	m.mask = 1<<width - 1
	clear(m.matchAt)
	m.history, m.last8, m.word, m.matchLen = m.history[:0], 0, 0, 0
	m.side.reset()
	m.aligned = false
	for i := range m.weights {
		for k := range m.weights[i] {
			m.weights[i][k] = weightInit
		}
	}
	for k := range m.maps {
		m.maps[k] = uint16(k&63*1024 + 512)
	}
	for i := range m.matchMap {
		p := uint16(32768 / (i/2 + 2)) // of being wrong
		if i&1 == 1 {
			p = 65535 - p
		}
		m.matchMap[i] = p
	}
	for k := range m.byBits {
		m.byBits[k] = m.squash[min(max(k%adjustSteps*128, 1), 4095)]
	}
	for k := range m.byBytes {
		m.byBytes[k] = m.byBits[k%adjustSteps]
	}
	m.startByte()
}

// initCounts fills the tables by the count of a counter: how far it moves, and
// the state.
func (m *mixModel) initCounts() {
	for i := range m.rates {
		m.rates[i] = int32(131072 / (2*i + 3))
		switch {
		case i < 6:
			m.states[i] = uint32(i) * 64
		case i < 8:
			m.states[i] = 6 * 64
		case i < 12:
			m.states[i] = 7 * 64
		default:
			m.states[i] = 8 * 64
		}
	}
}

// mixHash mixes two numbers.
func mixHash(a, b uint32) uint32 {
	h := a*0x9E3779B1 ^ b*0x85EBCA6B
	h ^= h >> 15
	h *= 0x2C1B3C6D
	return h ^ h>>13
}

// startByte finds the contexts of the next byte: the last one, two, three, four
// and six bytes, and the word up to here.
func (m *mixModel) startByte() {
	m.partial, m.nibble, m.known = 1, 1, 0
	last4 := uint32(m.last8)
	m.hashes = [mixOrders]uint32{
		mixHash(last4&0xFF, 1), mixHash(last4&0xFFFF, 2), mixHash(last4&0xFFFFFF, 3), mixHash(last4, 4),
		mixHash(last4, 5+uint32(m.last8>>32)&0xFFFF), mixHash(m.word, 6+last4&0xFF),
	}
	m.match()
	if !m.aligned {
		m.buckets(0)
	}
}

// buckets finds the counters of the next half byte, half being the one before.
// Each hash has two places; a new one takes that which was used less.
func (m *mixModel) buckets(half uint32) {
	var (
		hashes [mixOrders]uint32
		checks [mixOrders]uint16
	)
	for i := range hashes { // all of them first: their places are far apart in memory
		h := mixHash(m.hashes[i]+half*0x1000193, uint32(i)+77)
		hashes[i] = h
		checks[i] = m.table[h&m.mask*16]
	}
	for i, h := range hashes {
		check := uint16(h>>16) | 1
		at := h & m.mask * 16
		if checks[i] != check || m.table[at] != check {
			at = m.place(at, check)
		}
		m.bucket[i] = at
	}
}

// place returns the other bucket for a hash that lives at at, or makes room for
// it in one of both.
func (m *mixModel) place(at uint32, check uint16) uint32 {
	if m.table[at] == check {
		return at // just made, for another context
	}
	if other := at ^ 16; m.table[other] == check || m.table[other+1]&countMask < m.table[at+1]&countMask {
		at = other
	}
	b := m.table[at:][:16]
	if b[0] != check {
		b[0] = check
		for k := range b[1:] {
			b[1+k] = counterInit
		}
	}
	return at
}

// predict returns the probability that the next bit is 1, in 1/65536.
func (m *mixModel) predict() uint32 {
	known := uint32(0) // of the contexts, those that were met
	for i, at := range m.bucket {
		v := uint32(m.table[at+m.nibble])
		n := v & countMask
		state := m.states[n] + v>>10 + uint32(i)*mapSize
		m.mapped[i] = uint16(state)
		met := -int32(n) >> 31 // all ones, or none
		m.inputs[2*i] = int32(m.stretch[m.maps[state]>>4]) & met
		m.inputs[2*i+1] = int32(m.stretch[v>>countBits]) & met
		known |= uint32(met) & (1 << i)
	}
	m.predictMatch()
	m.inputs[mixInputs-1] = 256
	m.set = m.knowledge(known)
	a, b := &m.weights[m.set], &m.weights[16+m.partial]
	var sums [2]int64
	for i, x := range m.inputs {
		sums[0] += int64(x) * int64(a[i])
		sums[1] += int64(x) * int64(b[i])
	}
	m.sums[0] = int32(min(max(sums[0]>>16, -2047), 2047))
	m.sums[1] = int32(min(max(sums[1]>>16, -2047), 2047))
	return m.adjust((m.sums[0]+m.sums[1])>>1 + 2048)
}

// knowledge sums up how long the match is and which contexts were met before.
func (m *mixModel) knowledge(met uint32) int {
	set := bits.Len32(met & 0x1F >> 2) // the longest of the third to the fifth
	switch {
	case m.matchLen >= 16:
		set += 12
	case m.matchLen >= 8:
		set += 8
	case m.matchLen > 0:
		set += 4
	}
	return set
}

// adjust corrects the mixed prediction x by what such predictions came to, after
// the bits of this byte alone and after two bytes.
func (m *mixModel) adjust(x int32) uint32 {
	step, part := uint32(x)>>7, uint32(x)&127
	c := mixHash(uint32(m.last8)&0xFFFF, m.partial) & (1<<adjustBits - 1)
	m.curves = [2]uint32{m.partial*adjustSteps + step, c*adjustSteps + step}
	x0, x1 := m.byBits[m.curves[0]:][:2], m.byBytes[m.curves[1]:][:2]
	sum := 2*uint32(m.squash[x]) +
		(uint32(x0[0])*(128-part)+uint32(x0[1])*part)>>7 +
		(uint32(x1[0])*(128-part)+uint32(x1[1])*part)>>7
	m.curves[0] += part >> 6
	m.curves[1] += part >> 6
	return min(max(sum>>2, minChance), 65536-minChance)
}

// learn updates all that predicted the bit, then goes on to the next.
func (m *mixModel) learn(bit uint32) {
	target := int32(bit * 65535)
	if missA, missB := m.missed(m.sums[0], bit), m.missed(m.sums[1], bit); missA|missB != 0 {
		learnWeights(m.weights[m.set][:], m.inputs[:], missA)
		learnWeights(m.weights[16+m.partial][:], m.inputs[:], missB)
	}
	move(&m.byBits[m.curves[0]], target)
	move(&m.byBytes[m.curves[1]], target)
	for _, s := range m.mapped {
		move(&m.maps[s], target)
	}
	up := int32(bit) * counterHigh
	for _, at := range m.bucket {
		m.table[at+m.nibble] = m.counted(m.table[at+m.nibble], up)
	}
	m.learnMatch(bit)
	m.shift(bit)
}

// missed is how far a mean of inputs was off, 0 if by little.
func (l *logistic) missed(sum int32, bit uint32) int32 {
	miss := (int32(bit*65535) - int32(l.squash[sum+2048])) >> 4 * mixRate
	if -mixSmall < miss && miss < mixSmall {
		return 0
	}
	return miss
}

// learnWeights moves weights by how far the mean of the inputs was off.
func learnWeights(weights, inputs []int32, miss int32) {
	inputs = inputs[:len(weights)]
	for i := range weights {
		weights[i] += (inputs[i]*miss + 1<<13) >> 14
	}
}

// move takes a probability a step towards what came.
func move(p *uint16, target int32) { *p = uint16(int32(*p) + (target-int32(*p))>>mapShift) }

// counted returns a counter that has met another bit; up is the highest
// probability there is, or 0.
func (m *mixModel) counted(v uint16, up int32) uint16 {
	n := v & countMask
	p := int32(v >> countBits)
	p += (up - p) * m.rates[n] >> 16
	return uint16(p)<<countBits | min(n+1, countMask)
}

// shift moves on by a bit.
func (m *mixModel) shift(bit uint32) {
	m.partial, m.nibble = m.partial<<1|bit, m.nibble<<1|bit
	switch m.known++; m.known {
	case 4:
		m.nibble = 1
		m.buckets(m.partial)
	case 8:
		m.endByte(byte(m.partial))
	}
}

// endByte takes in a byte whose bits are learnt.
func (m *mixModel) endByte(c byte) {
	m.history = append(m.history, c)
	m.last8 = m.last8<<8 | uint64(c)
	if isWord(c) {
		m.word = mixHash(m.word, uint32(c))
	} else {
		m.word = 0
	}
	m.startByte()
}

func isWord(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// read takes in bytes that both sides know: counters and the match learn from
// them, and nothing is mixed.
func (m *mixModel) read(b []byte) {
	for _, c := range b {
		m.count(uint32(c) >> 4)
		m.buckets(1<<4 | uint32(c)>>4)
		m.count(uint32(c) & 15)
		for ; m.known < 8 && m.matchLen > 0; m.known++ {
			bit := m.matchByte >> (7 - m.known) & 1
			m.matchState = 2*m.matchLen + int(bit)
			m.learnMatch(uint32(c) >> (7 - m.known) & 1)
		}
		m.endByte(c)
	}
}

// count has the counters of a half byte learn it.
func (m *mixModel) count(half uint32) {
	for _, at := range m.bucket {
		b := m.table[at:][:16]
		node := uint32(1)
		for k := 3; k >= 0; k-- {
			bit := half >> k & 1
			b[node&15] = m.counted(b[node&15], int32(bit)*counterHigh)
			node = node<<1 | bit
		}
	}
}

// A bitCoder codes a bit whose probability of being 1 is p in 1/65536, or decodes
// one, whatever bit is. It returns the bit.
type bitCoder interface {
	chance(p, bit uint32) uint32
}

// literal codes bytes, or decodes them into b.
func (m *mixModel) literal(coder bitCoder, b []byte) {
	if m.aligned {
		m.replacing(coder, b)
		return
	}
	for i := range b {
		m.code(coder, &b[i])
	}
}

// code codes a byte bit by bit, the highest first.
func (m *mixModel) code(coder bitCoder, c *byte) {
	for k := 7; k > 0; k-- {
		m.learn(coder.chance(m.predict(), uint32(*c)>>k&1))
	}
	bit := coder.chance(m.predict(), uint32(*c)&1)
	*c = byte(m.partial<<1 | bit)
	m.learn(bit)
}
