package connect

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// MaxURL is the greatest length in bytes of a server's URL in a string.
const MaxURL = 512

// ErrBadURL is the error for a server address that a string cannot carry.
var ErrBadURL = errors.New("server address not usable")

const (
	version  = 1
	flagPin  = 1
	maxWhole = 1200 // characters: a longer string is not looked at
)

// A Connection is what a token or credential string says: where to go, how to
// know the server, and what to show it.
type Connection struct {
	URL    string   // "https://host:port[/path]", without a slash at the end; "" if the string is a bare bearer
	Pin    [32]byte // SHA-256 of the SubjectPublicKeyInfo of the server's key, if HasPin
	HasPin bool     // trust that key and no other, whoever signed for it
	Secret string   // the bearer, for the Authorization header
}

// String shows the address and the accessor, never the secret.
func (c Connection) String() string {
	k, accessor, _, err := SplitBearer(c.Secret)
	if err != nil {
		return fmt.Sprintf("%s (no valid token)", c.URL)
	}
	return fmt.Sprintf("%s%s... at %q", k, accessor, c.URL)
}

// GoString is String, so that %#v shows no secret either.
func (c Connection) GoString() string { return "connect.Connection{" + c.String() + "}" }

// Kind returns the kind of the connection's bearer, "" if it has none.
func (c Connection) Kind() Kind {
	k, _, _, err := SplitBearer(c.Secret)
	if err != nil {
		return ""
	}
	return k
}

// Accessor returns the public name of the connection's bearer, "" if it has none.
func (c Connection) Accessor() string {
	_, accessor, _, err := SplitBearer(c.Secret)
	if err != nil {
		return ""
	}
	return accessor
}

// Format returns the string for c: the bare bearer if c has no URL. Errors
// wrap [ErrBadURL], [ErrNotToken] or [ErrGarbled]; a pin without a URL is an
// ErrBadURL.
func Format(c Connection) (string, error) {
	if _, _, _, err := SplitBearer(c.Secret); err != nil {
		return "", err
	}
	if c.URL == "" && c.HasPin {
		return "", fmt.Errorf("%w: a pin needs the address it belongs to", ErrBadURL)
	}
	if c.URL == "" {
		return c.Secret, nil
	}
	if err := CheckURL(c.URL); err != nil {
		return "", err
	}
	b := []byte{version, 0}
	if c.HasPin {
		b[1] |= flagPin
		b = append(b, c.Pin[:]...)
	}
	body := encode(append(b, c.URL...))
	return body + checksum(body+"."+c.Secret) + "." + c.Secret, nil
}

// Parse reads a token string, or a bare token. White space around it is
// ignored. Errors wrap [ErrNotToken], [ErrGarbled] or [ErrKind] and say what to
// do.
func Parse(s string) (Connection, error) { return parse(s, Token) }

// ParseCredential reads a scheduler's credential, with or without a connection
// part, as [Parse] reads a token.
func ParseCredential(s string) (Connection, error) { return parse(s, Credential) }

func parse(s string, want Kind) (Connection, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return Connection{}, fmt.Errorf("%w: it is empty", ErrNotToken)
	case len(s) > maxWhole:
		return Connection{}, fmt.Errorf("%w: %d characters are too many", ErrNotToken, len(s))
	case strings.ContainsAny(s, " \t\r\n"):
		return Connection{}, garbled("white space or a line break inside")
	}
	c, err := parseParts(s)
	if err != nil {
		return Connection{}, err
	}
	if c.Kind() != want {
		return Connection{}, wrongKind(want)
	}
	return c, nil
}

func wrongKind(want Kind) error {
	if want == Token {
		return fmt.Errorf("%w: this is a scheduler's credential, which must stay with the scheduler; "+
			"push with a token that it issues (pubsync token issue)", ErrKind)
	}
	return fmt.Errorf("%w: this is a token; issuing tokens needs a scheduler's credential (%s...)", ErrKind, Credential)
}

func parseParts(s string) (Connection, error) {
	front, bearer, found := strings.Cut(s, ".")
	if !found {
		_, _, _, err := SplitBearer(s)
		if errors.Is(err, ErrNotToken) && looksLikeToken(s) {
			err = garbled("the dot between its parts, or the psb_ it begins with, is missing")
		}
		return Connection{Secret: s}, err
	}
	if _, _, _, err := SplitBearer(bearer); err != nil {
		if errors.Is(err, ErrNotToken) && looksLikeToken(s) {
			err = garbled("what follows the dot begins with neither " + string(Token) + " nor " + string(Credential))
		}
		return Connection{}, err
	}
	cut := len(front) - checksumLen
	if cut < 1 {
		return Connection{}, garbled("its beginning is missing")
	}
	if checksum(front[:cut]+"."+bearer) != front[cut:] {
		return Connection{}, garbled("the checksum of its first part does not match")
	}
	return parseFront(front[:cut], bearer)
}

// looksLikeToken reports whether s is long and plain enough to have been a
// string of this package once.
func looksLikeToken(s string) bool {
	odd := 0
	for i := range len(s) {
		if _, ok := digit(s[i]); !ok {
			odd++
		}
	}
	return len(s) >= BearerLen-len(Token) && odd <= 3
}

func parseFront(body, bearer string) (Connection, error) {
	b, ok := decode(body)
	if !ok || len(b) < 2 {
		return Connection{}, garbled("its first part is malformed")
	}
	if b[0] != version || b[1]&^flagPin != 0 {
		return Connection{}, fmt.Errorf("%w: made by a later version of pubsync; update this one", ErrNotToken)
	}
	c := Connection{Secret: bearer, HasPin: b[1]&flagPin != 0}
	rest := b[2:]
	if c.HasPin {
		if len(rest) < len(c.Pin) {
			return Connection{}, garbled("its first part is malformed")
		}
		rest = rest[copy(c.Pin[:], rest):]
	}
	c.URL = string(rest)
	if CheckURL(c.URL) != nil {
		return Connection{}, garbled("it names no usable server address")
	}
	return c, nil
}

// CheckURL returns an error wrapping [ErrBadURL] unless s can be the address of
// a server: https or http, a host, perhaps a port and a path, no slash at the
// end, no user, query or fragment, printable ASCII, at most [MaxURL] bytes.
func CheckURL(s string) error {
	bad := func(why string) error { return fmt.Errorf("%w: %s", ErrBadURL, why) }
	if len(s) > MaxURL {
		return bad(fmt.Sprintf("longer than %d bytes", MaxURL))
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return bad("it has a space, a control character or a character beyond ASCII")
		}
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return bad("it is no URL")
	case u.Scheme != "https" && u.Scheme != "http":
		return bad("it must begin with https://")
	case u.Hostname() == "" || u.Opaque != "":
		return bad("it names no host")
	case u.User != nil:
		return bad("it contains a user name")
	case strings.ContainsAny(s, "?#"):
		return bad("it has a query or a fragment")
	case strings.HasSuffix(s, "/"):
		return bad("it ends in a slash")
	}
	return nil
}
