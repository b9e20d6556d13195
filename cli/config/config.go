package config

// Config is everything config.toml can say. The zero Config is not useful;
// begin with [Default].
type Config struct {
	Server     Server          `toml:"server"`
	TLS        TLS             `toml:"tls"`
	Tokens     Tokens          `toml:"tokens"`
	Schedulers []Scheduler     `toml:"scheduler"` // [[scheduler]], one each
	OIDC       []OIDC          `toml:"oidc"`      // [[oidc]], tried in order
	Types      map[string]Type `toml:"types"`     // [types.NAME], NAME the first component of targets
	Export     Export          `toml:"export"`
	Rsync      Rsync           `toml:"rsync"`
	Alerts     Alerts          `toml:"alerts"`
	Accel      Accel           `toml:"accel"`
}

// Server is the section [server].
type Server struct {
	// Listen is the address and port to serve HTTPS on; port 0 picks one.
	Listen string `toml:"listen"`
	// URL is the address put into tokens, if it is not https://LISTEN:
	// https, a host, perhaps a port, no path.
	URL string `toml:"url"`
	// Store is the folder of blobs and catalog; it is made if absent.
	Store string `toml:"store"`
	// ReadyFile, if set, receives the URL once the server serves.
	ReadyFile string `toml:"ready_file"`
	// TrustedProxies are the only peers whose X-Forwarded-For is believed.
	TrustedProxies []Network `toml:"trusted_proxies"`
	// Metrics are the networks that may read /metrics.
	Metrics []Network `toml:"metrics"`
	// Deny are networks refused before anything else.
	Deny   []Network `toml:"deny"`
	Limits Limits    `toml:"limits"`
	// Maintenance says what the server does to its store by itself.
	Maintenance Maintenance `toml:"maintenance"`
}

// Limits is the section [server.limits].
type Limits struct {
	// Body is the most bytes one request body may have, 64 KiB to 1 GiB; the
	// server states it to clients.
	Body Size `toml:"body"`
	// HeaderTimeout is how long a request's header may take to arrive.
	HeaderTimeout Duration `toml:"header_timeout"`
	// IdleTimeout is how long a connection may wait between requests.
	IdleTimeout Duration `toml:"idle_timeout"`
	// BodyRate is the least bytes per second a body, and the taking of an
	// answer, must keep up, on average; 0 is no bound.
	BodyRate Size `toml:"body_rate"`
	// RateGrace is how long a body may fall behind BodyRate before the request
	// is cut.
	RateGrace Duration `toml:"rate_grace"`
	// Parallel is the most requests served at once in all.
	Parallel int `toml:"parallel"`
	// PerAddress is the most requests served at once for one address, or one
	// /64 of IPv6; 0 is no bound of its own.
	PerAddress int `toml:"per_address"`
	// Archives is how many archives are taken apart or rebuilt at once; 0: as many
	// as there are cores, at most 4.
	Archives int `toml:"archives"`
	// SessionIdle is how long an unfinished push keeps its staged bytes after
	// its last request.
	SessionIdle Duration `toml:"session_idle"`
	// Reserve is the space on the store's disk that pushes must leave free.
	Reserve Size `toml:"reserve"`
}

// Maintenance is the section [server.maintenance].
type Maintenance struct {
	// Every is how often retention and collection run; 0: only when asked to
	// (pubsync gc).
	Every Duration `toml:"every"`
	// CheckEvery is how often all content is read and compared with its
	// digest; 0: only when asked to (pubsync fsck).
	CheckEvery Duration `toml:"check_every"`
	// CheckRate is how many bytes a second that reads.
	CheckRate Size `toml:"check_rate"`
}

// TLS is the section [tls]. Without Cert and without ACME domains the server
// makes a self-signed certificate, keeps it in the store, and puts its pin into
// tokens. Cert and Key go together, and exclude ACME.
type TLS struct {
	Cert string `toml:"cert"` // PEM file, leaf first
	Key  string `toml:"key"`  // PEM file
	ACME ACME   `toml:"acme"`
}

// ACME is the section [tls.acme].
type ACME struct {
	Domains   []string `toml:"domains"`   // names to get certificates for; none turns ACME off
	Email     string   `toml:"email"`     // contact given to the authority; may be empty
	Cache     string   `toml:"cache"`     // folder of keys and certificates; empty: "acme" in the store
	Directory string   `toml:"directory"` // the authority's directory URL; empty: Let's Encrypt
	CA        string   `toml:"ca"`        // PEM file that the directory's own certificate is checked by; empty: the system's
}

// Tokens is the section [tokens]: what a token gets when its issuer says
// nothing, and what guessing costs.
type Tokens struct {
	TTL          Duration   `toml:"ttl"`          // from issue to not-after
	Publications int        `toml:"publications"` // commits
	Calls        int        `toml:"calls"`        // requests
	Parallel     int        `toml:"parallel"`     // requests at once
	Files        int        `toml:"files"`        // entries pushed
	Bytes        Size       `toml:"bytes"`        // bytes of the files pushed
	Visibility   Visibility `toml:"visibility"`   // the widest that pushes may ask for
	Ban          Ban        `toml:"ban"`
}

// Ban is the section [tokens.ban].
type Ban struct {
	Tries  int      `toml:"tries"`  // bad tokens from one address within Window before it is banned; 0 never bans
	Window Duration `toml:"window"` // see Tries
	Delay  Duration `toml:"delay"`  // added to the answer to each bad token
	For    Duration `toml:"for"`    // length of a ban
}

// Scheduler is a section [[scheduler]]: who may issue tokens, and how wide. One
// of Keys and ClientCA is required, and at least one prefix.
type Scheduler struct {
	Name        string    `toml:"name"`         // unique; in the audit log
	Keys        string    `toml:"keys"`         // file of credentials, one a line, at most two active; made with one if absent
	ClientCA    string    `toml:"client_ca"`    // PEM file; a client certificate it signed, with Name as its common name, is a credential
	Prefixes    []string  `toml:"prefixes"`     // targets its tokens may publish at or below; "*" means any
	Networks    []Network `toml:"networks"`     // addresses it may call from; empty: any
	MaxLifetime Duration  `toml:"max_lifetime"` // of its tokens; absent or 0: 24 h
	MaxBytes    Size      `toml:"max_bytes"`    // per token; absent or 0: 1 TB
	MaxFiles    int       `toml:"max_files"`    // per token; absent or 0: 1,000,000
	Overwrite   bool      `toml:"overwrite"`    // its tokens may carry the leave to overwrite
	Quota       Size      `toml:"quota"`        // bytes its publications may keep, each content once; 0: no bound
}

// OIDC is a section [[oidc]]: the policy under which a job's identity token is
// exchanged (RFC 8693) for a one-shot token.
type OIDC struct {
	Name     string `toml:"name"`     // unique; in the audit log
	Issuer   string `toml:"issuer"`   // URL, exactly as in the claim "iss"; https, or http on loopback
	Audience string `toml:"audience"` // the one audience accepted
	// Match are claims that must be there with this value, or, where the value
	// has wildcards, match it as path.Match does. At least one is required.
	Match map[string]string `toml:"match"`
	// Target is the target of the token, with {claim} for claim values:
	// "ci/{project_path...}/{pipeline_id}". A value becomes one component
	// unless it is written {claim...}, and must be a valid path either way.
	// The first component must not be a claim.
	Target       string     `toml:"target"`
	TTL          Duration   `toml:"ttl"`          // absent or 0: that of [tokens], as with the others
	Publications int        `toml:"publications"` // commits
	Files        int        `toml:"files"`        // entries pushed
	Bytes        Size       `toml:"bytes"`        // bytes of the files pushed
	Overwrite    bool       `toml:"overwrite"`    // leave to change what exists
	Visibility   Visibility `toml:"visibility"`   // the widest that pushes may ask for
}

// Type is a section [types.NAME]: the profile of a build type.
type Type struct {
	Include []string `toml:"include"` // globs of what is taken, all if empty; without a slash: of the last component
	Exclude []string `toml:"exclude"` // globs of what is not
	Strip   int      `toml:"strip"`   // leading path components dropped
	Flatten bool     `toml:"flatten"` // only the last component of each file kept
	Mode    PushMode `toml:"mode"`    // absent: merge
	// KeepBuilds and KeepDays say what retention keeps: a build goes when it is
	// beyond every bound given. 0 is no bound; both 0 keeps everything.
	KeepBuilds int `toml:"keep_builds"`
	KeepDays   int `toml:"keep_days"`
	// KeepHistory is how long what was replaced or removed can be read at its
	// version; 0 is for ever.
	KeepHistory Duration `toml:"keep_history"`
	// BuildDepth is how many components below the type name a build; 0: all
	// that a target has.
	BuildDepth int        `toml:"build_depth"`
	Visibility Visibility `toml:"visibility"` // absent: as pushes ask, or public
	Licence    string     `toml:"licence"`    // text file to accept before reading; empty: none
	Aliases    []string   `toml:"aliases"`    // names beside the builds that follow the newest: "latest"
	// NamedAliases are names that pushes may ask to have moved: "lastSuccessful".
	NamedAliases []string `toml:"named_aliases"`
	Quota        Size     `toml:"quota"` // bytes the type may keep, each content once; 0: no bound
}

// Export is the section [export]: published targets as a folder of plain files.
type Export struct {
	Dir     string   `toml:"dir"`     // empty: no export
	Targets []string `toml:"targets"` // targets kept in step, each with all below it; "*" means all that are public
	Link    LinkMode `toml:"link"`
}

// Rsync is the section [rsync]: exported targets served by an rsync daemon. It
// needs an export.
type Rsync struct {
	Listen         string    `toml:"listen"`          // address and port; empty: no daemon
	Program        string    `toml:"program"`         // the rsync to run
	Allow          []Network `toml:"allow"`           // empty: any
	Deny           []Network `toml:"deny"`            // refused even if allowed
	MaxConnections int       `toml:"max_connections"` // at once
	Modules        []Module  `toml:"module"`          // [[rsync.module]]
}

// Module is a section [[rsync.module]].
type Module struct {
	Name    string `toml:"name"`    // as in rsync://HOST/NAME/
	Target  string `toml:"target"`  // the exported target it shows
	Comment string `toml:"comment"` // shown in the daemon's list
	Hidden  bool   `toml:"hidden"`  // not in that list
}

// Alerts is the section [alerts].
type Alerts struct {
	Webhook string   `toml:"webhook"` // URL that gets a POST of JSON for each alert; empty: only the log
	Timeout Duration `toml:"timeout"` // of one call
	Volume  Size     `toml:"volume"`  // bytes pushed under one scheduler in an hour that raise an alert; 0: none
}

// Accel is the section [accel]: downloads handed to the web server in front.
// At most one of the two may be set.
type Accel struct {
	XAccelRedirect string `toml:"x_accel_redirect"` // nginx: the internal location that maps to the store's folder, such as "/blobs/"
	XSendfile      bool   `toml:"x_sendfile"`       // apache, lighttpd: the header carries the file's path
}
