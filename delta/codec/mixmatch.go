package codec

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

// predictMatch sets the inputs of the match.
func (m *mixModel) predictMatch() {
	in := m.inputs[2*mixOrders:]
	in[0], in[1], m.matchState = 0, 0, -1
	if m.matchLen == 0 {
		return
	}
	bit := m.matchByte >> (7 - m.known) & 1
	m.matchState = 2*m.matchLen + int(bit)
	p := m.matchMap[m.matchState] >> 4
	in[0] = int32(m.stretch[p])
	in[1] = int32(p) - 2048
}

// learnMatch has the match learn from the bit.
func (m *mixModel) learnMatch(bit uint32) {
	if m.matchState < 0 {
		return
	}
	move(&m.matchMap[m.matchState], int32(bit*65535))
	if m.matchByte>>(7-m.known)&1 != bit {
		m.matchLen = 0
	} else if m.known == 7 {
		m.matchLen = min(m.matchLen+1, matchMax)
	}
}
