// Package cli is the pubsync command: its verbs, flags, output and exit codes.
//
// [Run] is the whole program; it gets everything it touches in an [Env] and
// returns an exit code. Each verb has a file of its own, named for it. The
// clock, the environment, the terminal and randomness are read here and handed
// on; no other package reads them.
//
// # Exit codes
//
//	0    done, or nothing to do
//	64   the command line or the configuration is wrong
//	65   what is published stands against it
//	69   the server cannot be reached, or is not the one the token names
//	74   local input or output failed
//	75   may succeed when tried again
//	77   the token was refused
//	130  interrupted
//
// Errors are one line on standard error beginning "error:", and, where there is
// something to do about it, one beginning "hint:".
package cli
