package config

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"0": 0, "0s": 0, "90s": 90 * time.Second, "60m": time.Hour, "1h30m": 90 * time.Minute, "7d": 7 * 24 * time.Hour,
		"1d12h": 36 * time.Hour, "500ms": 500 * time.Millisecond,
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err != nil || d.D() != want {
			t.Errorf("%q: got %v, %v", text, d, err)
		}
	}
	for _, text := range []string{"", "60", "1.5", "-1h", "+1h", "1d-1h", "d", "1x", "-1d", "1 h", "99999d99999999h", "1h1d", "1e3"} {
		var d Duration
		if err := d.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got %v", text, d)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{
		"0": 0, "512B": 512, "1kB": 1000, "1KB": 1000, "1KiB": 1024, "100GB": 100e9, "8MiB": 8 << 20, "1.5GiB": 3 << 29, "0.5 kB": 500, "2 TB": 2e12, "1tib": 1 << 40,
	} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q: got %d, %v", text, s, err)
		}
	}
	for _, text := range []string{"", "1", "-1B", "1.5B", "B", "1 ", "1XB", "1  B", "9999999TiB", "1/2kB", "1e3kB", "0x10B", "1_0B", "1..0kB", "."} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got %d", text, s)
		}
	}
}

func TestValuesPrintWhatTheyParse(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s, d := Size(rapid.Int64Min(0).Draw(rt, "size")), Duration(rapid.Int64Min(0).Draw(rt, "duration"))
		var s2 Size
		if err := s2.UnmarshalText([]byte(s.String())); err != nil || s2 != s {
			rt.Fatalf("size %d is %q is %d, %v", s, s, s2, err)
		}
		var d2 Duration
		if err := d2.UnmarshalText([]byte(d.String())); err != nil || d2 != d {
			rt.Fatalf("duration %d is %q is %d, %v", d, d, d2, err)
		}
	})
}

func TestNetworks(t *testing.T) {
	for text, want := range map[string]string{
		"10.0.0.0/8": "10.0.0.0/8", "10.0.0.7": "10.0.0.7/32", "::1": "::1/128", "2001:db8::/32": "2001:db8::/32",
		"::ffff:10.0.0.0/104": "10.0.0.0/8", "::ffff:10.0.0.7": "10.0.0.7/32", "0.0.0.0/0": "0.0.0.0/0",
	} {
		var n Network
		if err := n.UnmarshalText([]byte(text)); err != nil || n.String() != want {
			t.Errorf("%q: got %v, %v", text, n, err)
		}
	}
	for _, text := range []string{"", "10", "10.0.0.0/", "10.0.0.0/33", "10.0.0.1/8", "localhost", "fe80::1%lo", "::ffff:0:0/95", "10.0.0.0/08", "10.0.0.0/255.0.0.0"} {
		var n Network
		if err := n.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q: got %v", text, n)
		}
	}
}

func TestSizesToRead(t *testing.T) {
	for s, want := range map[Size]string{0: "0", 1: "1B", 1000: "1kB", 1024: "1KiB", 8 << 20: "8MiB", 100e9: "100GB", 1500: "1500B"} {
		if got := s.String(); got != want {
			t.Errorf("%d: got %q, want %q", int64(s), got, want)
		}
	}
}
