package catalog

import "fmt"

// schemaVersion is kept in SQLite's user_version. A later schema moves an older
// one forward in [Catalog.migrate]; a newer one is refused.
const schemaVersion = 2

// schema creates everything. Names, paths and keys are BLOBs: any bytes,
// compared as bytes.
const schema = `
CREATE TABLE dirs(
	id   INTEGER PRIMARY KEY,
	path BLOB NOT NULL UNIQUE
);
INSERT INTO dirs(id, path) VALUES (1, x'');

CREATE TABLE blobs(
	id      INTEGER PRIMARY KEY AUTOINCREMENT, -- never used twice: leases in memory hold ids
	digest  BLOB NOT NULL UNIQUE,
	size    INTEGER NOT NULL,
	pack    INTEGER NOT NULL, -- 0: a file of its own
	offset  INTEGER NOT NULL, -- of the record in the pack
	damaged INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE entries(
	dir      INTEGER NOT NULL,
	name     BLOB NOT NULL,
	from_pub INTEGER NOT NULL,
	to_pub   INTEGER,
	kind     INTEGER NOT NULL,
	mode     INTEGER NOT NULL,
	size     INTEGER NOT NULL,
	mtime    INTEGER NOT NULL,
	blob     INTEGER,
	link     BLOB,
	stem     INTEGER, -- stemHash of the name, for files worth a delta
	PRIMARY KEY(dir, name, from_pub)
) WITHOUT ROWID;
CREATE INDEX entries_blob ON entries(blob, to_pub) WHERE blob IS NOT NULL;
CREATE INDEX entries_stem ON entries(stem, from_pub) WHERE to_pub IS NULL AND stem IS NOT NULL;

CREATE TABLE publications(
	number   INTEGER PRIMARY KEY,
	target   BLOB NOT NULL,
	time     INTEGER NOT NULL,
	tree     BLOB NOT NULL,
	mirror   INTEGER NOT NULL,
	added    INTEGER NOT NULL,
	replaced INTEGER NOT NULL,
	removed  INTEGER NOT NULL,
	entries  INTEGER NOT NULL,
	note     BLOB NOT NULL,
	owner    TEXT NOT NULL DEFAULT ''
);
CREATE INDEX publications_target ON publications(target, number);

CREATE TABLE targets( -- the newest publication to each target
	target BLOB PRIMARY KEY,
	parent BLOB NOT NULL,
	last   INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX targets_parent ON targets(parent, last);

CREATE TABLE standing( -- trees that are still as they were pushed
	mirror INTEGER NOT NULL,
	target BLOB NOT NULL,
	tree   BLOB NOT NULL,
	number INTEGER NOT NULL,
	PRIMARY KEY(mirror, target, tree)
) WITHOUT ROWID;

CREATE TABLE horizons( -- versions of what is below target are gone before this one
	target BLOB PRIMARY KEY,
	version INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE packs(
	id     INTEGER PRIMARY KEY,
	extent INTEGER NOT NULL -- bytes known to be durable; a longer file has a torn tail
);

CREATE TABLE holders( -- sessions that lease; a lease counts while its holder is here
	id      INTEGER PRIMARY KEY AUTOINCREMENT,
	session TEXT NOT NULL UNIQUE
);
CREATE TABLE leases(
	blob   INTEGER NOT NULL,
	holder INTEGER NOT NULL,
	PRIMARY KEY(blob, holder)
) WITHOUT ROWID;

CREATE TABLE records(
	bucket BLOB NOT NULL,
	key    BLOB NOT NULL,
	value  BLOB NOT NULL,
	PRIMARY KEY(bucket, key)
);
`

// toSchema2 adds the owners of publications.
const toSchema2 = "ALTER TABLE publications ADD COLUMN owner TEXT NOT NULL DEFAULT ''"

// migrate brings the database to schemaVersion.
func migrate(c *conn) error {
	var v int
	if err := c.row([]any{&v}, "PRAGMA user_version"); err != nil {
		return err
	}
	switch v {
	case schemaVersion:
		return nil
	case 0:
		return migrateBy(c, schema)
	case 1:
		return migrateBy(c, toSchema2)
	}
	return fmt.Errorf("the catalog has schema version %d, this program knows %d: use a newer pubsync", v, schemaVersion)
}

func migrateBy(c *conn, script string) error {
	return c.transact(func() error {
		if _, err := c.db.ExecContext(c.ctx, script); err != nil {
			return err
		}
		_, err := c.db.ExecContext(c.ctx, fmt.Sprintf("PRAGMA user_version = %d", schemaVersion))
		return err
	})
}
