package main

// table lists the defences that the tests hold. The number is the row of the
// threats.
func table() []mutant {
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
			return nil, err
		}
`, ""},
			},
			tests: []suite{{"./server/session", "RevokedWithin"}},
		},
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
		{
			name: "22 bases out of sight",
			edits: []edit{
				{"server/session/signing.go", "x.session.store().Have(x.keep, x.session.id, []manifest.Digest{d}, x.auth.Sight())", "x.session.store().Have(x.keep, x.session.id, []manifest.Digest{d}, func(manifest.Path) bool { return true })"},
			},
			tests: []suite{{"./server", "PrivateBases|Private"}},
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
	}
}
