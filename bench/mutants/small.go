package main

// small are what keeps a small push small, and right all the same: what is gathered in one
// record of TLS, and hashes no longer than they have to be, with the second match of what
// they get wrong; and which way a file goes. No row of the threats names them.
func small() []mutant {
	gather := []suite{{"./sync/wire/gather", "."}}
	matched := []suite{{"./server", "WrongMatches|StrongCollision"}}
	along := []suite{{"./server", "TestContentGoesUnasked"}}
	const conn, unasked = "sync/wire/gather/conn.go", "sync/push/unasked.go"
	return []mutant{
		{
			name:  "gather: nothing waits",
			edits: []edit{{conn, "if wait > 0 && len(c.held)", "if wait > time.Hour && len(c.held)"}},
			tests: gather,
		},
		{
			name: "gather: what waits is left behind",
			edits: []edit{{conn, `		if len(c.held)+len(b) > maxHeld {
			if c.flush(); c.err != nil {`, `		if len(c.held)+len(b) > maxHeld {
			if c.held = nil; c.err != nil {`}},
			tests: gather,
		},
		{
			name: "gather: what waits comes after",
			edits: []edit{{conn, `			c.held = append(c.held, b...)
			c.flush()`, `			c.held = append(append([]byte(nil), b...), c.held...)
			c.flush()`}},
			tests: gather,
		},
		{
			name:  "gather: what nothing follows waits for ever",
			edits: []edit{{conn, "\t\tc.timer = time.AfterFunc(wait, c.overdue)", "\t\tc.timer = time.AfterFunc(24*time.Hour, c.overdue)"}},
			tests: gather,
		},
		{
			name:  "gather: answers wait for anybody",
			edits: []edit{{conn, "waits: [4]time.Duration{short: soon, long: later}", "waits: [4]time.Duration{short: soon, head: soon, long: later}"}},
			tests: gather,
		},
		{
			name:  "gather: what ends waits",
			edits: []edit{{"sync/wire/gather/frames.go", "case t == typeHeaders && flags&flagEndStream == 0 &&", "case t == typeHeaders &&"}},
			tests: gather,
		},
		{
			name:  "gather: records go one by one",
			edits: []edit{{"sync/wire/gather/bundle.go", "	if b.holding {", "	if b.holding && p == nil {"}},
			tests: gather,
		},
		{
			name:  "unasked: it is never asked again",
			edits: []edit{{unasked, "n.strange && n.windows%askEvery != 0", "n.strange"}},
			tests: along,
		},
		{
			name:  "unasked: what two files hold goes twice",
			edits: []edit{{unasked, "return len(n.brought) > before", "return len(n.brought) >= before"}},
			tests: along,
		},
		{
			name:  "unasked: digests along with nothing do not count",
			edits: []edit{{"server/session/digests.go", "			x.absent++ // until it has come", "			x.absent += 0"}},
			tests: []suite{{"./server", "TestFishing"}},
		},
		{
			name:  "hashes: a careful plan asks for short ones",
			edits: []edit{{"delta/round.go", "p.MissingBytes(); p.opt.Careful {", "p.MissingBytes(); p.opt.Careful && windows < 0 {"}},
			tests: []suite{{"./delta", "."}},
		},
		{
			name:  "hashes: what went wrong goes whole at once",
			edits: []edit{{"sync/push/failures.go", "case raw && !f.short[index]:", "case raw && index < 0:"}},
			tests: matched,
		},
		{
			name: "hashes: what went wrong is matched as it was",
			edits: []edit{{"sync/push/failures.go", `	defer f.mu.Unlock()
	return f.short[index]
`, `	defer f.mu.Unlock()
	return false
`}},
			tests: matched,
		},
		{
			name:  "ways: no archive races with itself",
			edits: []edit{{"sync/push/race.go", "\tif p.opts.Through != Auto || g.bytes ||", "\tif p.opts.Through == Auto || g.bytes ||"}},
			tests: []suite{{"./server", "TestRace"}},
		},
		{
			name:  "ways: nobody is told how long rebuilding took",
			edits: []edit{{"server/session/rebuild.go", "\t\tx.reply = wire.AppendRebuilt(x.reply, wire.Rebuilt{Index: index, Took: engine.cfg.Now().Sub(began)})\n", "\t\t_ = began\n"}},
			tests: []suite{{"./server", "TestRace"}},
		},
		{
			name:  "ways: sectors are looked for in vain to the end",
			edits: []edit{{"delta/sectors.go", "(end > 0 || off < sectorTrial)", "(end > 0 || off < 1<<62)"}},
			tests: []suite{{"./delta", "Sectors"}},
		},
		{
			name:  "ways: a push with archives holds up others",
			edits: []edit{{"server/session/turns.go", "t.free < 0 || t.free == 0 && t.taken[w.who] > 0", "t.free <= 0"}},
			tests: []suite{{"./server/session", "Turn"}},
		},
		{
			name:  "ways: what is to be rebuilt goes when its turn comes",
			edits: []edit{{"sync/push/flight.go", "rank = min(rank, left)", "rank = max(rank, left)"}},
			tests: []suite{{"./sync/push", "Rank"}, {"./server", "ViewsGoFirst"}},
		},
		{
			name:  "ways: questions wait for bodies",
			edits: []edit{{"sync/remote/exchange.go", "leave := c.way.enter(atOnce)", "leave := func() {}"}},
			tests: []suite{{"./sync/remote", "Questions"}},
		},
		{
			name:  "ways: what is most likely there goes unasked",
			edits: []edit{{"sync/push/unasked.go", "p.alike[i] || w.shelf", "w.shelf"}},
			tests: []suite{{"./server", "AlikeIsAsked"}},
		},
		{
			name:  "ways: what others wait for has a server cut them",
			edits: []edit{{"sync/remote/way.go", "\t\tcase <-after.C:\n\t\t\treturn\n", "\t\tcase <-after.C:\n"}},
			tests: []suite{{"./sync/remote", "GiveWay"}},
		},
	}
}
