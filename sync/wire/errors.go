package wire

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A Code names a reason for refusal. Codes are append-only: a code once
// released keeps its meaning, status and exit code for ever.
type Code string

// The codes of version 1. [Code.Status] and [Code.Exit] hold the one table
// from code to HTTP status and to the client's exit code.
const (
	CodeTokenInvalid     Code = "token_invalid"      // unknown, wrong, revoked: one identical answer
	CodeNotYetValid      Code = "not_yet_valid"      // before the token's first instant; RetryAfter says how long
	CodeTokenExpired     Code = "token_expired"      // after the token's last instant for open and commit
	CodeSessionExpired   Code = "session_expired"    // after the instant by which the session had to finish
	CodeSourceDenied     Code = "source_denied"      // from an address the token does not allow
	CodeTokenConsumed    Code = "token_consumed"     // every publication is spent
	CodeTokenInUse       Code = "token_in_use"       // another session secret holds the token
	CodeCallsExhausted   Code = "calls_exhausted"    // every call is spent
	CodeParallel         Code = "parallel"           // too many requests of this token, or from this address, at once
	CodeFilesExhausted   Code = "files_exhausted"    // more files than the token allows
	CodeBytesExhausted   Code = "bytes_exhausted"    // more bytes than the token allows
	CodePathDenied       Code = "path_denied"        // a target outside the token's prefix
	CodeVerbDenied       Code = "verb_denied"        // an act the token does not allow
	CodeVisibilityDenied Code = "visibility_denied"  // a visibility the token does not allow
	CodeExists           Code = "exists"             // would change what is published, without leave to
	CodeManifestMismatch Code = "manifest_mismatch"  // not the manifest announced, or that the token demands
	CodeBadPath          Code = "bad_path"           // a path no tree may contain
	CodeBadRequest       Code = "bad_request"        // malformed, or against the protocol
	CodeBadVersion       Code = "bad_version"        // a protocol version the server does not speak
	CodeTooLarge         Code = "too_large"          // a body beyond the limit stated in Opened
	CodeListNeeded       Code = "list_needed"        // the server does not have the session's list (any more): send it again
	CodeIncomplete       Code = "incomplete"         // a commit while content is missing; Indices says of which entries
	CodeGap              Code = "gap"                // a part that does not begin where the staged bytes end
	CodeNotFound         Code = "not_found"          // nothing there, or nothing there for you
	CodeNoSpace          Code = "no_space"           // the disk, or a quota, is full
	CodeBusy             Code = "busy"               // try again after RetryAfter
	CodeBanned           Code = "banned"             // too many bad tokens from this address
	CodeInternal         Code = "internal"           // the server failed; its log says why
	CodeCredential       Code = "credential_invalid" // a scheduler's credential, unknown or wrong
	CodeContentMismatch  Code = "content_mismatch"   // content that is not what its digest names
	CodeCeiling          Code = "ceiling"            // a grant beyond what the scheduler or parent may give
	CodeDamaged          Code = "damaged"            // content that the server has lost or that is altered; a push of it heals it
)

// Exit codes of the command, shared with scripts that run it.
const (
	ExitDone        = 0   // done, or nothing to do
	ExitUsage       = 64  // the command line or the configuration is wrong
	ExitConflict    = 65  // what is published stands against it
	ExitUnreachable = 69  // the server cannot be reached or is not the one the token names
	ExitLocal       = 74  // local input or output failed
	ExitTryAgain    = 75  // may succeed when tried again
	ExitToken       = 77  // the token was refused
	ExitInterrupted = 130 // interrupted by a signal
)

type outcome struct {
	status, exit int
}

func (c Code) outcome() outcome {
	switch c {
	case CodeTokenInvalid, CodeTokenExpired, CodeSessionExpired, CodeCredential:
		return outcome{http.StatusUnauthorized, ExitToken}
	case CodeNotYetValid, CodeSourceDenied, CodeFilesExhausted, CodePathDenied, CodeVerbDenied, CodeVisibilityDenied, CodeCeiling:
		return outcome{http.StatusForbidden, ExitToken}
	case CodeTokenConsumed, CodeTokenInUse:
		return outcome{http.StatusConflict, ExitToken}
	case CodeExists, CodeManifestMismatch:
		return outcome{http.StatusConflict, ExitConflict}
	case CodeListNeeded, CodeIncomplete, CodeGap, CodeContentMismatch:
		return outcome{http.StatusConflict, ExitTryAgain}
	case CodeCallsExhausted:
		return outcome{http.StatusTooManyRequests, ExitToken}
	case CodeParallel, CodeBanned:
		return outcome{http.StatusTooManyRequests, ExitTryAgain}
	case CodeBytesExhausted:
		return outcome{http.StatusRequestEntityTooLarge, ExitToken}
	case CodeTooLarge:
		return outcome{http.StatusRequestEntityTooLarge, ExitTryAgain}
	case CodeBadPath, CodeBadRequest, CodeBadVersion:
		return outcome{http.StatusBadRequest, ExitUsage}
	case CodeNotFound:
		return outcome{http.StatusNotFound, ExitUsage}
	case CodeNoSpace:
		return outcome{http.StatusInsufficientStorage, ExitTryAgain}
	case CodeBusy:
		return outcome{http.StatusServiceUnavailable, ExitTryAgain}
	}
	return outcome{http.StatusInternalServerError, ExitTryAgain}
}

// Status returns the HTTP status that carries the code; 500 for a code that
// this version does not know.
func (c Code) Status() int { return c.outcome().status }

// Exit returns the exit code of a command that ends with the code; 75 for a
// code that this version does not know.
func (c Code) Exit() int { return c.outcome().exit }

// An Error is a refusal as it travels: the JSON body of every answer whose
// status is not 2xx.
type Error struct {
	Code       Code          `json:"code"`
	Message    string        `json:"message"`               // what failed, for people
	Hint       string        `json:"hint,omitempty"`        // what to do about it
	Paths      []string      `json:"paths,omitempty"`       // published paths concerned, at most 20, escaped as in %q
	Total      int           `json:"total,omitempty"`       // of how many
	Indices    []int         `json:"indices,omitempty"`     // entries of the list concerned, at most 1000
	RetryAfter time.Duration `json:"retry_after,omitempty"` // nanoseconds; also the Retry-After header, in seconds
	Have       int64         `json:"have,omitempty"`        // entries or bytes the server has; with list_needed and gap
	Limit      int64         `json:"limit,omitempty"`       // bytes; with too_large
	Asked      int64         `json:"asked,omitempty"`       // bytes or files that were wanted; with no_space, bytes_exhausted and files_exhausted
	Left       int64         `json:"left,omitempty"`        // of which so many were to be had
}

// Bytes writes a number of bytes for people, in powers of 1000: "512 B", "1.5 kB",
// "20.0 GB". Several are put as "1.5/20.0 GB", in the unit of the last.
func Bytes(n ...int64) string {
	if len(n) == 0 {
		return ""
	}
	unit, div := "B", 1.0
	for _, next := range []string{"kB", "MB", "GB", "TB", "PB"} {
		if math.Abs(float64(n[len(n)-1]))/div < 999.95 {
			break
		}
		unit, div = next, div*1000
	}
	parts := make([]string, len(n))
	for i, v := range n {
		if div == 1 {
			parts[i] = strconv.FormatInt(v, 10)
			continue
		}
		parts[i] = strconv.FormatFloat(float64(v)/div, 'f', 1, 64)
	}
	return strings.Join(parts, "/") + " " + unit
}

// Errorf returns an Error with the code and a formatted message.
func Errorf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// WithHint returns e with its hint set.
func (e *Error) WithHint(hint string) *Error {
	e.Hint = hint
	return e
}

// Error returns the message, the paths and the code on one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Message)
	for i, p := range e.Paths {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		b.WriteString(sep + p)
	}
	if e.Total > len(e.Paths) && len(e.Paths) > 0 {
		fmt.Fprintf(&b, " and %d more", e.Total-len(e.Paths))
	}
	fmt.Fprintf(&b, " (%s)", e.Code)
	return b.String()
}

// Is reports whether target is an *Error with the same code, for
// [errors.Is](err, &wire.Error{Code: wire.CodeGap}).
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code
}
