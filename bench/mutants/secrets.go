package main

// secrets are the defences of guessing, leaking and stealing secrets: rows 11 to 16.
func secrets() []mutant {
	return []mutant{
		{
			name: "11 no ban",
			edits: []edit{
				{"server/token/guard.go", "if s.wrong >= g.Ban &&", "if s.wrong < 0 &&"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "11 no delay",
			edits: []edit{
				{"server/token/guard.go", `	return g.delay(s.wrong), ban
`, `	return 0, ban
`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "11 a banned address is heard",
			edits: []edit{
				{"server/token/admit.go", `	if err := s.Blocked(from); err != nil {
		return nil, err
	}
`, ""},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "11 no alert for a ban",
			edits: []edit{
				{"server/token/guard.go", `		s.alert(ctx, Alert{Kind: AlertBan, From: from, Text: "address banned for guessing"})
`, ""},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "12 no work for an unknown accessor",
			edits: []edit{
				{"server/token/admit.go", `	if len(b) < sha256.Size {
		b =`, `	if len(b) < sha256.Size {
		return nil, errGuess
	}
	if len(b) < 0 {
		b =`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "12 any secret",
			edits: []edit{
				{"server/token/admit.go", "if subtle.ConstantTimeCompare(sum[:], b[:sha256.Size]) != 1 {", "if subtle.ConstantTimeCompare(sum[:], b[:sha256.Size]) > 1 {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "12 revoked is told from unknown",
			edits: []edit{
				{"server/token/record.go", `		if !t.Revoked.IsZero() {
			return errInvalid()`, `		if !t.Revoked.IsZero() {
			return deny(CodeInvalid, "revoked")`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "13 the secret in the database",
			edits: []edit{
				{"server/token/issue.go", `	r.Accessor, r.Issued = accessor, s.now()
`, `	r.Accessor, r.Issued = accessor, s.now()
	r.Note += secret
`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "14 errors are not redacted",
			edits: []edit{
				{"cli/run.go", `oneLine(connect.Redact(err.Error())))
	if hint`, `oneLine(err.Error()))
	if hint`},
			},
			tests: []suite{{"./cli", "TestCanary|TestScripts"}},
		},
		{
			name: "14 a token in the URL",
			edits: []edit{
				{"server/server.go", `if r.URL.RawQuery != "" && holdsBearer(r.URL.RawQuery) {`, `if r.URL.RawQuery != "" && r.URL.RawQuery == "psb_" {`},
			},
			tests: []suite{{"./server", "TokenInURL"}, {"./cli", "TestRaw"}},
		},
		{
			name: "14 the credential file is for all to read",
			edits: []edit{
				{"cli/secret.go", "os.WriteFile(tmp, []byte(text), 0o600)", "os.WriteFile(tmp, []byte(text), 0o644)"},
			},
			tests: []suite{{"./cli", "TestCanary"}},
		},
		{
			name: "15 the command line keeps the token",
			edits: []edit{
				{"cli/env.go", `		b[i] = 'x'
`, `		b[i] += 0
`},
			},
			tests: []suite{{"./cli", "TestCanary"}},
		},
		{
			name: "16 redirects are followed",
			edits: []edit{
				{"sync/remote/remote.go", `		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
`, ""},
			},
			tests: []suite{{"./server", "Redirect"}},
		},
	}
}
