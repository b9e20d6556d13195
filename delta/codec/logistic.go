package codec

// A logistic holds the tables between probabilities and the logarithms of their
// odds, in units of 1/256: integers, the same on every machine.
type logistic struct {
	stretch [4096]int16  // by a probability of 12 bits
	squash  [4096]uint16 // by the logarithm plus 2048: the probability in 1/65536
}

// Constants of the tables: 1 and e to the power of -1/256 with 32 binary places.
const (
	fixedOne   = 1 << 32
	fixedDecay = 4278222805
)

func (l *logistic) init() {
	e := uint64(fixedOne) // e to the power of -x/256
	for x := range 2048 {
		p := (65536*fixedOne + (fixedOne+e)/2) / (fixedOne + e)
		l.squash[2048+x] = uint16(min(p, 65520))
		l.squash[2048-x] = uint16(65536 - min(p, 65520))
		e = e * fixedDecay >> 32
	}
	l.squash[0] = l.squash[1]
	x := 0
	for p := range l.stretch {
		for x < 4095 && int(l.squash[x]) < p*16+8 {
			x++
		}
		l.stretch[p] = int16(x - 2048)
	}
}
