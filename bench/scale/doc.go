// Package scale is a model of what publishing costs: CPU of the server and of the
// client, memory and disk, as they grow with files, bytes, builds and publishers.
//
// # The model
//
// A push costs a fixed amount, an amount for each file listed, for each file sent, and
// for each byte sent; the constants are fitted to measurements by least squares ([Fit]).
// Publishers arrive independently (a Poisson process) at a server of some cores, so the
// time a push waits is that of a queue with one line (Erlang's C formula with the
// Allen-Cunneen correction for service times that vary); [Simulate] plays the same
// arrivals out, to check the formula.
package scale
