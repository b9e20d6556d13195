package main

// derived are the defences of derived tokens and the schedulers that issue them: row 10.
func derived() []mutant {
	return []mutant{
		{
			name: "10 the parent is not looked at for revocation",
			edits: []edit{
				{"server/token/record.go", `	for _, t := range c {
		if !t.Revoked.IsZero() {
			return errInvalid()`, `	for _, t := range c[:1] {
		if !t.Revoked.IsZero() {
			return errInvalid()`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 derived wider: target",
			edits: []edit{
				{"server/token/narrow.go", "\tcase !g.Target.Within(parent.Target):", "\tcase false && (!g.Target.Within(parent.Target)):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 derived wider: reads",
			edits: []edit{
				{"server/token/narrow.go", "\tcase slices.ContainsFunc(g.Reads, func(p manifest.Path) bool { return !parent.reads(p) }):", "\tcase false && (slices.ContainsFunc(g.Reads, func(p manifest.Path) bool { return !parent.reads(p) })):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 derived wider: verbs",
			edits: []edit{
				{"server/token/narrow.go", "\tcase !parent.Verbs.Has(g.Verbs):", "\tcase false && (!parent.Verbs.Has(g.Verbs)):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 derived wider: not_before",
			edits: []edit{
				{"server/token/narrow.go", "\tcase g.NotBefore.Before(parent.NotBefore):", "\tcase false && (g.NotBefore.Before(parent.NotBefore)):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 derived wider: not_after",
			edits: []edit{
				{"server/token/narrow.go", "\tcase g.NotAfter.After(parent.NotAfter):", "\tcase false && (g.NotAfter.After(parent.NotAfter)):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 derived wider: finish_by",
			edits: []edit{
				{"server/token/narrow.go", "\tcase g.FinishBy.After(parent.FinishBy):", "\tcase false && (g.FinishBy.After(parent.FinishBy)):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 derived wider: sources",
			edits: []edit{
				{"server/token/narrow.go", "\tcase len(parent.Sources) > 0 && (len(g.Sources) == 0 || !covers(parent.Sources, g.Sources)):", "\tcase false && (len(parent.Sources) > 0 && (len(g.Sources) == 0 || !covers(parent.Sources, g.Sources))):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 derived wider: overwrite",
			edits: []edit{
				{"server/token/narrow.go", "\tcase g.Overwrite && !parent.Overwrite:", "\tcase false && (g.Overwrite && !parent.Overwrite):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 derived wider: manifest",
			edits: []edit{
				{"server/token/narrow.go", "\tcase !parent.Manifest.IsZero() && g.Manifest != parent.Manifest:", "\tcase false && (!parent.Manifest.IsZero() && g.Manifest != parent.Manifest):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 derived wider: visibility",
			edits: []edit{
				{"server/token/narrow.go", "\tcase g.Visibility.rank() > parent.Visibility.rank():", "\tcase false && (g.Visibility.rank() > parent.Visibility.rank()):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 derived wider: numbers",
			edits: []edit{
				{"server/token/narrow.go", "if n.value > limits[i].value {", "if n.value > limits[i].value && i < 0 {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 derived from a token of another scheduler",
			edits: []edit{
				{"server/token/issue.go", "if c[0].Scheduler != by.Name {", `if c[0].Scheduler == "" {`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 derived beyond the ceiling",
			edits: []edit{
				{"server/token/issue.go", `	// The ceiling may have been lowered since the parent was issued.
	if err := by.Ceiling.allows(&g, now); err != nil {
		return "", Record{}, err
	}
`, ""},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 the parent pays nothing for files and bytes",
			edits: []edit{
				{"server/token/use.go", `func (c chain) take(files, bytes int64) error {
	for _, t := range c {`, `func (c chain) take(files, bytes int64) error {
	for _, t := range c[:1] {`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 the parent pays no publication",
			edits: []edit{
				{"server/token/use.go", `	for i, t := range c {
`, `	for i, t := range c[:1] {
`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "10 the parent pays no calls",
			edits: []edit{
				{"server/token/calls.go", `	for _, t := range c {
		n, _ := b.left.get(t.Accessor)`, `	for _, t := range c[:1] {
		n, _ := b.left.get(t.Accessor)`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: ceiling: lifetime",
			edits: []edit{
				{"server/token/ceiling.go", "\tcase c.Lifetime > 0 && g.end().Sub(now) > c.Lifetime:", "\tcase false && (c.Lifetime > 0 && g.end().Sub(now) > c.Lifetime):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: ceiling: networks",
			edits: []edit{
				{"server/token/ceiling.go", "\tcase len(c.Networks) > 0 && (len(g.Sources) == 0 || !covers(plainPrefixes(c.Networks), g.Sources)):", "\tcase false && (len(c.Networks) > 0 && (len(g.Sources) == 0 || !covers(plainPrefixes(c.Networks), g.Sources))):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: ceiling: verbs",
			edits: []edit{
				{"server/token/ceiling.go", "\tcase c.Verbs != 0 && !c.Verbs.Has(g.Verbs):", "\tcase false && (c.Verbs != 0 && !c.Verbs.Has(g.Verbs)):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: ceiling: overwrite",
			edits: []edit{
				{"server/token/ceiling.go", "\tcase c.NoOverwrite && g.Overwrite:", "\tcase false && (c.NoOverwrite && g.Overwrite):"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: ceiling: visibility",
			edits: []edit{
				{"server/token/ceiling.go", `	case c.Visibility != "" && g.Visibility.rank() > c.Visibility.rank():`, `	case false && (c.Visibility != "" && g.Visibility.rank() > c.Visibility.rank()):`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: ceiling: numbers",
			edits: []edit{
				{"server/token/ceiling.go", "if limits[i] > 0 && n.value > limits[i] {", "if limits[i] < 0 && n.value > limits[i] {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: ceiling: target",
			edits: []edit{
				{"server/token/ceiling.go", "\tif !held(g.Target) {", `	if !held(g.Target) && g.Target == "" {`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: ceiling: reads",
			edits: []edit{
				{"server/token/ceiling.go", "\t\tif !held(p) {", `		if !held(p) && p == "" {`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: a third key",
			edits: []edit{
				{"server/token/scheduler.go", "if len(c.Keys) >= MaxKeys {", "if len(c.Keys) > MaxKeys {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: a removed key comes back",
			edits: []edit{
				{"server/token/scheduler.go", "if _, err := tx.Get(bucketRemoved, id); !errors.Is(err, store.ErrNotFound) {", "if _, err := tx.Get(bucketRemoved, id); err != nil && !errors.Is(err, store.ErrNotFound) {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: from anywhere",
			edits: []edit{
				{"server/token/scheduler.go", "if a := plainAddr(from); len(c.From) > 0 && !contains(c.From, a) {", "if a := plainAddr(from); len(c.From) > 99 {"},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: another one's token",
			edits: []edit{
				{"server/token/manage.go", `	if c[0].Scheduler != by.Name {
		return nil, errInvalid()
	}
`, ""},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: a certificate that was not verified",
			edits: []edit{
				{"server/token/scheduler.go", `		if verified {
`, `		if verified || true {
`},
			},
			tests: []suite{{"./server/token", "."}},
		},
		{
			name: "schedulers: client certificates of any authority",
			edits: []edit{
				{"cli/serve.go", "t.ClientAuth = tls.VerifyClientCertIfGiven", "t.ClientAuth = tls.RequestClientCert"},
			},
			tests: []suite{{"./cli", "TestScripts/scheduler"}},
		},
		{
			name: "schedulers: not configured any more",
			edits: []edit{
				{"cli/schedulers.go", `		if known[c.Name] {
`, `		if known[c.Name] || true {
`},
			},
			tests: []suite{{"./cli", "TestScripts/scheduler"}},
		},
		{
			name: "schedulers: the local credential only",
			edits: []edit{
				{"server/schedulers.go", "if err == nil && by.Name != s.cfg.Admin {", `if err == nil && by.Name == "" {`},
			},
			tests: []suite{{"./cli", "TestScripts/scheduler"}},
		},
	}
}
