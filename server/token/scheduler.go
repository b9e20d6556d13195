package token

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire/connect"
)

// A Scheduler issues tokens. It proves who it is by a credential or by a client
// certificate.
type Scheduler struct {
	Name     string            `json:"name"` // 1 to 64 of a-z, 0-9, ".", "_", "-"; begins with a letter or digit
	Ceiling  Ceiling           `json:"ceiling,omitzero"`
	From     []netip.Prefix    `json:"from,omitempty"`     // networks it may ask from; none: any
	SPKI     []manifest.Digest `json:"spki,omitempty"`     // SHA-256 of client keys (SubjectPublicKeyInfo)
	Subjects []string          `json:"subjects,omitempty"` // of client certificates, as RFC 4514 text
	Keys     []Key             `json:"keys,omitempty"`     // of its credentials, at most MaxKeys; set by NewKey and RemoveKey
}

// A Key is an active credential of a scheduler; its secret is kept only as a hash.
type Key struct {
	ID    string    `json:"id"` // the credential's accessor
	Added time.Time `json:"added"`
}

// MaxKeys is how many credentials a scheduler may have at once: the old and the
// new one while they are being changed.
const MaxKeys = 2

// Errors about schedulers. They are wrapped with the scheduler's name.
var (
	ErrNoScheduler = errors.New("no such scheduler")
	ErrKeyRemoved  = errors.New("this key was removed; take it out of the file of keys")
	ErrKeys        = errors.New("two keys are active already; remove one first")
	ErrName        = errors.New("not a scheduler's name: use 1 to 64 of a-z, 0-9, '.', '_', '-', beginning with a letter or digit")
)

func checkName(name string) error {
	ok := len(name) >= 1 && len(name) <= 64
	for i, c := range []byte(name) {
		plain := 'a' <= c && c <= 'z' || '0' <= c && c <= '9'
		ok = ok && (plain || i > 0 && (c == '.' || c == '_' || c == '-'))
	}
	if !ok {
		return fmt.Errorf("%w: %q", ErrName, name)
	}
	return nil
}

func getScheduler(tx store.Tx, name string) (*Scheduler, error) {
	b, err := tx.Get(bucketScheduler, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("%w: %q", ErrNoScheduler, name)
	}
	if err != nil {
		return nil, err
	}
	s := new(Scheduler)
	if err := json.Unmarshal(b, s); err != nil {
		return nil, fmt.Errorf("scheduler %q: %w: %v", name, store.ErrDamaged, err)
	}
	return s, nil
}

func putScheduler(tx store.Tx, c *Scheduler) error {
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("coding scheduler %q: %w", c.Name, err)
	}
	return tx.Put(bucketScheduler, c.Name, b)
}

// PutScheduler creates the scheduler, or changes everything but its keys. A
// certificate may belong to one scheduler only. Errors: ErrName.
func (s *Service) PutScheduler(ctx context.Context, c Scheduler) error {
	if err := checkName(c.Name); err != nil {
		return err
	}
	c.From, c.Ceiling.Networks = plainPrefixes(c.From), plainPrefixes(c.Ceiling.Networks)
	return s.cfg.Records.Update(ctx, func(tx store.Tx) error {
		old, err := getScheduler(tx, c.Name)
		c.Keys = nil
		if err == nil {
			c.Keys = old.Keys
			if err := dropCerts(tx, old); err != nil {
				return err
			}
		} else if !errors.Is(err, ErrNoScheduler) {
			return err
		}
		if err := putCerts(tx, &c); err != nil {
			return err
		}
		if err := putDecoys(tx); err != nil {
			return err
		}
		if err := putScheduler(tx, &c); err != nil {
			return err
		}
		return s.audit(tx, Event{Kind: EventScheduler, Scheduler: c.Name, Note: "set"})
	})
}

// Schedulers returns all schedulers by name.
func (s *Service) Schedulers(ctx context.Context) ([]Scheduler, error) {
	var all []Scheduler
	var bad error
	err := s.cfg.Records.View(ctx, func(tx store.Tx) error {
		return tx.Scan(bucketScheduler, "", func(name string, b []byte) bool {
			var c Scheduler
			if err := json.Unmarshal(b, &c); err != nil {
				bad = fmt.Errorf("scheduler %q: %w: %v", name, store.ErrDamaged, err)
				return false
			}
			all = append(all, c)
			return true
		})
	})
	if bad != nil {
		err = bad
	}
	return all, err
}

// SchedulerNamed returns the scheduler of that name, for callers who act in its
// name by configuration. Errors: ErrNoScheduler.
func (s *Service) SchedulerNamed(ctx context.Context, name string) (c Scheduler, err error) {
	err = s.cfg.Records.View(ctx, func(tx store.Tx) error {
		got, err := getScheduler(tx, name)
		if err == nil {
			c = *got
		}
		return err
	})
	return c, err
}

// RemoveScheduler makes the scheduler's credentials and certificates worthless.
// Its tokens live on; see [Service.RevokeAll]. Errors: ErrNoScheduler.
func (s *Service) RemoveScheduler(ctx context.Context, name string) error {
	return s.cfg.Records.Update(ctx, func(tx store.Tx) error {
		c, err := getScheduler(tx, name)
		if err != nil {
			return err
		}
		for _, k := range c.Keys {
			if err := tx.Delete(bucketKey, k.ID); err != nil {
				return err
			}
		}
		if err := dropCerts(tx, c); err != nil {
			return err
		}
		if err := tx.Delete(bucketScheduler, name); err != nil {
			return err
		}
		return s.audit(tx, Event{Kind: EventScheduler, Scheduler: name, Note: "removed"})
	})
}

// NewKey adds a credential and returns it: the only time it is seen. Errors:
// ErrNoScheduler, ErrKeys.
func (s *Service) NewKey(ctx context.Context, name string) (credential string, err error) {
	credential = connect.NewBearer(connect.Credential)
	return credential, s.EnsureKey(ctx, name, credential)
}

// EnsureKey adds a credential that the caller has, from a file for instance,
// unless the scheduler has it already. Errors: ErrNoScheduler, ErrKeys,
// ErrKeyRemoved, those of [connect.SplitBearer].
func (s *Service) EnsureKey(ctx context.Context, name, credential string) error {
	kind, id, secret, err := connect.SplitBearer(credential)
	if err != nil {
		return fmt.Errorf("credential of scheduler %q: %w", name, err)
	}
	if kind != connect.Credential {
		return fmt.Errorf("credential of scheduler %q: %w: a token", name, connect.ErrKind)
	}
	return s.cfg.Records.Update(ctx, func(tx store.Tx) error {
		c, err := getScheduler(tx, name)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(c.Keys, func(k Key) bool { return k.ID == id }) {
			return checkHeld(tx, id, secret, name)
		}
		if _, err := tx.Get(bucketRemoved, id); !errors.Is(err, store.ErrNotFound) {
			if err == nil {
				err = fmt.Errorf("scheduler %q: credential %s: %w", name, id, ErrKeyRemoved)
			}
			return err
		}
		if len(c.Keys) >= MaxKeys {
			return fmt.Errorf("scheduler %q: %w", name, ErrKeys)
		}
		c.Keys = append(c.Keys, Key{ID: id, Added: s.now()})
		sum := hashSecret(secret)
		if err := tx.Put(bucketKey, id, append(sum[:], name...)); err != nil {
			return err
		}
		if err := putScheduler(tx, c); err != nil {
			return err
		}
		return s.audit(tx, Event{Kind: EventScheduler, Scheduler: name, Note: "key added: " + id})
	})
}

// checkHeld returns an error unless the key is held with this secret and for
// this scheduler.
func checkHeld(tx store.Tx, id, secret, name string) error {
	b, err := matchSecret(tx, bucketKey, id, secret)
	if err != nil || string(b[sha256.Size:]) != name {
		return fmt.Errorf("credential %s of scheduler %q differs from the one on record", id, name)
	}
	return nil
}

// RemoveKey makes a credential worthless for good. Removing one that is not there
// does nothing. Errors: ErrNoScheduler.
func (s *Service) RemoveKey(ctx context.Context, name, id string) error {
	return s.cfg.Records.Update(ctx, func(tx store.Tx) error {
		c, err := getScheduler(tx, name)
		if err != nil {
			return err
		}
		n := len(c.Keys)
		c.Keys = slices.DeleteFunc(c.Keys, func(k Key) bool { return k.ID == id })
		if len(c.Keys) == n {
			return nil
		}
		if err := tx.Delete(bucketKey, id); err != nil {
			return err
		}
		if err := tx.Put(bucketRemoved, id, nil); err != nil {
			return err
		}
		if err := putScheduler(tx, c); err != nil {
			return err
		}
		return s.audit(tx, Event{Kind: EventScheduler, Scheduler: name, Note: "key removed: " + id})
	})
}

// Scheduler returns the scheduler whose credential ("psc_...") it is. Unknown and
// wrong credentials are refused alike, with CodeCredential, and count as guesses;
// from an address the scheduler does not use, CodeSourceDenied.
func (s *Service) Scheduler(ctx context.Context, credential string, from netip.Addr) (Scheduler, error) {
	return s.identify(ctx, from, func(tx store.Tx) (*Scheduler, error) {
		kind, id, secret, err := connect.SplitBearer(credential)
		if err != nil || kind != connect.Credential {
			return nil, errGuess
		}
		b, err := matchSecret(tx, bucketKey, id, secret)
		if err != nil {
			return nil, err
		}
		return getScheduler(tx, string(b[sha256.Size:]))
	})
}

// SchedulerOfCert returns the scheduler that the client certificate of a TLS
// connection belongs to: by its key, or, only if verified says that the
// connection has verified the chain against the authorities configured for
// clients, by its subject. Errors as those of [Service.Scheduler].
func (s *Service) SchedulerOfCert(ctx context.Context, cert *x509.Certificate, verified bool, from netip.Addr) (Scheduler, error) {
	return s.identify(ctx, from, func(tx store.Tx) (*Scheduler, error) {
		keys := []string{spkiKey(sha256.Sum256(cert.RawSubjectPublicKeyInfo))}
		if verified {
			keys = append(keys, subjectKey(cert.Subject.String()))
		}
		for _, k := range keys {
			name, err := tx.Get(bucketCert, k)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			return getScheduler(tx, string(name))
		}
		return nil, errGuess
	})
}

// identify runs find under the guard against guessing.
func (s *Service) identify(ctx context.Context, from netip.Addr, find func(store.Tx) (*Scheduler, error)) (Scheduler, error) {
	if err := s.Blocked(from); err != nil {
		return Scheduler{}, err
	}
	var c *Scheduler
	err := s.cfg.Records.View(ctx, func(tx store.Tx) (err error) {
		c, err = find(tx)
		return err
	})
	if errors.Is(err, errGuess) {
		s.Guessed(ctx, from, CodeCredential)
		return Scheduler{}, &Denied{Code: CodeCredential, Reason: "the credential is not valid here"}
	}
	if err != nil {
		return Scheduler{}, err
	}
	if a := plainAddr(from); len(c.From) > 0 && !contains(c.From, a) {
		return Scheduler{}, s.RefuseScheduler(ctx, *c, from, deny(CodeSourceDenied, "the scheduler may not ask from %s", a))
	}
	return *c, nil
}

func spkiKey(sum [sha256.Size]byte) string { return "spki:" + hex.EncodeToString(sum[:]) }
func subjectKey(subject string) string     { return "subject:" + subject }

func (c *Scheduler) certKeys() []string {
	var keys []string
	for _, d := range c.SPKI {
		keys = append(keys, spkiKey(d))
	}
	for _, sub := range c.Subjects {
		keys = append(keys, subjectKey(sub))
	}
	return keys
}

func putCerts(tx store.Tx, c *Scheduler) error {
	for _, k := range c.certKeys() {
		owner, err := tx.Get(bucketCert, k)
		if err == nil && string(owner) != c.Name {
			return fmt.Errorf("scheduler %q: its certificate %s is that of scheduler %q", c.Name, k, owner)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err := tx.Put(bucketCert, k, []byte(c.Name)); err != nil {
			return err
		}
	}
	return nil
}

func dropCerts(tx store.Tx, c *Scheduler) error {
	for _, k := range c.certKeys() {
		if err := tx.Delete(bucketCert, k); err != nil {
			return err
		}
	}
	return nil
}
