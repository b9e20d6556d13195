package config

import (
	"fmt"
	"math/big"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// A Duration is a length of time written with units: "90s", "60m", "12h",
// "7d" (days of 24 hours), "1h30m", "1d12h". A bare number is an error, but for
// "0", and so is a negative one.
type Duration time.Duration

// D returns the duration as a [time.Duration].
func (d Duration) D() time.Duration { return time.Duration(d) }

// String returns the duration in the form that UnmarshalText reads.
func (d Duration) String() string { return time.Duration(d).String() }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (d *Duration) UnmarshalText(text []byte) error {
	s := string(text)
	if _, err := strconv.ParseFloat(s, 64); err == nil && s != "0" {
		return fmt.Errorf("duration %q needs a unit: \"90s\", \"60m\", \"12h\", \"7d\"", s)
	}
	var days time.Duration
	rest := s
	if n, after, ok := strings.Cut(s, "d"); ok {
		v, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is no duration such as \"90s\", \"60m\", \"12h\", \"7d\"", s)
		}
		if days, rest = time.Duration(v)*24*time.Hour, after; rest == "" {
			rest = "0"
		}
	}
	v, err := time.ParseDuration(rest)
	if err != nil || strings.ContainsAny(rest, "+-") {
		return fmt.Errorf("%q is no duration such as \"90s\", \"60m\", \"12h\", \"7d\"", s)
	}
	if v+days < v {
		return fmt.Errorf("duration %q is too long", s)
	}
	*d = Duration(v + days)
	return nil
}

// A Size is a number of bytes written with a unit: "512B", "100GB", "8MiB",
// decimal (kB, MB, GB, TB, powers of 1000) or binary (KiB, MiB, GiB, TiB, powers
// of 1024), with or without a space between; the case of the letters does not
// matter. A fraction is allowed ("1.5GiB") if it gives whole bytes. A bare number
// is an error, but for "0".
type Size int64

// sizeUnits are the units in the order in which [Size.String] prefers them
// where several divide a size.
func sizeUnits() []sizeUnit {
	return []sizeUnit{
		{"TiB", 1 << 40}, {"TB", 1e12}, {"GiB", 1 << 30}, {"GB", 1e9},
		{"MiB", 1 << 20}, {"MB", 1e6}, {"KiB", 1 << 10}, {"kB", 1e3}, {"B", 1},
	}
}

type sizeUnit struct {
	name  string
	bytes int64
}

// String returns the size with the largest unit that divides it.
func (s Size) String() string {
	if s == 0 {
		return "0"
	}
	for _, u := range sizeUnits() {
		if int64(s)%u.bytes == 0 {
			return fmt.Sprintf("%d%s", int64(s)/u.bytes, u.name)
		}
	}
	return "" // not reached: the last unit divides everything
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (s *Size) UnmarshalText(text []byte) error {
	t := string(text)
	number := strings.TrimRight(t, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	unit := t[len(number):]
	number = strings.TrimSuffix(number, " ")
	if strings.Trim(number, "0123456789.") != "" || number == "" || len(number) > 24 {
		return fmt.Errorf("%q is no size such as \"512B\", \"100GB\", \"8MiB\"", t)
	}
	if unit == "" {
		if t == "0" {
			*s = 0
			return nil
		}
		return fmt.Errorf("size %q needs a unit: B, kB, MB, GB, TB (1000) or KiB, MiB, GiB, TiB (1024)", t)
	}
	for _, u := range sizeUnits() {
		if strings.EqualFold(unit, u.name) {
			return s.set(t, number, u.bytes)
		}
	}
	return fmt.Errorf("size %q: unknown unit %q; use B, kB, MB, GB, TB (1000) or KiB, MiB, GiB, TiB (1024)", t, unit)
}

func (s *Size) set(text, number string, unit int64) error {
	v, ok := new(big.Rat).SetString(number)
	if !ok {
		return fmt.Errorf("%q is no size such as \"512B\", \"100GB\", \"8MiB\"", text)
	}
	v.Mul(v, new(big.Rat).SetInt64(unit))
	if !v.IsInt() || !v.Num().IsInt64() {
		return fmt.Errorf("size %q is no whole number of bytes below 2^63", text)
	}
	*s = Size(v.Num().Int64())
	return nil
}

// A Network is a range of addresses: "10.0.0.0/8", "2001:db8::/32", or a single
// address. Host bits set beyond the prefix length are an error (a likely slip),
// as are zones and host names. IPv4-mapped IPv6 networks are stored as IPv4;
// unmap an address before asking Contains.
type Network struct{ netip.Prefix }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (n *Network) UnmarshalText(text []byte) error {
	p, err := parsePrefix(string(text))
	if err != nil {
		return err
	}
	n.Prefix = p
	return nil
}

func parsePrefix(s string) (netip.Prefix, error) {
	wrong := func(why string) (netip.Prefix, error) {
		return netip.Prefix{}, fmt.Errorf("%q is no network such as \"10.0.0.0/8\" or \"2001:db8::7\": %s", s, why)
	}
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return wrong("not an address (names are not looked up)")
		}
		if a.Zone() != "" {
			return wrong("it has a zone")
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err != nil {
		return wrong("not an address and a prefix length")
	}
	if p.Masked() != p {
		return wrong(fmt.Sprintf("bits are set beyond the prefix; did you mean %s?", p.Masked()))
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return wrong("it covers more than the IPv4-mapped addresses")
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, nil
}

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
	Public   Visibility = "public"   // anybody
	Licensed Visibility = "licensed" // whoever accepts the type's licence; to others it is absent
	Private  Visibility = "private"  // those with a read token; to others it is absent
)

// A LinkMode says how an export makes a file out of a blob.
type LinkMode string

// The link modes.
const (
	LinkAuto    LinkMode = "auto"    // the first of the others that works, in their order
	LinkHard    LinkMode = "hard"    // one more name for the blob
	LinkReflink LinkMode = "reflink" // a copy that shares the blob's blocks
	LinkCopy    LinkMode = "copy"
)
