// Package config reads the server's config.toml: one struct for each section,
// defaults for what is absent, and every mistake reported with its line before
// anything starts.
//
// A config is strict. An unknown key, a value of the wrong type, a size or
// duration without a unit, a network that does not parse: each is an error and
// the server does not start, for a rule that is silently dropped (a deny rule
// above all) is worse than none. The commented sample config.toml at the top of
// the repository shows every key with its default; a test keeps the two equal.
//
// The package reads files only in [Load]; no clock, no environment.
package config
