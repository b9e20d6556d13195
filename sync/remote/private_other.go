//go:build !unix

package remote

import "io/fs"

// private reports whether a file or folder is this user's alone: where modes do not say,
// it is as private as the folder that it is in.
func private(fs.FileInfo) bool { return true }
