package walk

import "errors"

// A Shape is the part of a build type's profile that says which files are
// taken and where they arrive.
type Shape struct {
	// Include, if there are any, are doublestar globs of which a path must
	// match one; Exclude are globs of which it must match none. A glob without
	// a slash is matched against the last component, any other against the
	// whole path below the source. A directory that matches stands for
	// everything below it.
	Include []string
	Exclude []string
	// Strip is the number of leading path components to drop, as in tar's
	// --strip-components. A file with no more components than that is an
	// [ErrStripped]; a directory just drops out.
	Strip int
	// Flatten keeps only the last component of each file and no directory.
	Flatten bool
}

// GlobSources turns the GLOB arguments of `publish` into sources: relative
// globs become globs of the source dir; an absolute glob one of the source "/"
// (the drive on Windows); a glob that begins with "../" one of the directory it
// leads to. It does not look at the disk. Errors wrap [ErrPattern].
func GlobSources(dir string, globs []string) ([]Source, error) { return nil, errors.ErrUnsupported }
