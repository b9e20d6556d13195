package main

// requests are the defences of slow, cut and ambiguous requests: rows 30 and 31.
func requests() []mutant {
	return []mutant{
		{
			name: "30 slow bodies",
			edits: []edit{
				{"server/pace.go", `	_ = p.deadline(began.Add(p.credit))
`, `	_ = p.deadline(began.Add(p.credit + time.Hour))
`},
			},
			tests: []suite{{"./server", "SlowBody|Pace"}},
		},
		{
			name: "31 two credentials",
			edits: []edit{
				{"server/server.go", `if len(r.Header.Values("Authorization")) > 1 {`, `if len(r.Header.Values("Authorization")) > 2 {`},
			},
			tests: []suite{{"./server", "Smuggling"}, {"./cli", "TestRaw"}},
		},
	}
}
