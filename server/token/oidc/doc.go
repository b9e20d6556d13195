// Package oidc exchanges the identity token that a continuous-integration
// system gives to each job (GitLab, GitHub, any OpenID Connect issuer) for a
// one-shot token, so that no secret need be stored with the job. It is the domain
// half of an RFC 8693 token exchange: the caller has the HTTP.
//
// A [Policy] says which jobs: tokens of one issuer for exactly one audience,
// certain claims having certain values; and what they get: a target made from
// claims, and the rest of a grant, under the ceiling of a scheduler in whose
// name the token is issued. The policies are tried in order and the first that
// admits the job decides.
//
// An identity token must be signed by a key of its issuer (found by discovery),
// must not have expired, and is taken once: its "jti" is kept until it expires, in the
// transaction that issues the token. A job whose answer was lost needs a new
// identity token, where its system gives it one.
//
// # Claims
//
// A claim is compared as text: a string as it is, true and false, an integer
// in decimal. Other values match nothing, and neither does an empty or absent claim.
// A pattern is the text itself, or a glob: * and ? stand for characters other
// than "/", ** for whole components, [a-z] for one of a range, {a,b} for
// either.
//
// # Templates
//
// A target template is a path in which {claim} stands for a claim whose value
// is one path component, {claim/N} for one with exactly N components, and
// {claim/*} for one with any number, allowed once. Exact numbers keep the jobs
// of one project out of another's targets: with "ci/{repository/2}/{ref_name}"
// a branch called "a/b" is refused, rather than taken for something else. Every value
// obeys the rules of [manifest.ParsePath].
package oidc
