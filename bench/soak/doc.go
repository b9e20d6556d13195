// Package soak tries to make a server lose a byte. It kills real processes,
// cuts and delays their connections, collects during pushes, flips bits and
// changes files underway, and then compares what is published with what was
// pushed, byte for byte.
//
// A run is made of stages; see [Stages]. All its choices come from one seed,
// which it prints. The moments of kills and cuts are counted in bytes that
// crossed the proxy, so that the speed of the machine matters little.
package soak
