package main

// changes are the defences of a push against cuts, changes of its source and
// wrong clocks: rows 38 to 40.
func changes() []mutant {
	return []mutant{
		{
			name: "38 what is staged is sent again",
			edits: []edit{
				{"server/session/digests.go", `	if v.Staged, err = s.stagedSize(x.ctx, d); err != nil {
		return err
	}
	if`, "	if"},
			},
			tests: []suite{{"./server", "CutInsideBodies|StagedWhole"}},
		},
		{
			name: "38 what arrived of a cut body is dropped",
			edits: []edit{
				{"server/session/parts.go", "		_, err := x.session.engine.coder.ApplyCut(p.Body, bases, w, e.Size-p.Offset, nil)\n", "		_ = bases\n"},
			},
			tests: []suite{{"./server", "CutInsideBodies"}},
		},
		{
			name: "38 staged bytes are written twice",
			edits: []edit{
				{"server/session/parts.go", `	w := &skipWriter{w: paid, skip: size - p.Offset}
	_, err = x.session`, `	w := &skipWriter{w: paid}
	_ = size
	_, err = x.session`},
			},
			tests: []suite{{"./server/session", "PartsGoOn"}},
		},
		{
			name: "38 what is staged whole is sent again",
			edits: []edit{
				{"server/session/digests.go", "	if v.Staged > 0 && v.Staged >= e.Size {\n", "	if v.Staged < 0 {\n"},
			},
			tests: []suite{{"./server", "StagedWhole"}},
		},
		{
			name: "38 what is staged of views is sent again",
			edits: []edit{
				{"server/session/digests.go", `	if v.Plain, v.Recipe, err = s.stagedViews(x.ctx, d); err != nil {
		return err
	}
`, ""},
			},
			tests: []suite{{"./server", "TestViewsGoOn"}},
		},
		{
			name: "38 views that begin otherwise are gone on with",
			edits: []edit{
				{"sync/push/staged.go", "	return manifest.Digest(h.Sum(nil)) == st.Sum, nil\n", "	return manifest.Digest(h.Sum(nil)) == st.Sum || st.Size > 0, nil\n"},
			},
			tests: []suite{{"./sync/push", "Begins"}},
		},
		{
			name: "38 the recipe asked for anew is forgotten",
			edits: []edit{
				{"sync/push/staged.go", "	if v.Plain.Size > 0 && v.Recipe.Size < int64(len(e.recipe)) && !e.thorough {\n", "	if v.Plain.Size < 0 {\n"},
			},
			tests: []suite{{"./server", "TestKilledBeforeTheOtherRecipe"}},
		},
		{
			name: "38 the beginning of a cut file is dropped",
			edits: []edit{
				{"server/session/exchange.go", "		x.cutFile(f.Payload)\n", "		x.session.mu.Lock()\n		x.session.mu.Unlock()\n"},
			},
			tests: []suite{{"./server/session", "TestTheBeginningOfAFileIsKept"}},
		},
		{
			name: "38 lost bodies are repeated",
			edits: []edit{
				{"sync/push/flight.go", "const repeated = 32 << 10\n", "const repeated = 1 << 30\n"},
			},
			tests: []suite{{"./server", "TestDropsCostLittle"}},
		},
		{
			name: "38 lost requests are left to hang",
			edits: []edit{
				{"server/session/requests.go", "			b.Stop()\n", "			_ = b\n"},
			},
			tests: []suite{{"./server", "TestNetworkGone"}},
		},
		{
			name: "38 a cut part does not wait for its turn",
			edits: []edit{{"server/session/parts.go", `	settle(x.ctx, x.session.before(x.request))
`, ""}},
			tests: []suite{{"./server/session", "ALostRequest"}},
		},
		{
			name: "38 lost bodies do not shrink",
			edits: []edit{
				{"sync/push/lost.go", "		l.p.shorten()\n", ""},
			},
			tests: []suite{{"./server", "TestResumesBehindNginx"}},
		},
		{
			name: "38 large bodies do not ask for leave",
			edits: []edit{
				{"sync/remote/exchange.go", "		h.Set(\"Expect\", \"100-continue\")\n", ""},
			},
			tests: []suite{{"./server", "TestResumesBehindNginx"}},
		},
		{
			name: "39 files that change before they are opened",
			edits: []edit{
				{"sync/walk/file.go", "	if m.kind != 0 || m.Stamp != t.Stamp(i) {\n		f.Close()\n", "	if m.kind != 0 {\n		f.Close()\n"},
			},
			tests: []suite{{"./sync/walk", "ChangeBeforeOpen"}},
		},
		{
			name: "39 small files that change before they are read",
			edits: []edit{
				{"sync/walk/file.go", "	if m.kind != 0 || m.Stamp != t.Stamp(i) {\n		return changed", "	if m.kind != 0 {\n		return changed"},
			},
			tests: []suite{{"./sync/walk", "ChangeBeforeOpen"}},
		},
		{
			name: "39 what was kept of a file that changed is sent",
			edits: []edit{
				{"sync/push/window.go", "			s.places[k].filled = false\n", ""},
			},
			tests: []suite{{"./sync/push", "MoveUp"}},
		},
		{
			name: "39 files that change while they are read",
			edits: []edit{
				{"sync/walk/file.go", "	if m.Stamp != f.stamp {\n", "	if m.Stamp != f.stamp && f.name == \"\" {\n"},
			},
			tests: []suite{{"./sync/walk", "ChangeWhileReading"}},
		},
		{
			name: "39 files whose times were put back",
			edits: []edit{
				{"sync/walk/file.go", "	if m.Stamp != f.stamp {\n", "	if m.CTime = f.stamp.CTime; m.Stamp != f.stamp {\n"},
			},
			tests: []suite{{"./sync/walk", "ChangeWhileReading"}},
		},
		{
			name: "39 what changed is not told",
			edits: []edit{
				{"sync/push/hash.go", "	return wire.AppendAmend(nil, i, e)\n", "	_ = wire.AppendAmend(nil, i, e)\n	return nil\n"},
			},
			tests: []suite{{"./server", "TestFileChangedAtEveryRequest"}},
		},
		{
			name: "39 a file that does not come to rest is tried for ever",
			edits: []edit{
				{"sync/push/hash.go", "	often := p.changes[i] > maxChanges\n", "	often := p.changes[i] > 1<<30\n"},
			},
			tests: []suite{{"./server", "TestRestlessFile"}},
		},
		{
			name: "40 times from the future are brought back",
			edits: []edit{
				{"server/store/catalog/commit.go", "int64(e.Kind), int64(e.Mode), e.Size, e.MTime,", "int64(e.Kind), int64(e.Mode), e.Size, min(e.MTime, time.Now().UnixNano()),"},
			},
			tests: []suite{{"./server", "TestBuildersClock"}},
		},
		{
			name: "40 publications are dated by their files",
			edits: []edit{
				{"server/session/commit.go", "	now := e.cfg.Now()\n", "	now := e.cfg.Now()\n	for i := range s.list {\n		now = s.list[i].ModTime()\n	}\n"},
			},
			tests: []suite{{"./server", "TestBuildersClock"}},
		},
	}
}
