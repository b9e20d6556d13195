// Package push is the client's side of a publication: it takes a walked tree
// to a server through a [Remote] and comes back with the receipt.
//
// # The stages
//
// [Push] opens the session; where the tree is published already, that is all.
// Otherwise it sends the list, learns which files the quick check does not
// settle, hashes those in windows of bounded size, and for each window asks
// what the server holds and sends what it lacks: small files packed together,
// large ones in parts, either as deltas where the server names a basis. While
// one window is sent the next is hashed; where a round trip takes long, several
// are under way, or if there are few, a request follows another before that is
// answered. Where the server is near, so that a question costs next to nothing,
// windows are as small as a request body, and what was read to be hashed is what is
// sent: each small file is read once (window.go). The commit rides on the last request where it can.
// A large file that has most of its content from another of the same push, such as a tar
// of what an image holds, goes as its difference from that (sibling.go).
//
// A list that fits into the first round trip of a connection rides on the open, and
// so do the digests of a tree of few files (early.go). In place of a longer one its
// outline does (outline.go), which shows what of it need not be listed. A small update
// of what is listed then goes whole in one request (eager.go). Of a larger one the files
// whose signatures came with the answer go first, without a question (direct.go), then
// what else differs, and last what is most likely as it was (window.go). A round of
// matching is left out where the link would carry more in the time than it saves.
//
// # Archives
//
// An archive can go by what is inside it, which keeps both machines busy, or by its
// bytes, which keeps the link busy. Of those of a window some senders take the largest
// apart while others send the smallest as they are, until they meet (groups.go). An
// archive is begun, and gone on with after each round, if the server is expected to
// have it before the link has carried what it has to (pays.go, backlog.go). The last one,
// or the only one, goes by its bytes while it is taken apart, until it is clear which way
// is quicker (race.go). What was compressed as one and goes by its bytes is not looked for
// in what the server has, unless the link is slow: little of it is found.
// Several are on their way through these stages at once; what the server is to rebuild goes
// before what the link can carry meanwhile, and questions before either (flight.go).
// While one is taken apart here the server does the same with its basis, and where the
// link has nothing else to carry a round of matching is weighed against what it carries
// in a round trip (deltas.go). What the link is the [Remote] says, from its start if it
// was there before; how hard what is sent is compressed follows from that (level.go).
// Next door a push of few archives takes its time over them (allowance.go).
//
// # Memory
//
// One window of digests, a few request bodies and one signature are held at a
// time, besides the list itself (about 150 bytes an entry), whatever the
// files' sizes.
//
// # When things change
//
// A file that changed since it was listed is hashed again and its entry
// amended; one that goes on changing ends the push with [walk.ErrChanged] and
// nothing published. A server that has lost the list (it was restarted) gets
// it again; digests computed once are kept. Data the server could not use (a
// delta whose result has another digest) is sent again whole.
package push
