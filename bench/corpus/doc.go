// Package corpus is the data of the benchmarks: real releases fetched by name
// through the ordinary package clients, and trees derived from them.
//
// # Fetched
//
// [Releases] is the table: npm packages, Go modules and source tarballs of
// Debian packages, each with its version and SHA-256. A [Cache] fetches what it
// lacks with npm, go and apt-get, and refuses bytes that have another digest.
// Debian's mirrors keep few versions; one that is gone is [ErrGone], and what
// needs it is left out with a line that says so.
//
// # Derived
//
// Everything else is made from these by the functions of this package, from a
// fixed seed, so that two machines measure the same trees: source trees, folders
// of build objects, images, CI tarballs. They are kept in the cache too, each
// under a name with the version of its recipe.
package corpus
