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
			name: "39 files that change before they are opened",
			edits: []edit{
				{"sync/walk/file.go", "	if m.kind != 0 || m.Stamp != t.Stamp(i) {\n", "	if m.kind != 0 {\n"},
			},
			tests: []suite{{"./sync/walk", "ChangeBeforeOpen"}},
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
				{"sync/push/sender.go", "	s.amended = append(s.amended, frames...)\n", "	_ = frames\n"},
				{"sync/push/hash.go", "			frames = append(frames, p.amendment(i)...)\n", "			_ = i\n"},
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
