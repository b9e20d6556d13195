package main

// requests are the defences of slow, cut and ambiguous requests: rows 30 and 31.
func requests() []mutant {
	return []mutant{
		{
			name: "30 slow bodies",
			edits: []edit{
				{"server/pace.go", "	p.until(began.Add(p.credit))\n", "	p.until(began.Add(p.credit + time.Hour))\n"},
			},
			tests: []suite{{"./server", "SlowBody|Pace"}},
		},
		{
			name: "30 slow readers",
			edits: []edit{
				{"server/pace.go", "	_ = p.deadline(began.Add(p.credit + p.worth(len(b))))\n", ""},
			},
			tests: []suite{{"./server", "TestPace"}},
		},
		{
			name: "30 who was fast may stop",
			edits: []edit{
				{"server/pace.go", "	c.credit = min(c.pace.Grace, c.credit+c.worth(n)-waited)\n", "	c.credit += c.worth(n) - waited\n"},
			},
			tests: []suite{{"./server", "TestPace"}},
		},
		{
			name: "30 headers that do not come",
			edits: []edit{
				{"cli/serve.go", "		ReadHeaderTimeout: cfg.Server.Limits.HeaderTimeout.D(),\n", ""},
			},
			tests: []suite{{"./cli", "EveryKeyActs"}},
		},
		{
			name: "30 any number of requests at once",
			edits: []edit{
				{"server/gate.go", "	if g.load.Total > 0 && g.total >= g.load.Total {\n", "	if g.load.Total > 0 && g.total < 0 {\n"},
			},
			tests: []suite{{"./server", "ParallelLimit"}},
		},
		{
			name: "30 any number for one address",
			edits: []edit{
				{"server/gate.go", "g.served[who] >= g.load.PerAddress {", "g.served[who] < 0 {"},
			},
			tests: []suite{{"./server", "ParallelLimit|PerAddress"}},
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
