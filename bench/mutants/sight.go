package main

// sight are the defences of what may be read, asked for or linked to: rows 22 to 24, and 34.
func sight() []mutant {
	return []mutant{
		{
			name: "22 bases out of sight",
			edits: []edit{
				{"server/session/signing.go", "x.session.store().Have(x.ctx, x.session.id, ds, x.auth.Sight())", "x.session.store().Have(x.ctx, x.session.id, ds, func(manifest.Path) bool { return true })"},
			},
			tests: []suite{{"./server", "PrivateBases|Private"}},
		},
		{
			name: "26 what begins alike is settled",
			edits: []edit{
				{"server/session/listed.go", "return !f.held || f.short", "return !f.held"},
			},
			tests: []suite{{"./server", "ShortDigests"}},
		},
		{
			name: "34 what stands is told to all",
			edits: []edit{
				{"server/session/outline.go", "		if !sight(x.session.rec.Target.Join(l[i].Path)) {\n", "		if false && !sight(x.session.rec.Target.Join(l[i].Path)) {\n"},
			},
			tests: []suite{{"./server/session", "OutlineTells"}},
		},
		{
			name: "24 content out of sight is had",
			edits: []edit{
				{"server/session/digests.go", "x.session.store().Have(x.ctx, x.session.id, all, x.auth.Sight())", "x.session.store().Have(x.ctx, x.session.id, all, func(manifest.Path) bool { return true })"},
			},
			tests: []suite{{"./server", "Fishing|Private"}},
		},
		{
			name: "24 by file: content out of sight is had",
			edits: []edit{
				{"server/session/byfile.go", "have, err := s.store().Have(ctx, s.id, []manifest.Digest{d}, auth.Sight())", "have, err := s.store().Have(ctx, s.id, []manifest.Digest{d}, func(manifest.Path) bool { return true })"},
			},
			tests: []suite{{"./server", "ByFile"}},
		},
		{
			name: "24 nobody counts",
			edits: []edit{
				{"server/session/exchange.go", `		x.auth.Asked(x.absent)
`, ""},
			},
			tests: []suite{{"./server", "Fishing"}},
		},
		{
			name: "24 what was sent is not counted",
			edits: []edit{
				{"server/session/exchange.go", `		x.auth.Sent(x.sent)
`, ""},
			},
			tests: []suite{{"./server", "Fish"}},
		},
		{
			name: "24 no alert for fishing",
			edits: []edit{
				{"server/token/alert.go", `	alert := open > w.Fishing
`, `	alert := open < 0
`},
			},
			tests: []suite{{"./server/token", "."}, {"./server", "Fishing"}},
		},
		{
			name: "24 absent costs less",
			edits: []edit{
				{"server/store/catalog/have.go", "WHERE e.blob=coalesce(b.id, ?4+n.i) AND e.to_pub IS NULL LIMIT 1)", "WHERE e.blob=b.id+?4-?4 AND e.to_pub IS NULL LIMIT 1)"},
			},
			tests: []suite{{"./server/store/catalog", "."}},
		},
		{
			name: "24 sight of the token: other prefixes",
			edits: []edit{
				{"server/token/admit.go", `		return g.Verbs&(Read|Link) != 0 && g.reads(at)
`, `		return g.reads(at)
`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "34 a rollback tells what there is",
			edits: []edit{
				{"server/rollback.go", "		if err := w.auth.pass.May(token.Publish, target); err != nil {\n", "		if err := w.auth.pass.May(token.Publish, w.auth.Target()); err != nil {\n"},
			},
			tests: []suite{{"./server", "RollbackTellsNothing"}},
		},
		{
			name: "34 anybody sees what is private",
			edits: []edit{
				{"server/reader.go", "return s.cfg.Access.Public(p) || s.licensed(r, p) }", "return true }"},
			},
			tests: []suite{{"./server", "Private|Licens|Visib"}},
		},
		{
			name: "34 any token sees what is private",
			edits: []edit{
				{"server/reader.go", "return open(p) || own(p) }", "return open(p) || own(p) || true }"},
			},
			tests: []suite{{"./server", "Private"}},
		},
		{
			name: "34 a writer reads",
			edits: []edit{
				{"server/token/admit.go", "return g.Verbs.Has(Read) && g.reads(at) }", "return g.reads(at) }"},
			},
			tests: []suite{{"./server/token", "."}, {"./server", "Private"}},
		},
		{
			name: "34 a licence need not be accepted",
			edits: []edit{
				{"server/licence.go", `	return ok && accepts(r, l)
`, `	return ok && (accepts(r, l) || true)
`},
			},
			tests: []suite{{"./server", "Licens"}},
		},
		{
			name: "34 any digest accepts",
			edits: []edit{
				{"server/licence.go", "\tif r.Header.Get(licenceHeader) == digest {", `	if r.Header.Get(licenceHeader) != "" {`},
			},
			tests: []suite{{"./server", "Licens"}},
		},
		{
			name: "34 any password accepts",
			edits: []edit{
				{"server/licence.go", "user == licenceUser && password == digest {", "user == licenceUser && (password == digest || true) {"},
			},
			tests: []suite{{"./server", "Licens"}},
		},
		{
			name: "34 any cookie accepts",
			edits: []edit{
				{"server/licence.go", "return err == nil && c.Value == digest", "return err == nil && (c.Value == digest || true)"},
			},
			tests: []suite{{"./server", "Licens"}},
		},
		{
			name: "34 a licence accepted from elsewhere",
			edits: []edit{
				{"server/licence.go", `	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return wire.Errorf(wire.CodeBadRequest, "a licence is accepted on this server's own page: %v", err)
	}
`, ""},
			},
			tests: []suite{{"./server", "Accept"}},
		},
		{
			name: "34 a redirect to elsewhere",
			edits: []edit{
				{"server/licence.go", `if !strings.HasPrefix(to, filesPath+"/") || strings.ContainsAny(to, "\\\r\n") {`, `if to == "" {`},
			},
			tests: []suite{{"./server", "Accept"}},
		},
		{
			name: "34 a licence narrows nothing",
			edits: []edit{
				{"server/access/access.go", `	if v == token.Public && t.Licence != "" {`, `	if v == "" && t.Licence != "" {`},
			},
			tests: []suite{{"./server", "Licens"}},
		},
		{
			name: "34 links: any signature",
			edits: []edit{
				{"server/links.go", "if i < 0 || !hmac.Equal([]byte(text[i+1:]), []byte(s.signLink(p, text[:i]))) {", "if i < 0 {"},
			},
			tests: []suite{{"./server", "Links"}},
		},
		{
			name: "34 links: for ever",
			edits: []edit{
				{"server/links.go", "if err != nil || s.cfg.Now().After(time.Unix(until, 0)) {", "if err != nil || false && s.cfg.Now().After(time.Unix(until, 0)) {"},
			},
			tests: []suite{{"./server", "Links"}},
		},
		{
			name: "34 links: after the token",
			edits: []edit{
				{"server/links.go", `	return s.cfg.Tokens.Live(r.Context(), accessor) == nil
`, `	return accessor != ""
`},
			},
			tests: []suite{{"./server", "Links"}},
		},
		{
			name: "34 links: by who may not read",
			edits: []edit{
				{"server/links.go", `	if err := auth.pass.May(token.Read, p); err != nil {
		return auth.refuse(err)
	}
`, ""},
			},
			tests: []suite{{"./server", "Links"}},
		},
		{
			name: "34 links: any path",
			edits: []edit{
				{"server/links.go", `m := hmac.New(sha256.New, s.cfg.LinkKey)
	fmt.Fprintf(m, "pubsync link 1\n%s\n%s", value, p)`, `m := hmac.New(sha256.New, s.cfg.LinkKey)
	fmt.Fprintf(m, "pubsync link 1\n%s", value)`},
			},
			tests: []suite{{"./server", "Links"}},
		},
	}
}
