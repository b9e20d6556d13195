// Package load puts HTTP/1.1 requests over TLS to a server as fast as it answers,
// from connections that are kept, and says how many went through and how long each
// took. It speaks just enough HTTP to do so, so that little of the machine goes to the
// load itself.
package load
