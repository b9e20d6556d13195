package token

import (
	"errors"
	"fmt"
	"time"

	"github.com/pubsync/pubsync/server/store"
	"github.com/pubsync/pubsync/sync/manifest"
)

// A Code names the reason of a refusal. Codes are append-only and the same
// that travel to the client. A Code is itself the sentinel error that a
// [*Denied] with it wraps: errors.Is(err, token.CodeConsumed).
type Code string

// The reasons.
const (
	CodeInvalid          Code = "token_invalid"      // unknown, wrong or revoked: one identical answer
	CodeNotYetValid      Code = "not_yet_valid"      // before NotBefore; RetryAfter is set
	CodeExpired          Code = "token_expired"      // open or commit after NotAfter
	CodeSessionExpired   Code = "session_expired"    // anything after FinishBy
	CodeSourceDenied     Code = "source_denied"      // from an address that is not allowed
	CodeConsumed         Code = "token_consumed"     // all publications are spent
	CodeInUse            Code = "token_in_use"       // another session secret holds the publication
	CodeCallsExhausted   Code = "calls_exhausted"    // all calls are spent
	CodeParallel         Code = "parallel"           // too many requests at once; RetryAfter is set
	CodeFilesExhausted   Code = "files_exhausted"    // more files than are left
	CodeBytesExhausted   Code = "bytes_exhausted"    // more bytes than are left
	CodePathDenied       Code = "path_denied"        // outside the target; Paths is set
	CodeVerbDenied       Code = "verb_denied"        // an act the token was not given
	CodeVisibilityDenied Code = "visibility_denied"  // more visible than the token may make it
	CodeExists           Code = "exists"             // would change what is published; Paths is set
	CodeManifestMismatch Code = "manifest_mismatch"  // another manifest than the token demands
	CodeBanned           Code = "banned"             // the address guessed too often; RetryAfter is set
	CodeCredential       Code = "credential_invalid" // a scheduler's credential, unknown or wrong
	CodeCeiling          Code = "ceiling"            // a grant beyond the scheduler's ceiling or its parent
	CodeBadGrant         Code = "bad_request"        // a grant that contradicts itself
)

func (c Code) Error() string { return string(c) }

// A Denied is a refusal. All but CodeInvalid, CodeBanned and CodeCredential are
// only ever given to one who has shown the secret, so that the text may explain.
type Denied struct {
	Code       Code
	Reason     string          // one clause for people; holds no secret
	RetryAfter time.Duration   // when the same request may succeed; 0 if it will not
	Paths      []manifest.Path // concerned, at most 20
	Total      int             // of how many
	Asked      int64           // files or bytes; with CodeFilesExhausted and CodeBytesExhausted
	Left       int64           // of which so many are left
	Field      string          // of the grant, with CodeCeiling and CodeBadGrant: its JSON name

	alert Kind // what the refusal is worth an alert for, or ""
}

// Error returns the reason, the paths and the code on one line; paths are
// quoted.
func (d *Denied) Error() string {
	s := string(d.Code)
	if d.Reason != "" {
		s = d.Reason
	}
	for i, p := range d.Paths {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		s += sep + fmt.Sprintf("%q", string(p))
	}
	if n := d.Total - len(d.Paths); n > 0 && len(d.Paths) > 0 {
		s += fmt.Sprintf(" and %d more", n)
	}
	return s
}

// Unwrap returns the code.
func (d *Denied) Unwrap() error { return d.Code }

// errInvalid is the one answer to an unknown, a wrong and a revoked token.
func errInvalid() *Denied {
	return &Denied{Code: CodeInvalid, Reason: "the token is not valid here"}
}

func deny(c Code, format string, args ...any) *Denied {
	return &Denied{Code: c, Reason: fmt.Sprintf(format, args...)}
}

// Exists returns the refusal for a commit that would have changed published
// paths without leave; other errors are returned as they are.
func Exists(err error) error {
	var c *store.ConflictError
	if !errors.As(err, &c) {
		return err
	}
	return &Denied{
		Code: CodeExists, Paths: c.Paths, Total: c.Total,
		Reason: "already published with other content, and the token may not overwrite",
	}
}
