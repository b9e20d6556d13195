package main

// durability are the defences of what was acknowledged against crashes, full
// disks, and collection: rows 2, 3, 32 and 36.
func durability() []mutant {
	return []mutant{
		{
			name: "2 a commit forgets its receipt",
			edits: []edit{
				{"server/session/commit.go", "			return putRecord(tx, s.id, &rec)\n", "			return nil\n"},
			},
			tests: []suite{{"./server", "AnswerLost|AnswerOfAnUpdateLost"}},
		},
		{
			name: "2 an open after the commit opens anew",
			edits: []edit{
				{"server/session/engine.go", "	if err == nil && old.Receipt != nil {\n", "	if err == nil && old.Receipt != nil && id == \"\" {\n"},
				{"server/session/engine.go", "	if errors.As(err, &done) { // by a request", "	if errors.As(err, &done) && id == \"\" { // by a request"},
			},
			tests: []suite{{"./server", "TestSameCommandAfterTheCommit"}},
		},
		{
			name: "3 large blobs are named before they are synced",
			edits: []edit{
				{"server/store/disk/batch_commit.go", "			return full(open[i].f.Sync())\n", "			return nil\n"},
			},
			tests: []suite{{"./server/store/disk", "PowerCut"}},
		},
		{
			name: "3 packs are not synced",
			edits: []edit{
				{"server/store/disk/batch_commit.go", "		return b.writers[i-len(open)].sync()\n", "		return nil\n"},
			},
			tests: []suite{{"./server/store/disk", "PowerCut"}},
		},
		{
			name: "3 names are not synced",
			edits: []edit{
				{"server/store/disk/batch_commit.go", "{ return full(s.fs.SyncDir(dirs[i])) }", "{ return nil }"},
			},
			tests: []suite{{"./server/store/disk", "PowerCut"}},
		},
		{
			name: "3 staged files are not synced when they are taken in",
			edits: []edit{
				{"server/store/disk/partial.go", `	if err := p.settle(); err != nil {
		return fmt.Errorf("staged blob %v: %w", p.digest, full(err))
	}
`, ""},
			},
			tests: []suite{{"./server/store/disk", "PowerCut"}},
		},
		{
			name: "3 blobs are known before they are there",
			edits: []edit{
				{"server/store/disk/batch_commit.go", `	if err := b.sync(); err != nil {
		return err
	}
	return b.s.place(ctx, b.session, b.files, b.added, b.healed, b.held, b.extents())
`, `	if err := b.s.place(ctx, b.session, b.files, b.added, b.healed, b.held, b.extents()); err != nil {
		return err
	}
	return b.sync()
`},
			},
			tests: []suite{{"./server/store/disk", "PowerCut|EveryFault"}},
		},
		{
			name: "32 the disk is not reserved",
			edits: []edit{
				{"server/session/room.go", "	if left := free - r.reserve - r.promised; n > left {\n", "	if left := free - r.reserve - r.promised; n < 0 {\n"},
			},
			tests: []suite{{"./server", "TestFullDisk"}},
		},
		{
			name: "32 what is promised does not count",
			edits: []edit{
				{"server/session/room.go", "	r.promised += n\n", ""},
				{"server/session/room.go", "	r.promised -= n\n", ""},
			},
			tests: []suite{{"./server", "TestFullDisk|TestSpaceComesBack"}},
		},
		{
			name: "32 promises of a quota do not count",
			edits: []edit{
				{"server/session/room.go", "	a.promised += n\n", ""},
				{"server/session/room.go", "	a.promised -= n\n", ""},
			},
			tests: []suite{{"./server", "TestQuotaRace"}},
		},
		{
			name: "32 quotas are not asked",
			edits: []edit{
				{"server/session/room.go", `	if err := s.account.take(ctx, r, s.quota, n); err != nil {
		return err
	}
`, ""},
			},
			tests: []suite{{"./server", "TestQuotaRace"}},
		},
		{
			name: "32 space is not given back",
			edits: []edit{
				{"server/session/room.go", "	for d, n := range c.owed {\n		c.room.give(n)\n", "	for d := range c.owed {\n"},
			},
			tests: []suite{{"./server", "TestSpaceComesBack"}},
		},
		{
			name: "32 a quota is not given back",
			edits: []edit{
				{"server/session/room.go", "		s.account.settle(s.bytes, published)\n", ""},
			},
			tests: []suite{{"./server", "TestQuotaRace|TestSpaceComesBack"}},
		},
		{
			name: "32 a rollback asks no quota",
			edits: []edit{
				{"server/rollback.go", "	if full == nil {\n		return settle\n	}\n", "	if full != nil {\n		return func(bool) {}\n	}\n	if settle != nil {\n		return settle\n	}\n"},
			},
			tests: []suite{{"./server", "RollbackAsksForSpace"}},
		},
		{
			name: "36 collection takes what sessions lease",
			edits: []edit{
				{"server/store/catalog/sweep.go", "		if !c.leases.leased(b.ID) {\n			kept", "		if b.ID > 0 {\n			kept"},
				{"server/store/catalog/sweep.go", `			if c.leases.leased(b.ID) {
				continue
			}
`, ""},
			},
			tests: []suite{{"./server/store/catalog", "DropLooksAgain"}, {"./server", "CollectDuring|CollectAt"}},
		},
		{
			name: "36 collection takes what sessions brought",
			edits: []edit{
				{"server/store/catalog/sweep.go", `
	AND NOT EXISTS (SELECT 1 FROM leases l JOIN holders h ON h.id=l.holder WHERE l.blob=b.id)`, ""},
			},
			tests: []suite{{"./server", "CollectDuring|CollectAt"}},
		},
		{
			name: "36 collection takes what came while it looked",
			edits: []edit{
				{"server/store/catalog/sweep.go", `"DELETE FROM blobs AS b WHERE b.id=? AND "+unused`, `"DELETE FROM blobs AS b WHERE b.id=?"`},
			},
			tests: []suite{{"./server/store/catalog", "DropLooksAgain"}},
		},
		{
			name: "36 collection does not wait for blobs that are placed",
			edits: []edit{
				{"server/store/disk/collect.go", `	c.s.sweep.Lock()
	defer c.s.sweep.Unlock()
	if suspects`, "	if suspects"},
			},
			tests: []suite{{"./server/store/disk", "CollectWhilePlacing"}},
		},
		{
			name: "36 collection ends sessions that may come back",
			edits: []edit{
				{"server/store/disk/collect.go", "		if seen[id] || c.o.Live(id) {\n", "		if seen[id] {\n"},
			},
			tests: []suite{{"./server", "CollectDuring|CollectAt"}},
		},
	}
}
