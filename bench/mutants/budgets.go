package main

// budgets are the defences of what a token may spend and ask for, in parts and by file.
func budgets() []mutant {
	return []mutant{
		{
			name: "table: files",
			edits: []edit{
				{"server/token/use.go", "if left := t.Grant.Files - t.Spent.Files; files > left {", "if left := t.Grant.Files - t.Spent.Files; files > left+1 {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "table: bytes",
			edits: []edit{
				{"server/token/use.go", "if left := t.Grant.Bytes - t.Spent.Bytes; bytes > left {", "if left := t.Grant.Bytes - t.Spent.Bytes; bytes > left+1 {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "table: calls",
			edits: []edit{
				{"server/token/calls.go", "t.Grant.Calls-t.Spent.Calls)", "t.Grant.Calls-t.Spent.Calls+1)"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "table: parallel",
			edits: []edit{
				{"server/token/calls.go", "if g.open[t.Accessor] >= t.Grant.Parallel {", "if g.open[t.Accessor] > t.Grant.Parallel {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "table: verb",
			edits: []edit{
				{"server/token/admit.go", "\tif !g.Verbs.Has(v) {", "\tif !g.Verbs.Has(v) && v == 0 {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "table: verb at open and commit",
			edits: []edit{
				{"server/token/use.go", `	if err := p.May(Publish, o.Target); err != nil {
		return nil, err
	}
`, ""},
				{"server/token/redeem.go", `	if err := p.May(Publish, u.Target); err != nil {
		return nil, nil, err
	}
`, ""},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "table: visibility",
			edits: []edit{
				{"server/token/admit.go", `if v != "" && v.rank() > g.Visibility.rank() || v != "" && v.rank() < 0 {`, `if v != "" && v.rank() < 0 {`},
			},
			tests: []suite{{"./server/token", "."}, {"./server", "Visib"}},
		},
		{
			name: "table: visibility of the type",
			edits: []edit{
				{"server/access/access.go", `	case t.Visibility != "" && v != t.Visibility:`, `	case t.Visibility == "-":`},
			},
			tests: []suite{{"./server", "Visib"}},
		},
		{
			name: "table: visibility without leave to overwrite",
			edits: []edit{
				{"server/access/access.go", "if was, ok := r.asked[target]; ok && was != v && !overwrite {", "if was, ok := r.asked[target]; ok && was != v && overwrite && false {"},
			},
			tests: []suite{{"./server", "Visib"}},
		},
		{
			name: "table: visibility is forgotten",
			edits: []edit{
				{"server/access/access.go", `	if err := tx.Put(bucket, string(target), []byte(v)); err != nil {
		return err
	}
`, ""},
			},
			tests: []suite{{"./server", "Visib"}},
		},
		{
			name: "table: overwrite",
			edits: []edit{
				{"server/session/commit.go", "Overwrite: auth.Overwrite()", "Overwrite: auth.Overwrite() || true"},
			},
			tests: []suite{{"./server", "Conflict"}, {"./cli", "TestCurlBudgets"}},
		},
		{
			name: "table: manifest",
			edits: []edit{
				{"server/token/redeem.go", "\tif !g.Manifest.IsZero() && g.Manifest != r.Manifest {", "\tif !g.Manifest.IsZero() && r.Manifest.IsZero() {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "reset by another scheduler",
			edits: []edit{
				{"server/token/manage.go", `		sessions = nil
		c, err := own(tx, by, accessor)`, `		sessions = nil
		c, err := getChain(tx, accessor)`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "reset keeps the session",
			edits: []edit{
				{"server/token/manage.go", `		for _, key := range open {
			if err := release(tx, accessor, key); err != nil {
				return err
			}
		}
`, `		_ = open
`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "oidc: audience", // asked for in three places
			edits: []edit{
				{"server/token/oidc/exchange.go", `		if len(a) == 1 {
			aud, _`, `		if len(a) > 0 {
			aud, _`},
				{"server/token/oidc/exchange.go", "c[\"aud\"].([]any); ok && len(a) == 1 {", "c[\"aud\"].([]any); ok && len(a) > 0 {"},
				{"server/token/oidc/exchange.go", "if len(t.Audience) != 1 || t.Audience[0] != aud {", "if len(t.Audience) == 0 {"},
			},
			tests: []suite{{"./server/token/oidc", "."}},
		},
		{
			name: "oidc: each jti once",
			edits: []edit{
				{"server/token/oidc/exchange.go", `	if err == nil {
		return denied("the identity token was used already", "jti")
	}
`, ""},
			},
			tests: []suite{{"./server/token/oidc", "."}},
		},
		{
			name: "oidc: no jti",
			edits: []edit{
				{"server/token/oidc/exchange.go", `	if !ok {
		return denied("the identity token has no jti`, `	if !ok && iss == "" {
		return denied("the identity token has no jti`},
			},
			tests: []suite{{"./server/token/oidc", "."}},
		},
		{
			name: "oidc: claims",
			edits: []edit{
				{"server/token/oidc/exchange.go", `if name := r.mismatch(c); name != "" {`, `if name := r.mismatch(c); name == "-" {`},
			},
			tests: []suite{{"./server/token/oidc", "."}},
		},
		{
			name: "by file: wrong content is kept",
			edits: []edit{
				{"server/session/byfile.go", `	return p.Size, mismatch(partial.Finish(ctx), p)
`, `	return p.Size, nil
`},
			},
			tests: []suite{{"./server", "ByFile"}, {"./cli", "TestScripts/curl"}},
		},
		{
			name: "by file: budgets",
			edits: []edit{
				{"server/session/byfile.go", "if err := auth.Charge(tx, t); err != nil || !there {", "if err := error(nil); err != nil || !there {"},
			},
			tests: []suite{{"./server", "ByFile"}, {"./cli", "TestScripts/curl"}},
		},
		{
			name: "by file: the token is not asked again",
			edits: []edit{
				{"server/session/byfile.go", `	if err := r.auth.Live(); err != nil {
		return 0, err
	}
`, ""},
			},
			tests: []suite{{"./server/session", "RevokedWithinAFile"}},
		},
		{
			name: "aliases: an older build takes one back",
			edits: []edit{
				{"server/session/commit.go", "		commit.Newer = e.cfg.Builds.Newer\n", ""},
			},
			tests: []suite{{"./cli", "TestScripts/builds"}},
		},
		{
			name: "aliases: one that leads nowhere stays",
			edits: []edit{
				{"server/store/catalog/alias.go", "	return isStandingDir(p.c, dir, shown)\n", "	return dir > 0, nil\n"},
			},
			tests: []suite{{"./server/store/disk", "TestStore"}},
		},
		{
			name: "audit: removals are not written down",
			edits: []edit{
				{"server/build/retain.go", "			return r.Audit(tx, removal)\n", "			return nil\n"},
			},
			tests: []suite{{"./server/build", "."}, {"./cli", "TestScripts/builds"}},
		},
	}
}
