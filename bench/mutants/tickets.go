package main

// tickets are defences of TLS sessions that go on from one push to the next. The table
// of threats has no row of its own for them; a stolen or foreign one would hand the
// token to somebody else, as would a redirect (16).
func tickets() []mutant {
	tests := []suite{{"./sync/remote", "Resume|Ticket"}}
	return []mutant{
		{
			name: "16 a ticket opens without the pin",
			edits: []edit{
				{"sync/remote/remote.go", `	t.VerifyConnection = func(s tls.ConnectionState) error {
`, `	t.VerifyConnection = func(s tls.ConnectionState) error {
		if s.DidResume {
			return nil
		}
`},
			},
			tests: tests,
		},
		{
			name:  "16 a ticket is good for ever",
			edits: []edit{{"sync/remote/ticket.go", "return 0 <= age && age < maxTicketAge", "return 0 <= age"}},
			tests: tests,
		},
		{
			name:  "16 a ticket of tomorrow is good",
			edits: []edit{{"sync/remote/ticket.go", "return 0 <= age && age < maxTicketAge", "return age < maxTicketAge"}},
			tests: tests,
		},
		{
			name:  "16 a resumed session is as old as itself",
			edits: []edit{{"sync/remote/handshake.go", "b.next.Full, b.next.Hybrid = b.used.Full, ", "b.next.Hybrid = "}},
			tests: tests,
		},
		{
			name: "16 a ticket that others may read",
			edits: []edit{{"sync/remote/kept.go",
				"!fi.Mode().IsRegular() || !private(fi) || fi.Size()", "!fi.Mode().IsRegular() || fi.Size()"}},
			tests: tests,
		},
		{
			name: "16 a ticket in a folder of others",
			edits: []edit{{"sync/remote/kept.go", `	dir, err := os.Lstat(filepath.Dir(k.file))
	if err != nil || !private(dir) {`, `	_, err := os.Lstat(filepath.Dir(k.file))
	if err != nil {`}},
			tests: tests,
		},
		{
			name:  "16 a ticket of any size",
			edits: []edit{{"sync/remote/kept.go", " || fi.Size() > maxKeptFile {", " {"}},
			tests: tests,
		},
		{
			name: "16 tickets without number",
			edits: []edit{{"sync/remote/kept.go", `	makeRoom(dir)
`, ""}},
			tests: tests,
		},
		{
			name:  "16 keys that a quantum computer breaks, from the first",
			edits: []edit{{"sync/remote/handshake.go", "if k != nil && k.Hybrid {", "if k != nil {"}},
			tests: tests,
		},
		{
			name:  "16 sessions are kept without end",
			edits: []edit{{"server/identity/tlssessions.go", "for s.room < 0 {", "for s.room < -1<<60 {"}},
			tests: []suite{{"./server/identity", "."}},
		},
	}
}
