package delta

import "fmt"

// matchWhole matches the segments of the new file that are missing altogether
// with ranges of equal length and hash.
func (p *Plan) matchWhole(basis int, sig *Signature) error {
	type key struct {
		len  int64
		hash uint64
	}
	index := make(map[key]int, len(sig.Ranges))
	lengths := make(map[int64]bool)
	for i := len(sig.Ranges) - 1; i >= 0; i-- {
		index[key{sig.Ranges[i].Len, sig.Hashes[i]}] = i
		lengths[sig.Ranges[i].Len] = true
	}
	before := p.MissingBytes()
	w := p.weave()
	buf := make([]byte, signBuffer)
	seg := 0
	next := -1 // the range after the one matched last
	err := p.gaps(func(g Range, prev, _ *placed) error {
		if prev != nil {
			w.upTo(prev)
		}
		for ; seg < len(p.opt.Segments) && p.opt.Segments[seg].End() <= g.End(); seg++ {
			s := p.opt.Segments[seg]
			if s.Off < g.Off || s.Len <= 0 || !lengths[s.Len] || w.full() {
				continue
			}
			hash, err := wholeHash(p.src, s, buf, sig.StrongBits)
			if err != nil {
				return fmt.Errorf("read new file: %w", err)
			}
			p.stats.Strong++
			i, ok := index[key{s.Len, hash}]
			if !ok {
				continue
			}
			if next >= 0 && next < len(sig.Ranges) && sig.Ranges[next].Len == s.Len && sig.Hashes[next] == hash {
				i = next
			}
			w.add(placed{s.Off, Op{basis, sig.Ranges[i].Off, s.Len}})
			next = i + 1
		}
		return nil
	})
	if err != nil {
		return err
	}
	p.take(w)
	p.bases[basis].matched(sig, before, p.MissingBytes())
	return nil
}
