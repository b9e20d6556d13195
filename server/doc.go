// Package server is the HTTP face of a pubsync server: routes, bodies and their
// bounds, and the one place where an error becomes an answer. What the answers
// mean is in the packages behind it: sessions of pushes in server/session,
// tokens in server/token, reading in server/files, what is kept in
// server/store. [New] wires them by assignment; nothing is global.
//
// A handler is a function that returns an error; [Server.ServeHTTP] writes it,
// as the JSON of a [wire.Error] under the status that its code has in the one
// table of package wire.
package server
