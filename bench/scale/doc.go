// Package scale is a model of what publishing costs: CPU of the server and of the
// client, memory and disk, as they grow with files, bytes, builds and publishers.
//
// # The model
//
// A push costs a sum of terms ([Push], [Names]): for being there, for each file walked,
// listed, linked, sent, and for each byte; the constants are fitted to measurements by
// least squares ([Fit]). Two terms are not in proportion to what is pushed. Each file
// listed costs more the larger the catalog is, with its logarithm. And a push that holds
// any difference at all costs an amount more, for the coder that it needs.
// Publishers arrive independently (a Poisson process) at a server of some cores, so the
// time a push waits is that of a queue with one line (Erlang's C formula with the
// Allen-Cunneen correction for service times that vary); [Simulate] plays the same
// arrivals out, to check the formula.
package scale
