//go:build unix

package remote

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// A ticket that others may have read, or put there, is of no use either.
func TestTicketsOfOthers(t *testing.T) {
	uselessTickets(t, map[string]func(*ticketSite) error{
		"others may read it": func(s *ticketSite) error { return os.Chmod(s.file(), 0o644) },
		"others may put it":  func(s *ticketSite) error { return os.Chmod(s.dir, 0o777) },
		"a link":             func(s *ticketSite) error { return relink(s.file()) },
	})
}

func relink(file string) error {
	elsewhere := filepath.Join(filepath.Dir(filepath.Dir(file)), "elsewhere")
	return errors.Join(os.Rename(file, elsewhere), os.Symlink(elsewhere, file))
}
