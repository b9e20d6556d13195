package config

import (
	"net/netip"
	"time"
)

// Default returns the configuration of a server without config.toml.
func Default() *Config {
	return &Config{
		Server: Server{
			Listen:  "127.0.0.1:8443",
			Store:   "pubsync-data",
			Metrics: []Network{{netip.MustParsePrefix("127.0.0.0/8")}, {netip.MustParsePrefix("::1/128")}},
			Limits: Limits{
				Body:          8 << 20,
				HeaderTimeout: Duration(10 * time.Second),
				IdleTimeout:   Duration(2 * time.Minute),
				BodyRate:      1000,
				RateGrace:     Duration(15 * time.Second),
				Parallel:      1024,
				PerAddress:    256,
				SessionIdle:   Duration(24 * time.Hour),
				Reserve:       8 << 20,
			},
			Maintenance: Maintenance{
				Every:      Duration(time.Hour),
				CheckEvery: Duration(7 * 24 * time.Hour),
				CheckRate:  4e6,
			},
		},
		Tokens: Tokens{
			TTL:          Duration(time.Hour),
			Publications: 1,
			Calls:        10_000,
			Parallel:     8,
			Files:        100_000,
			Bytes:        100e9,
			Visibility:   Private,
			Ban: Ban{
				Tries:  10,
				Window: Duration(10 * time.Minute),
				Delay:  Duration(500 * time.Millisecond),
				For:    Duration(10 * time.Minute),
			},
		},
		Export: Export{Link: LinkAuto},
		Rsync:  Rsync{Program: "rsync", MaxConnections: 100},
		Alerts: Alerts{Timeout: Duration(10 * time.Second)},
	}
}

// What a [[scheduler]] has that does not say.
const (
	schedulerLifetime = Duration(24 * time.Hour)
	schedulerBytes    = Size(1e12)
	schedulerFiles    = 1_000_000
)

// complete fills in what sections that occur many times leave out.
func (c *Config) complete() {
	for i := range c.Schedulers {
		s := &c.Schedulers[i]
		orDefault(&s.MaxLifetime, schedulerLifetime)
		orDefault(&s.MaxBytes, schedulerBytes)
		orDefault(&s.MaxFiles, schedulerFiles)
	}
	for i := range c.OIDC {
		o := &c.OIDC[i]
		orDefault(&o.TTL, c.Tokens.TTL)
		orDefault(&o.Publications, c.Tokens.Publications)
		orDefault(&o.Files, c.Tokens.Files)
		orDefault(&o.Bytes, c.Tokens.Bytes)
		orDefault(&o.Visibility, c.Tokens.Visibility)
	}
	for name, t := range c.Types {
		orDefault(&t.Mode, Merge)
		c.Types[name] = t
	}
}

func orDefault[T comparable](v *T, d T) {
	var zero T
	if *v == zero {
		*v = d
	}
}
