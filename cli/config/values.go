package config

import (
	"errors"
	"net/netip"
	"time"
)

// A Duration is a length of time written with units: "90s", "60m", "12h",
// "7d" (days of 24 hours), "1h30m". A bare number is an error, but for "0".
type Duration time.Duration

// D returns the duration as a [time.Duration].
func (d Duration) D() time.Duration { return time.Duration(d) }

// String returns the duration in the form that UnmarshalText reads.
func (d Duration) String() string { return time.Duration(d).String() }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error { return errors.ErrUnsupported }

// A Size is a number of bytes written with a unit: "512B", "100GB", "8MiB",
// decimal (kB, MB, GB, TB, powers of 1000) or binary (KiB, MiB, GiB, TiB, powers
// of 1024), with or without a space between. A fraction is allowed ("1.5GiB") if
// it gives whole bytes. A bare number is an error, but for "0".
type Size int64

// String returns the size with the largest unit that divides it.
func (s Size) String() string { return "" }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Size) UnmarshalText(text []byte) error { return errors.ErrUnsupported }

// A Network is a range of addresses: "10.0.0.0/8", "2001:db8::/32", or a single
// address. Host bits set beyond the prefix length are an error (a likely slip),
// as are zones and host names. IPv4-mapped IPv6 networks are stored as IPv4.
type Network struct{ netip.Prefix }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (n *Network) UnmarshalText(text []byte) error { return errors.ErrUnsupported }

// A PushMode says what a push does with entries it does not carry.
type PushMode string

// The push modes.
const (
	Merge  PushMode = "merge"  // they stay, as in rsync
	Mirror PushMode = "mirror" // they go, as in rsync --delete
)

// A Visibility says who may read a target.
type Visibility string

// The visibilities.
const (
	Public  Visibility = "public"  // anybody
	Private Visibility = "private" // those with a read token; to others it is absent
)
