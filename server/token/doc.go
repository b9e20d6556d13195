// Package token decides who may do what: it issues, checks and redeems the
// tokens by which untrusted builders publish, on behalf of schedulers who may
// issue them, and writes down what happened. It is domain logic over
// [store.Records]: it speaks no HTTP, reads no clock and starts no goroutine.
//
// # A token's life
//
// A [Scheduler] proves who it is ([Service.Scheduler]) and asks for a [Grant]
// ([Service.Issue]). The answer, the bearer, is kept nowhere: the server has
// its accessor (public) and the SHA-256 of its secret. Package connect has
// the format.
//
// Every request with the token passes [Service.Admit], which checks the
// secret, revocation, source and times and spends one call. What the request
// wants is then checked with the [Pass].
//
// A use of a token is a publication, not a request. To open a session the
// client makes a secret of its own and sends its hash: [Service.Open] binds one
// publication to that hash, so that repeating the request finds the same
// session, and a thief who has the token but not the session secret finds it in use.
// [Service.Redeem] spends the publication inside the transaction that
// publishes, and keeps the receipt for whoever asks again. A server thus does
//
//	p, err := tokens.Admit(ctx, token.Request{Bearer: b, From: addr, Phase: token.Outside, Session: hash})
//	defer p.Release()
//	if p.Use != nil && p.Use.Receipt != nil { ... answer with it }
//	err = records.Update(ctx, func(tx store.Tx) error {
//		u, err := tokens.Open(tx, p, token.Opening{...})
//		... store the session u.Session, unless it is there
//	})
//	return tokens.Refuse(ctx, p, err)
//
// and, to commit,
//
//	store.Commit{
//		Overwrite: p.Record.Grant.Overwrite,
//		Before: func(tx store.Tx) error { return tokens.CheckRedeem(tx, p, r) },
//		After:  func(tx store.Tx, pub *store.Publication) error { return tokens.Redeem(tx, p, r, receipt) },
//	}
//
// with [Exists] and then [Service.Refuse] applied to its error, and
// [Service.Published] called when there is none.
//
// # Times
//
// NotBefore holds for everything, NotAfter for opening and committing,
// FinishBy for everything. A time is still allowed at the very instant given. A
// FinishBy after NotAfter lets an open session go on sending, not commit.
// A receipt is given again at any time.
//
// # Budgets
//
// Files and bytes are those of what is published, counted in the transaction that
// opens (as announced), charges or redeems; what is not published is given back. A
// derived token spends from itself and from every ancestor, so that siblings share
// what their parent has. Publications, files, bytes, pins and revocations are
// exact, whatever crashes and however many servers share the records. Calls
// are paid for in blocks (see [Service.Close]): a crash loses at most a hundredth
// of them, never to the token's advantage. Parallel requests are counted
// by each server for itself.
//
// # Refusals
//
// A refusal is a [*Denied] with a [Code]. Unknown, wrong and revoked tokens get one
// identical answer; anything else is told only to one who has the secret. Wrong
// secrets slow down the answers to their address and then ban it ([Guard]).
//
// # Audit
//
// Issues, opens, commits, revocations and resets are written in the transaction
// that makes them so; refusals and alerts on their own, at most 50 a second.
// [Events] reads the log.
package token
