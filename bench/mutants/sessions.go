package main

// sessions are the defences of what a token opens, when, from where, and until it is revoked: rows 1 to 9.
func sessions() []mutant {
	return []mutant{
		{
			name: "1 more publications than granted",
			edits: []edit{
				{"server/token/use.go", "if t.Spent.Publications+t.Spent.InUse >= t.Grant.Publications {", "if t.Spent.Publications+t.Spent.InUse > t.Grant.Publications {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "1 a publication is not held by its session",
			edits: []edit{
				{"server/token/use.go", `		t.Spent.InUse++
`, ""},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "1 a redeemed publication is not spent",
			edits: []edit{
				{"server/token/redeem.go", `		t.Spent.Publications++
`, ""},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "2 another session for the same secret",
			edits: []edit{
				{"server/token/use.go", `	if err == nil {
		return u, s.reopen(tx, p, u)
	}
`, ""},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "2 a second commit is not recognised",
			edits: []edit{
				{"server/token/redeem.go", `	if u.Receipt != nil {
		return nil, nil, &Redeemed{Receipt: u.Receipt}
	}
`, ""},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "4 any session secret will do",
			edits: []edit{
				{"server/session/engine.go", "if subtle.ConstantTimeCompare(rec.Hash[:], sum[:]) != 1 {", "if subtle.ConstantTimeCompare(rec.Hash[:], sum[:]) < 0 {"},
				{"server/token/admit.go", `	return notHeld(&p.Record)
`, `	return nil
`},
			},
			tests: []suite{{"./server", "Stolen"}, {"./cli", "TestCurlThief"}},
		},
		{
			name: "4 no refusal to a session secret that holds nothing",
			edits: []edit{
				{"server/token/admit.go", `	return notHeld(&p.Record)
`, `	return nil
`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "4 no alert for reuse",
			edits: []edit{
				{"server/token/use.go", `	d.alert = AlertReuse
`, ""},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "5 before not_before",
			edits: []edit{
				{"server/token/admit.go", "wait > 0 {", "wait > 1<<62 {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "5 no Retry-After",
			edits: []edit{
				{"server/token/admit.go", `		d.RetryAfter = wait
`, ""},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "5 after not_after",
			edits: []edit{
				{"server/token/admit.go", "if phase != Within && now.After(g.NotAfter) {", "if phase < 0 && now.After(g.NotAfter) {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "5 after not_after within a session",
			edits: []edit{
				{"server/token/admit.go", "if phase != Within && now.After(g.NotAfter) {", "if now.After(g.NotAfter) {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "5 after finish_by",
			edits: []edit{
				{"server/token/admit.go", "if now.After(g.FinishBy) {", "if now.After(g.FinishBy.Add(time.Hour)) {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "5 the end passes between admission and commit",
			edits: []edit{
				{"server/token/redeem.go", `	if err := checkEnd(g, Finish, s.now()); err != nil {
		return nil, nil, err
	}
`, `	_ = g
`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "6 source",
			edits: []edit{
				{"server/token/admit.go", "if len(t.Grant.Sources) > 0 && !contains(t.Grant.Sources, from) {", "if len(t.Grant.Sources) > 0 && !from.IsValid() {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "6 an IPv4 address mapped into IPv6",
			edits: []edit{
				{"server/token/source.go", `return a.Unmap().WithZone("")`, `return a.WithZone("")`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "6 pinned to the first address",
			edits: []edit{
				{"server/token/admit.go", "if t.Grant.PinSource && t.Pinned.IsValid() && t.Pinned != from {", "if t.Grant.PinSource && t.Pinned.IsValid() && !from.IsValid() {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "6 pinned twice",
			edits: []edit{
				{"server/token/admit.go", `		if err := c.checkSource(p.From); err != nil {
			return err
		}
		for _, t := range c {
			if !unpinned(t) {
				continue
			}
`, `		for _, t := range c {
`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "7 X-Forwarded-For from anybody",
			edits: []edit{
				{"server/source.go", `	if !contains(s.cfg.TrustedProxies, addr) {
		return addr
	}
	hops`, "\thops"},
			},
			tests: []suite{{"./server", "Forged"}, {"./cli", "TestCurlSources"}},
		},
		{
			name: "7 the first address of X-Forwarded-For",
			edits: []edit{
				{"server/source.go", "for i := len(hops) - 1; i >= 0; i-- {", "for i := range hops {"},
			},
			tests: []suite{{"./cli", "TestCurlSources"}},
		},
		{
			name: "8 a deny rule that does not parse",
			edits: []edit{
				{"cli/config/values.go", `	p, err := parsePrefix(string(text))
	if err != nil {
		return err
	}
	n.Prefix = p`, `	p, _ := parsePrefix(string(text))
	n.Prefix = p`},
			},
			tests: []suite{{"./cli/config", "."}},
		},
		{
			name: "8 denied networks",
			edits: []edit{
				{"server/server.go", "if len(s.cfg.Deny) > 0 && contains(s.cfg.Deny, s.source(r)) {", "if len(s.cfg.Deny) > 99 && contains(s.cfg.Deny, s.source(r)) {"},
			},
			tests: []suite{{"./server", "Denied"}},
		},
		{
			name: "9 revocation under way is not looked for",
			edits: []edit{
				{"server/token/live.go", `	if err := s.Live(ctx, p.Record.Accessor); err != nil {
		return s.Refuse(ctx, p, err)
	}
`, ""},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "9 revocation by this server is seen late",
			edits: []edit{
				{"server/token/live.go", "return l.revision == revision && now", "return now"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "9 revoked tokens are admitted",
			edits: []edit{
				{"server/token/admit.go", `	if err := p.chain.live(); err != nil {
		return err
	}
`, ""},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "9 sessions do not ask",
			edits: []edit{
				{"server/session/exchange.go", `		if err := x.auth.Live(); err != nil {
			return err
		}
`, ""},
			},
			tests: []suite{{"./server/session", "RevokedWithin"}},
		},
	}
}
