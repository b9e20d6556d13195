// Package build knows builds: what a type's publications make one of, the names
// that follow the newest, which are pinned, and how long they are kept.
//
// A build is what is published under one target below its type: the build
// android/42 of the type android, or android/panda/42. Builds side by side (all
// in android/panda) are a line: aliases stand in the line beside the builds, and
// retention counts within it. Where parts of a build are published under targets
// of their own (android/42/images), [Type].Depth says how many components below
// the type name a build.
//
// # Aliases
//
// An alias is a symbolic link in the published tree, so that every way of
// reading shows it: /files resolves it on the server, pull and export carry it.
// Those of [Type].Aliases are moved by each publication that makes a new build,
// in its own transaction; a later publication to an older build leaves them
// where they are. Those of [Type].Named are moved only by pushes that ask for it:
// a job that says "lastSuccessful" when its tests passed decides what is one.
//
// Neither kind goes back: build 41 that ends after build 42 leaves the names
// where 42 has them, as Jenkins's permanent links do, whose highest number wins.
// What counts as newer, [Types.Newer] says; where names tell nothing, the one that
// ended last is. Only a rollback of the alias itself takes it back to an older build,
// until the next newer one; one that shows a build which is gone moves to any.
//
// Which names a type has is the configuration's to say, for every token of the
// type: who may publish a build may have the names of its line show it. That
// gives a token's bearer nothing but the choice to say so of the build it may
// publish; no name can be made to show anything else, or lead out of its line.
//
// # Retention
//
// A build goes when it is beyond every bound that its type has: more than
// KeepBuilds younger ones are in its line, and KeepDays have passed since it was
// last published to. One that is pinned, or that an alias (of the
// configuration, or any other symbolic link beside it) shows, stays, and counts
// as one of the line. Its removal is a publication, seen in the log; nothing of it
// can be read at older versions from then on, and the next collection frees its
// content.
//
// What was replaced or removed by others can be read at its version for
// KeepHistory; 0 is for ever. Then it is forgotten.
package build
