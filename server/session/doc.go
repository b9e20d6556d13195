// Package session runs pushes on the server: it opens sessions, answers what
// is already held, takes data in, and commits. The messages are those of
// sync/wire, whose package comment is the specification; this package is its
// server side, without HTTP.
//
// # States
//
// A session is open, then published or abandoned. What must survive a restart
// is in the store: the session's record, the bytes it has had accepted (leased
// by it), the files it has staged in part, and the views of archives that it has
// staged. The list and the digests live in
// memory only: a server that has lost them answers "list_needed", and the
// client, which has them at hand, sends them again. So there is one way to
// resume, whether the client, the network or the server went away.
//
// # Who may do what
//
// Every call comes with an [Authority], made from a verified token by the
// caller. This package asks it at the moments that matter (open, each request,
// commit) and inside the transaction that publishes; it decides nothing about
// tokens itself. Content is looked up through the authority's sight only:
// what the token may not read is answered exactly as what is not there.
package session
