package connect

import (
	"encoding/hex"
	"errors"
)

// ErrHash is the error for text that is not a session hash.
var ErrHash = errors.New("not 64 hexadecimal digits")

// MarshalText implements [encoding.TextMarshaler]: 64 lower-case hexadecimal
// digits.
func (h SessionHash) MarshalText() ([]byte, error) {
	return hex.AppendEncode(nil, h[:]), nil
}

// UnmarshalText implements [encoding.TextUnmarshaler]. Its error is [ErrHash].
func (h *SessionHash) UnmarshalText(text []byte) error {
	var v SessionHash
	if hex.DecodedLen(len(text)) != len(v) || len(text)%2 != 0 {
		return ErrHash
	}
	if _, err := hex.Decode(v[:], text); err != nil {
		return ErrHash
	}
	*h = v
	return nil
}
