// Package walk turns local directories into a [manifest.List], and opens what
// it listed without ever being led outside those directories.
//
// # Sources
//
// [Walk] reads one or several source directories. As with rsync and a trailing
// slash, it is the contents of each that arrive at the target, not the
// directory itself. Where two sources hold the same path the walk fails and
// names both, unless both are directories: then their contents merge, and the
// entry has the metadata of the source given first.
//
// # What is taken
//
// Four things narrow a walk, all at once; a path must pass each:
//
//   - [Source.Globs]: the arguments of `publish`, positional like a shell's.
//   - [Options.Filter]: --include and --exclude as rsync has them, see [Filter].
//   - [Options.Files]: --files-from, a list of paths, see [ReadNames].
//   - [Options.Shape]: the profile of a build type; it also strips leading
//     components and flattens.
//
// An excluded directory is not read, so nothing below it can be included again.
//
// # Safety
//
// A source may change while it is read, by accident or on purpose. Below the
// source directory no symbolic link is ever followed, neither to list nor to
// open: every component of a path is resolved with the equivalent of O_NOFOLLOW
// below an open directory. [Tree.Open] refuses a file that is not what was
// walked, and [File.Check] tells, after reading, whether it stayed so.
//
// The package reads no clock and no environment; on systems other than Unix it
// knows neither inode numbers nor change times, and the checks do without.
package walk
