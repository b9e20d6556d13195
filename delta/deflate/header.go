package deflate

import "slices"

// A header is the description of the two codes at the front of a dynamic
// block (RFC 1951 section 3.2.7), kept exactly as it was written.
type header struct {
	lits, dists int // number of code lengths, 257 to 286 and 1 to 30
	clenCount   int // number of code length code lengths sent, 4 to 19
	clens       [numCodeLen]uint8
	runs        []clenRun
}

// A clenRun is one symbol of the code length alphabet with its extra bits.
type clenRun struct {
	sym, extra uint8
}

// clenExtra returns the number of extra bits of a code length symbol.
func clenExtra(sym uint8) uint {
	switch sym {
	case 16:
		return 2
	case 17:
		return 3
	case 18:
		return 7
	}
	return 0
}

func (h *header) equal(o *header) bool {
	return h.lits == o.lits && h.dists == o.dists && h.clenCount == o.clenCount &&
		h.clens == o.clens && slices.Equal(h.runs, o.runs)
}

func (h *header) copyFrom(o *header) {
	runs := append(h.runs[:0], o.runs...)
	*h = *o
	h.runs = runs
}

// lens expands the runs to code lengths. It reports false when they do not
// fill the two codes exactly. lit and dist are slices of buf.
func (h *header) lens(buf *[numLit + numDist]uint8) (lit, dist []uint8, ok bool) {
	total := h.lits + h.dists
	n := 0
	for _, r := range h.runs {
		rep, val := 1, r.sym
		switch r.sym {
		case 16:
			if n == 0 {
				return nil, nil, false
			}
			rep, val = 3+int(r.extra), buf[n-1]
		case 17:
			rep, val = 3+int(r.extra), 0
		case 18:
			rep, val = 11+int(r.extra), 0
		}
		if n+rep > total {
			return nil, nil, false
		}
		for range rep {
			buf[n] = val
			n++
		}
	}
	return buf[:h.lits], buf[h.lits:total], n == total
}

// bits returns the size of the header in bits, without the three block bits.
func (h *header) bits() int {
	n := 14 + 3*h.clenCount
	for _, r := range h.runs {
		n += int(h.clens[r.sym]) + int(clenExtra(r.sym))
	}
	return n
}

func (h *header) write(w *bitWriter) {
	w.put(uint32(h.lits-257), 5)
	w.put(uint32(h.dists-1), 5)
	w.put(uint32(h.clenCount-4), 4)
	for _, s := range codeLenOrder[:h.clenCount] {
		w.put(uint32(h.clens[s]), 3)
	}
	var code [numCodeLen]uint16
	codes(h.clens[:], code[:])
	for _, r := range h.runs {
		w.put(uint32(code[r.sym]), uint(h.clens[r.sym]))
		w.put(uint32(r.extra), clenExtra(r.sym))
	}
}

// read reads a header and reports whether it is valid so far; the caller
// checks the codes themselves.
func (h *header) read(r *bitReader, table *decodeTable) bool {
	h.lits = int(r.take(5)) + 257
	h.dists = int(r.take(5)) + 1
	h.clenCount = int(r.take(4)) + 4
	h.clens = [numCodeLen]uint8{}
	h.runs = h.runs[:0]
	if h.lits > numLit || h.dists > numDist {
		return false
	}
	for _, s := range codeLenOrder[:h.clenCount] {
		h.clens[s] = uint8(r.take(3))
	}
	if !table.build(h.clens[:], clenBits) {
		return false
	}
	for n := 0; n < h.lits+h.dists; {
		sym := r.symbol(table)
		if sym < 0 {
			return false
		}
		run := clenRun{sym: uint8(sym)}
		run.extra = uint8(r.take(clenExtra(run.sym)))
		h.runs = append(h.runs, run)
		switch sym {
		case 16, 17:
			n += 3 + int(run.extra)
		case 18:
			n += 11 + int(run.extra)
		default:
			n++
		}
	}
	return true
}
