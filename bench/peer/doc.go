// Package peer runs what is compared: pubsync, and the programs people would use
// instead, each as its documentation says it is best used. Each peer has a server
// side, started in one network namespace with its files in a folder of its own,
// and a client side, a command line run in another.
package peer
