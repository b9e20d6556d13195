package push

// lose takes note of what was on a request that was lost: it may have arrived.
func (p *pusher) lose(fl *flight) {
	p.events.Lock()
	defer p.events.Unlock()
	for _, c := range fl.on {
		p.afloat[c.index] = c.tally
	}
}

// found deals with a file that the server has: because it came with a request that
// was lost, or under another path.
func (p *pusher) found(i int) {
	p.events.Lock()
	t, word := p.afloat[i], Linked
	counted := p.counted[i]
	p.events.Unlock()
	if counted {
		return
	}
	if t == nil {
		t = &p.linked
	} else {
		word = p.word(t)
	}
	t.add(1, p.tree.Entries[i].Size, 0)
	p.deal(i, word)
}

// undealt returns those of the files that are not dealt with.
func (p *pusher) undealt(indices []int) (left []int) {
	p.events.Lock()
	defer p.events.Unlock()
	for _, i := range indices {
		if !p.counted[i] {
			left = append(left, i)
		}
	}
	return left
}

// more reports whether the server has more of the files of a question than it had
// when it was asked before, and takes note of what it has.
func (p *pusher) more(a *answer, arrived map[int]int64) (more bool) {
	for i := range a.verdicts {
		v := &a.verdicts[i]
		n := v.Staged + v.Plain.Size + v.Recipe.Size
		if v.Have {
			n = p.tree.Entries[v.Index].Size + 1
		}
		was, asked := arrived[v.Index]
		more = more || !asked || n > was
		arrived[v.Index] = n
	}
	return more
}
