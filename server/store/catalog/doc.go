// Package catalog keeps the catalog of a store in SQLite: the versioned tree,
// publications, where each blob lies, leases, and the records of others. It is
// the only package that speaks SQL, and it knows nothing of files: the disk
// package asks it where a blob is and tells it where a blob went.
//
// # Tables
//
// Directories are rows of dirs, so that an entry costs a number and a name. An
// entry row is (dir, name, from_pub, to_pub, ...): the publication that made
// it and the one that ended it, NULL while it stands. A commit ends and inserts
// the rows that changed and touches no other. The entry of version v is the row
// with from_pub <= v and to_pub NULL or > v; since no commit alters such a row's
// other columns, a reader that has fixed v needs no long transaction to see one
// state.
//
// # Connections
//
// One connection writes, behind a lock that honours contexts; a few others only
// read. The journal is a write-ahead log synced at every commit; moving it into
// the database is done in the background by a connection of its own, so that no
// publisher waits for it. Statements run to their end once begun: contexts are
// looked at between them, because they are short and because watching a context
// costs more than most of them.
package catalog
