package connect

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
)

// A Kind is the prefix that tells what a bearer is.
type Kind string

// The kinds of bearer.
const (
	Token      Kind = "psb_" // lets its holder publish, check, read or link
	Credential Kind = "psc_" // lets a scheduler issue tokens
)

// Lengths in characters of the parts of a bearer.
const (
	AccessorLen = 16
	SecretLen   = 43
	BearerLen   = 4 + AccessorLen + SecretLen + checksumLen
)

// Errors of parsing. They are wrapped with what is wrong and what to do, and
// never with what was parsed.
var (
	ErrNotToken = errors.New("not a token")   // nothing that looks like one
	ErrGarbled  = errors.New("token garbled") // one, but damaged on the way
	ErrKind     = errors.New("wrong kind")    // a credential where a token was wanted, or the reverse
)

// NewBearer makes a bearer of the kind with a fresh accessor and secret from
// crypto/rand.
func NewBearer(k Kind) string {
	return JoinBearer(k, random(AccessorLen), random(SecretLen))
}

// JoinBearer makes a bearer of its parts, as [SplitBearer] returns them.
func JoinBearer(k Kind, accessor, secret string) string {
	s := string(k) + accessor + secret
	return s + checksum(s)
}

// SplitBearer checks a bearer (prefix, length, characters, checksum) and
// returns its parts. Errors wrap [ErrNotToken] or [ErrGarbled]. It says nothing
// about whether a server knows the bearer.
func SplitBearer(s string) (k Kind, accessor, secret string, err error) {
	if len(s) < 4 || s[:4] != string(Token) && s[:4] != string(Credential) {
		return "", "", "", fmt.Errorf("%w: it begins with neither %s nor %s", ErrNotToken, Token, Credential)
	}
	if len(s) != BearerLen {
		return "", "", "", garbled(fmt.Sprintf("%d characters from %s on instead of %d", len(s), s[:4], BearerLen))
	}
	if !allDigits(s[4:]) {
		return "", "", "", garbled("a character that no token has")
	}
	body := len(s) - checksumLen
	if checksum(s[:body]) != s[body:] {
		return "", "", "", garbled("its checksum does not match")
	}
	return Kind(s[:4]), s[4 : 4+AccessorLen], s[4+AccessorLen : body], nil
}

func garbled(what string) error { return fmt.Errorf("%w: %s; copy it again", ErrGarbled, what) }

// A SessionHash is the SHA-256 of a session secret: what a client sends when
// it opens a session and what the server keeps.
type SessionHash [sha256.Size]byte

// IsZero reports whether h is unset.
func (h SessionHash) IsZero() bool { return h == SessionHash{} }

// NewSessionSecret returns a secret of 256 random bits in 43 characters, by
// which one client holds one session.
func NewSessionSecret() string { return random(SecretLen) }

// HashSession returns the hash of a session secret.
func HashSession(secret string) SessionHash { return sha256.Sum256([]byte(secret)) }

// Redact replaces every bearer within s, whole or cut short, by its prefix and
// three dots, for text of unknown origin on its way to a log.
func Redact(s string) string {
	for _, k := range []Kind{Token, Credential} {
		s = redact(s, string(k))
	}
	return s
}

func redact(s, prefix string) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(s, prefix)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		n := 0
		for n < len(after) {
			if _, ok := digit(after[n]); !ok {
				break
			}
			n++
		}
		out.WriteString(prefix)
		if n > 0 {
			out.WriteString("...")
		}
		s = after[n:]
	}
}
