package token

import (
	"net/netip"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// What schedulers do to published targets themselves, beside the kinds above.
const (
	EventRollback  EventKind = "rollback"  // of a target to an older version, in Note
	EventPin       EventKind = "pin"       // a target is kept from retention
	EventUnpin     EventKind = "unpin"     // no longer
	EventRetention EventKind = "retention" // a build was removed: what was in it, and why and by whom in Note
)

// MayAct returns a *Denied with CodeCeiling if a scheduler under this ceiling
// could not have a token issued for the target, or, where content is to change,
// with leave to overwrite.
func (c *Ceiling) MayAct(target manifest.Path, overwrite bool) error {
	if err := c.allowsPaths(&Grant{Target: target}); err != nil {
		return err
	}
	if overwrite && c.NoOverwrite {
		return above("overwrite", "not at all")
	}
	return nil
}

// Acted writes to the audit log what a scheduler did itself.
func (s *Service) Acted(tx store.Tx, k EventKind, by Scheduler, from netip.Addr, target manifest.Path, note string) error {
	return s.audit(tx, Event{Kind: k, Scheduler: by.Name, From: plainAddr(from), Target: target, Note: note})
}

// Removed writes to the audit log that retention removed a build of so many files
// and bytes. by is the scheduler who asked for it, "" if nobody did.
func (s *Service) Removed(tx store.Tx, by string, from netip.Addr, target manifest.Path, files, bytes int64, why string) error {
	return s.audit(tx, Event{
		Kind: EventRetention, Scheduler: by, From: plainAddr(from), Target: target, Files: files, Bytes: bytes, Note: why,
	})
}

// ActedWith writes to the audit log what the bearer of a token did.
func (s *Service) ActedWith(tx store.Tx, k EventKind, p *Pass, target manifest.Path, note string) error {
	e := p.event(k, &Use{Target: target})
	e.Note = note
	return s.audit(tx, e)
}
