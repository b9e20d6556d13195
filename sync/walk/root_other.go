//go:build !(linux || darwin || freebsd || netbsd || openbsd)

package walk

func openRoot(name string) (root, error) { return openPortable(name) }
