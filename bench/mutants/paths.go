package main

// paths are the defences of names and prefixes: rows 17 and 18.
func paths() []mutant {
	return []mutant{
		{
			name: "17 dot components", // which end in a dot, too
			edits: []edit{
				{"sync/manifest/path.go", "case name[len(name)-1] == '.':", "case name[len(name)-1] == '.' && strings.Trim(name, \".\") != \"\":"},
				{"sync/manifest/path.go", `case name == "." || name == "..":`, `case name == "./":`},
			},
			tests: []suite{{"./sync/manifest", "."}, {"./server", "PathTricks"}},
		},
		{
			name: "17 dots behind percent signs",
			edits: []edit{
				{"sync/manifest/path.go", "case strings.IndexByte(name, '%') >= 0 && hidesDots(name):", "case false && hidesDots(name):"},
			},
			tests: []suite{{"./sync/manifest", "."}},
		},
		{
			name: "17 control bytes",
			edits: []edit{
				{"sync/manifest/path.go", "case c < 0x20 || c == 0x7f:", "case c < 0x01:"},
			},
			tests: []suite{{"./sync/manifest", "."}},
		},
		{
			name: "17 backslashes",
			edits: []edit{
				{"sync/manifest/path.go", `case c == '\\':`, "case c == 0:"},
			},
			tests: []suite{{"./sync/manifest", "."}},
		},
		{
			name: "17 device names",
			edits: []edit{
				{"sync/manifest/path.go", "case isDevice(name):", `case isDevice(name) && name == "":`},
			},
			tests: []suite{{"./sync/manifest", "."}},
		},
		{
			name: "17 trailing dots",
			edits: []edit{
				{"sync/manifest/path.go", "case name[len(name)-1] == '.':", "case name[len(name)-1] == 0:"},
			},
			tests: []suite{{"./sync/manifest", "."}},
		},
		{
			name: "17 drives",
			edits: []edit{
				{"sync/manifest/path.go", "if first && len(name) == 2", "if first && len(name) == 0"},
			},
			tests: []suite{{"./sync/manifest", "."}},
		},
		{
			name: "17 long names",
			edits: []edit{
				{"sync/manifest/path.go", "case len(name) > MaxName:", "case len(name) > 1<<20:"},
			},
			tests: []suite{{"./sync/manifest", "."}},
		},
		{
			name: "17 long paths",
			edits: []edit{
				{"sync/manifest/path.go", "\tif len(s) > MaxPath {", "\tif len(s) > 1<<20 {"},
			},
			tests: []suite{{"./sync/manifest", "."}},
		},
		{
			name: "17 targets are not checked",
			edits: []edit{
				{"server/session/engine.go", `	if _, err := manifest.ParsePath(string(o.Target)); err != nil {
		return err
	}
`, ""},
			},
			tests: []suite{{"./server", "Constraints"}},
		},
		{
			name: "17 lists are not checked", // neither by the session nor by the store
			edits: []edit{
				{"server/store/catalog/commit.go", `	if err := c.Entries.Check(); err != nil {
		return fmt.Errorf("commit to %q: %w", c.Target, err)
	}
`, ""},
				{"server/session/commit.go", `	if err := s.list.Check(); err != nil {
		return nil, err
	}
`, ""},
			},
			tests: []suite{{"./server", "Lists|ByFile"}},
		},
		{
			name: "18 prefixes by string",
			edits: []edit{
				{"sync/manifest/path.go", "return len(p) > len(dir) && p[len(dir)] == '/' && p[:len(dir)] == dir", "return len(p) > len(dir) && p[:len(dir)] == dir"},
			},
			tests: []suite{{"./sync/manifest", "."}, {"./server", "Constraints"}},
		},
		{
			name: "18 any path",
			edits: []edit{
				{"server/token/admit.go", `	if !allowed {
`, `	if !allowed && at == "" {
`},
			},
			tests: []suite{{"./server/token", "."}, {"./server", "Constraints"}},
		},
	}
}
