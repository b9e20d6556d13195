//go:build linux

package walk

// openSteppedRoot is openRoot on a kernel without openat2.
func openSteppedRoot(name string) (root, error) {
	r, err := openRoot(name)
	if err == nil {
		r.(*unixRoot).beneath = false
	}
	return r, err
}
