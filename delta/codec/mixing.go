package codec

import "slices"

// Sizes of a mixModel.
const (
	mixOrders   = 6                // contexts whose counters are in the table
	mixInputs   = 2*mixOrders + 3  // two of each context, two of the match, a constant
	mixSets     = 16 + 256         // of weights: by what is known, by the bits of the byte
	counterInit = 1 << 31          // probability a half, nothing seen
	countBits   = 10               // of a counter: how often it was met
	countMask   = 1<<countBits - 1 //
	countLimit  = 30               // above it a counter forgets
	mapSize     = 16 * 64          // states of counters that are told apart
	matchMin    = 5                // bytes
	matchMax    = 31               // lengths that are told apart
	matchBits   = 16               // of the table of positions
	minBuckets  = 10               // log2 of how many there are at least
	maxBuckets  = 18               // and at most: 16 MiB
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
	// probability of 22 bits and a count.
	table  []uint32
	mask   uint32
	hashes [mixOrders]uint32
	bucket [mixOrders]uint32
	cells  [mixOrders]*uint32
	maps   [mixOrders][mapSize]uint16 // what counters in a state came to
	mapped [mixOrders]*uint16
	rates  [countLimit + 1]int64
	states [countLimit + 1]uint32 // of counts

	matchAt    []int32 // by hash of the last bytes: where they occurred
	matchPos   int
	matchLen   int    // 0: none
	matchByte  uint32 // that it predicts, after a 1
	matchMap   [2 * (matchMax + 1)]uint16
	matchState *uint16

	inputs  [mixInputs]int32
	weights [mixSets][mixInputs]int32
	chosen  [2]*[mixInputs]int32
	sums    [2]int32
	byBits  [256 * adjustSteps]uint16 // final curves
	byBytes []uint16
	curves  [2]*uint16
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
	for i := range m.weights {
		for k := range m.weights[i] {
			m.weights[i][k] = weightInit
		}
	}
	for i := range m.maps {
		for k := range m.maps[i] {
			m.maps[i][k] = uint16(k&63*1024 + 512)
		}
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
		m.rates[i] = int64(131072 / (2*i + 3))
		switch {
		case i < 6:
			m.states[i] = uint32(i)
		case i < 8:
			m.states[i] = 6
		case i < 12:
			m.states[i] = 7
		case i < 20:
			m.states[i] = 8
		default:
			m.states[i] = 9
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
	m.buckets(0)
}

// buckets finds the counters of the next half byte, half being the one before.
// Each hash has two places; a new one takes that which was used less.
func (m *mixModel) buckets(half uint32) {
	for i := range m.hashes {
		h := mixHash(m.hashes[i]+half*0x1000193, uint32(i)+77)
		check := h>>16 | 1
		at := h & m.mask * 16
		if m.table[at] != check {
			if other := at ^ 16; m.table[other] == check || m.table[other+1]&countMask < m.table[at+1]&countMask {
				at = other
			}
			if b := m.table[at:][:16]; b[0] != check {
				b[0] = check
				for k := range b[1:] {
					b[1+k] = counterInit
				}
			}
		}
		m.bucket[i] = at
	}
}

// match follows the last place with the same bytes before it, or looks for one.
func (m *mixModel) match() {
	n := len(m.history)
	if n < matchMin {
		return
	}
	slot := &m.matchAt[mixHash(uint32(m.last8), uint32(m.last8>>32)&0xFF+99)&(1<<matchBits-1)]
	if m.matchLen > 0 {
		m.matchPos++
	} else if m.matchPos = int(*slot); m.matchPos > 0 && m.matchPos < n {
		m.matchLen = min(equalEnd(m.history[:m.matchPos], m.history), matchMax)
		if m.matchLen < matchMin {
			m.matchLen = 0
		}
	}
	*slot = int32(n)
	if m.matchLen > 0 {
		m.matchByte = uint32(m.history[m.matchPos]) | 256
	}
}

// equalEnd returns how many bytes the ends of a and b have in common, at most
// matchMax.
func equalEnd(a, b []byte) int {
	n := 0
	for n < len(a) && n < matchMax && a[len(a)-1-n] == b[len(b)-1-n] {
		n++
	}
	return n
}

// predict returns the probability that the next bit is 1, in 1/65536.
func (m *mixModel) predict() uint32 {
	for i := range m.bucket {
		c := &m.table[m.bucket[i]+m.nibble]
		m.cells[i] = c
		v := *c
		state := &m.maps[i][m.states[v&countMask]*64+v>>26]
		m.mapped[i] = state
		m.inputs[2*i], m.inputs[2*i+1] = 0, 0
		if v&countMask > 0 {
			m.inputs[2*i] = int32(m.stretch[*state>>4])
			m.inputs[2*i+1] = int32(m.stretch[v>>20])
		}
	}
	m.predictMatch()
	m.inputs[mixInputs-1] = 256
	m.chosen = [2]*[mixInputs]int32{&m.weights[m.knowledge()], &m.weights[16+m.partial]}
	total := int32(0)
	for k, w := range m.chosen {
		sum := int64(0)
		for i := range w {
			sum += int64(m.inputs[i]) * int64(w[i])
		}
		m.sums[k] = int32(min(max(sum>>16, -2047), 2047))
		total += m.sums[k]
	}
	return m.adjust(total>>1 + 2048)
}

// predictMatch sets the inputs of the match.
func (m *mixModel) predictMatch() {
	in := m.inputs[2*mixOrders:]
	in[0], in[1], m.matchState = 0, 0, nil
	if m.matchLen == 0 {
		return
	}
	if m.matchByte>>(8-m.known) != m.partial {
		m.matchLen = 0
		return
	}
	bit := m.matchByte >> (7 - m.known) & 1
	m.matchState = &m.matchMap[2*m.matchLen+int(bit)]
	in[0] = int32(m.stretch[*m.matchState>>4])
	in[1] = int32(*m.matchState>>4) - 2048
}

// knowledge sums up how long the match is and which contexts were met before.
func (m *mixModel) knowledge() int {
	set := 0
	switch {
	case m.matchLen >= 16:
		set = 12
	case m.matchLen >= 8:
		set = 8
	case m.matchLen > 0:
		set = 4
	}
	for i := 4; i >= 2; i-- {
		if *m.cells[i]&countMask > 0 {
			return set + i - 1
		}
	}
	return set
}

// adjust corrects the mixed prediction x by what such predictions came to, after
// the bits of this byte alone and after two bytes.
func (m *mixModel) adjust(x int32) uint32 {
	step, part := uint32(x)>>7, uint32(x)&127
	c := mixHash(uint32(m.last8)&0xFFFF, m.partial) & (1<<adjustBits - 1)
	sum := 2 * uint32(m.squash[x])
	for k, curve := range [2][]uint16{m.byBits[m.partial*adjustSteps:], m.byBytes[c*adjustSteps:]} {
		sum += (uint32(curve[step])*(128-part) + uint32(curve[step+1])*part) >> 7
		m.curves[k] = &curve[step+part>>6]
	}
	return min(max(sum>>2, minChance), 65536-minChance)
}

// learn updates all that predicted the bit, then goes on to the next.
func (m *mixModel) learn(bit uint32) {
	target := int32(bit * 65535)
	for k, w := range m.chosen {
		miss := (target - int32(m.squash[m.sums[k]+2048])) >> 4 * mixRate
		if -mixSmall < miss && miss < mixSmall {
			continue
		}
		for i := range w {
			w[i] += (m.inputs[i]*miss + 1<<13) >> 14
		}
	}
	for _, c := range m.curves {
		move(c, target)
	}
	for _, s := range m.mapped {
		move(s, target)
	}
	m.count(bit)
}

// move takes a probability a step towards what came.
func move(p *uint16, target int32) { *p = uint16(int32(*p) + (target-int32(*p))>>mapShift) }

// count notes the bit without learning how to mix.
func (m *mixModel) count(bit uint32) {
	for _, c := range m.cells {
		v := *c
		n := v & countMask
		p := int64(v >> countBits)
		p += (int64(bit)*(1<<(32-countBits)-1) - p) * m.rates[n] >> 16
		*c = uint32(p)<<countBits | min(n+1, countLimit)
	}
	m.shift(bit)
}

// shift moves on by a bit.
func (m *mixModel) shift(bit uint32) {
	if m.matchState != nil {
		move(m.matchState, int32(bit*65535))
		if m.matchByte>>(7-m.known)&1 != bit {
			m.matchLen = 0
		} else if m.known == 7 {
			m.matchLen = min(m.matchLen+1, matchMax)
		}
	}
	m.partial, m.nibble = m.partial<<1|bit, m.nibble<<1|bit
	switch m.known++; m.known {
	case 4:
		m.nibble = 1
		m.buckets(m.partial)
	case 8:
		c := byte(m.partial)
		m.history = append(m.history, c)
		m.last8 = m.last8<<8 | uint64(c)
		if isWord(c) {
			m.word = mixHash(m.word, uint32(c))
		} else {
			m.word = 0
		}
		m.startByte()
	}
}

func isWord(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// read takes in bytes that both sides know.
func (m *mixModel) read(b []byte) {
	for _, c := range b {
		for k := 7; k >= 0; k-- {
			m.readCells()
			m.count(uint32(c) >> k & 1)
		}
	}
}

// readCells finds the counters of the next bit and what the match says of it.
func (m *mixModel) readCells() {
	for i := range m.bucket {
		m.cells[i] = &m.table[m.bucket[i]+m.nibble]
	}
	m.predictMatch()
}

func (m *mixModel) encode(e *rangeEncoder, b []byte) {
	for _, c := range b {
		for k := 7; k >= 0; k-- {
			bit := uint32(c) >> k & 1
			e.chance(m.predict(), bit)
			m.learn(bit)
		}
	}
}

func (m *mixModel) decode(d *rangeDecoder, b []byte) {
	for i := range b {
		for m.known < 7 {
			m.learn(d.chance(m.predict()))
		}
		bit := d.chance(m.predict())
		b[i] = byte(m.partial<<1 | bit)
		m.learn(bit)
	}
}
