package cli

import (
	"fmt"
	"net/netip"
	"strconv"
	"time"

	"github.com/pubsync/pubsync/cli/config"
)

// The flags below put what is given into the JSON of a grant, and nothing else
// there: a field that is not given is the server's to fill.

type grantFlag struct {
	grant map[string]any
	key   string
}

func (f grantFlag) String() string { return "" }
func (f grantFlag) Type() string   { return "string" }

func (f grantFlag) Set(s string) error {
	f.grant[f.key] = s
	return nil
}

// countFlag takes a number, or a size with a unit.
type countFlag grantFlag

func (f countFlag) String() string { return "" }
func (f countFlag) Type() string   { return "number" }

func (f countFlag) Set(s string) error {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		var size config.Size
		if size.UnmarshalText([]byte(s)) != nil || f.key != "bytes" {
			return fmt.Errorf("%q is no number", s)
		}
		n = int64(size)
	}
	if n <= 0 {
		return fmt.Errorf("%q is not above zero", s)
	}
	f.grant[f.key] = n
	return nil
}

type boolFlag grantFlag

func (f boolFlag) String() string { return "" }
func (f boolFlag) Type() string   { return "bool" }

func (f boolFlag) Set(s string) error {
	b, err := strconv.ParseBool(s)
	f.grant[f.key] = b
	return err
}

type timeFlag grantFlag

func (f timeFlag) String() string { return "" }
func (f timeFlag) Type() string   { return "time" }

func (f timeFlag) Set(s string) error {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return fmt.Errorf("%q is no time like 2026-01-31T12:00:00Z", s)
	}
	f.grant[f.key] = t
	return nil
}

// wholeNetworks writes single addresses as networks of one.
func wholeNetworks(in []string) []string {
	out := make([]string, len(in))
	for i, s := range in {
		out[i] = s
		if a, err := netip.ParseAddr(s); err == nil {
			out[i] = netip.PrefixFrom(a, a.BitLen()).String()
		}
	}
	return out
}
