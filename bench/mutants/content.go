package main

// content are the defences of bytes that are not what they should be, or more
// than they may be: rows 25 to 28, and 37.
func content() []mutant {
	return []mutant{
		{
			name:  "26 what begins alike is committed by a beginning",
			edits: []edit{{"server/session/commit.go", "if c.Short && s.abridged {", "if false && c.Short && s.abridged {"}},
			tests: []suite{{"./server/session", "ShortCommits"}},
		},
		{
			name:  "26 any beginning of a manifest digest is taken",
			edits: []edit{{"sync/wire/open.go", "if c.Short {", "if c.Short {\n\t\treturn true"}},
			tests: []suite{{"./server/session", "ShortCommits"}},
		},
		{
			name: "25 chains without end",
			edits: []edit{
				{"delta/index.go", "	for range MaxChain {\n", "	for {\n"},
			},
			tests: []suite{{"./delta", "ChainsAreBounded"}},
		},
		{
			name: "25 strong hashes in vain without end",
			edits: []edit{
				{"delta/match.go", "	return m.vain > m.most || ", "	return "},
			},
			tests: []suite{{"./delta", "StrongHashesInVain"}},
		},
		{
			name: "26 small files are not hashed as a whole",
			edits: []edit{
				{"server/store/disk/batch.go", "	if sha256.Sum256(content) != d {\n", "	if sha256.Sum256(content) == d && d.IsZero() {\n"},
			},
			tests: []suite{{"./server", "TestStrongCollision"}},
		},
		{
			name: "26 large files that come whole are not hashed",
			edits: []edit{
				{"server/store/disk/batch.go", "	if err == nil && manifest.Digest(h.Sum(nil)) != d {\n		err = store.ErrMismatch", "	if err == nil && d.IsZero() {\n		err = store.ErrMismatch"},
			},
			tests: []suite{{"./server/session", "TestWrongContent"}},
		},
		{
			name: "26 staged files are not hashed as a whole",
			edits: []edit{
				{"server/store/disk/partial.go", "	if sum != p.digest {\n", "	if sum != p.digest && sum.IsZero() {\n"},
			},
			tests: []suite{{"./server", "TestStrongCollision"}},
		},
		{
			name: "26 a delta that failed is tried again",
			edits: []edit{
				{"sync/push/failures.go", "	f.delta[index] = true\n", ""},
			},
			tests: []suite{{"./server", "TestStrongCollision"}},
		},
		{
			name: "27 any block size",
			edits: []edit{
				{"delta/request.go", "	case r.BlockSize < 0 || r.BlockSize > MaxBlockSize:\n", "	case r.BlockSize < -1<<40:\n"},
			},
			tests: []suite{{"./delta", "RequestsAreChecked"}},
		},
		{
			name: "27 any number of blocks",
			edits: []edit{
				{"delta/request.go", "	if n := r.Blocks(); n > MaxBlocks {\n", "	if n := r.Blocks(); n > 1<<62 {\n"},
			},
			tests: []suite{{"./delta", "RequestsAreChecked"}},
		},
		{
			name: "27 ranges beyond the basis",
			edits: []edit{
				{"delta/request.go", "|| g.Off > basisSize || g.Len > basisSize-g.Off {", "{"},
			},
			tests: []suite{{"./delta", "RequestsAreChecked"}},
		},
		{
			name: "27 a field beyond its bound",
			edits: []edit{
				{"delta/field/field.go", "	case n < 0 || !bounded:\n", "	case n < 0:\n"},
			},
			tests: []suite{{"./delta/field", "Failures"}},
		},
		{
			name: "27 fields after one that failed",
			edits: []edit{
				{"delta/field/field.go", "	r.b = nil\n", ""},
			},
			tests: []suite{{"./delta/field", "Failures"}},
		},
		{
			name: "27 room for ranges that are not there",
			edits: []edit{
				{"delta/codec/request.go", "	case r.Err() != nil || unit > maxUnit || n > uint64(r.Len())*8/minRangeBits:\n", "	case r.Err() != nil || unit > maxUnit:\n"},
			},
			tests: []suite{{"./delta/codec", "Absurd|Fuzz"}},
		},
		{
			name: "27 room for hashes that are not there",
			edits: []edit{
				{"delta/codec/signature.go", "	if r.Len() != (runs*width+7)/8 {\n", "	if r.Len() > (runs*width+7)/8 {\n"},
			},
			tests: []suite{{"./delta/codec", "Absurd|Fuzz|Refuse"}},
		},
		{
			name: "27 any number of literals",
			edits: []edit{
				{"delta/codec/apply.go", "	if literals > MaxLiterals {\n", "	if literals < 0 {\n"},
			},
			tests: []suite{{"./delta/codec", "Absurd|ApplyRefuses"}},
		},
		{
			name: "27 copies that double without end",
			edits: []edit{
				{"delta/codec/pieces.go", "		if len(ps) >= MaxPieces {\n", "		if len(ps) >= 1<<22 {\n"},
			},
			tests: []suite{{"./delta/codec", "PiecesAreBounded"}},
		},
		{
			name: "27 room for a frame that does not come",
			edits: []edit{
				{"sync/wire/frame.go", "	const step = 1 << 20\n", "	const step = 1 << 62\n"},
			},
			tests: []suite{{"./sync/wire", "Bombs|Absurd|Fuzz"}},
		},
		{
			name: "28 transport: more than a frame may hold",
			edits: []edit{
				{"sync/wire/frame.go", "	if k <= 0 || n > MaxPlain {\n", "	if k <= 0 {\n"},
			},
			tests: []suite{{"./sync/wire", "Bombs|Absurd"}},
		},
		{
			name: "28 transport: more than was promised",
			edits: []edit{
				{"sync/wire/frame.go", "; m != 0 || err != io.EOF {", "; m != 0 && err == io.EOF {"},
			},
			tests: []suite{{"./sync/wire", "Bombs|Absurd"}},
		},
		{
			name: "28 transport: a promise of much from a few bytes",
			edits: []edit{
				{"sync/wire/frame.go", "	if n > uint64(len(payload))<<15 {\n", "	if n > MaxPlain {\n"},
			},
			tests: []suite{{"./sync/wire", "Bombs|Absurd"}},
		},
		{
			name: "28 transport: frames within frames",
			edits: []edit{
				{"sync/wire/frame.go", "	case FrameType(t) == FrameZstd:\n", "	case FrameType(t) == 0xff:\n"},
			},
			tests: []suite{{"./sync/wire", "Bombs|Absurd"}},
		},
		{
			name: "28 transport: any window",
			edits: []edit{
				{"sync/wire/frame.go", "zstd.WithDecoderMaxWindow(zstdWindow)", "zstd.WithDecoderMaxWindow(1<<30)"},
			},
			tests: []suite{{"./sync/wire", "Bombs|Absurd"}},
		},
		{
			name: "28 literals: more than was promised",
			edits: []edit{
				{"delta/codec/apply.go", "	case int64(output) > maxOutput:\n", "	case int64(output) < 0:\n"},
			},
			tests: []suite{{"./delta/codec", "ApplyRefuses"}},
		},
		{
			name: "28 archives: any ratio",
			edits: []edit{
				{"delta/archive/limits.go", "	return size * l.Ratio\n", "	return l.PlainSize\n"},
				{"delta/archive/limits.go", "		Ratio:   l.Ratio,\n", ""},
			},
			tests: []suite{{"./delta/archive", "Bomb|Limits"}},
		},
		{
			name: "28 archives: any size",
			edits: []edit{
				{"delta/archive/limits.go", "	if size > l.PlainSize/max(l.Ratio, 1) {\n		return l.PlainSize\n	}\n", ""},
			},
			tests: []suite{{"./delta/archive", "Bomb"}},
		},
		{
			name: "28 archives: searches without end",
			edits: []edit{
				{"delta/deflate/analyse.go", "bool { return e.chain.stepped() > e.most }", "bool { return false }"},
			},
			tests: []suite{{"./delta/deflate", "CountsSteps"}},
		},
		{
			name: "28 archives: searches of many streams, rebuilt",
			edits: []edit{
				{"delta/deflate/join.go", "	if !within {\n", "	if false && !within {\n"},
			},
			tests: []suite{{"./delta/deflate", "CountsSteps"}},
		},
		{
			name: "28 archives: searches of several tries",
			edits: []edit{
				{"server/session/rebuild.go", "	lim.Budget = &a.budget\n", ""},
			},
			tests: []suite{{"./server/session", "TriesSearch"}},
		},
		{
			name: "28 archives: searches of one segment",
			edits: []edit{
				{"delta/deflate/rebuild.go", "r.allow(mayStep(int64(len(s.buf))))", "r.allow(1 << 62)"},
			},
			tests: []suite{{"./delta/deflate", "CountsSteps"}},
		},
		{
			name: "28 archives: searches of many streams, taken apart",
			edits: []edit{
				{"delta/deflate/split.go", "	if s.steps > mayStep(s.plain) {\n", "	if s.steps < 0 {\n"},
			},
			tests: []suite{{"./delta/deflate", "CountsSteps"}},
		},
		{
			name: "37 reads pass damage for content",
			edits: []edit{
				{"server/files/serve.go", "		if b.Size() == e.Size {\n", "		if b.Size() >= 0 {\n"},
			},
			tests: []suite{{"./server/files", "TestDamage"}},
		},
		{
			name: "37 a read that ends early is an answer",
			edits: []edit{
				{"server/files/serve.go", "		panic(http.ErrAbortHandler)\n", "		return\n"},
			},
			tests: []suite{{"./server/files", "TestDamage"}},
		},
		{
			name: "37 damaged blobs are had",
			edits: []edit{
				{"server/store/catalog/have.go", "if !k.blob.Damaged && present(k.blob) {", "if present(k.blob) {"},
			},
			tests: []suite{{"./server/store/disk", "TestDamage"}, {"./cli", "TestScripts/maintain"}},
		},
		{
			name: "37 damaged blobs are published again",
			edits: []edit{
				{"server/store/catalog/commit.go", `			if !b.Damaged {
				in.blob = b.ID
			}
`, "			in.blob = b.ID\n"},
			},
			tests: []suite{{"./server/store/...", "TestStore"}, {"./cli", "TestScripts/maintain"}},
		},
	}
}
