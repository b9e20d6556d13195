package wire

import "time"

// Rollback is the JSON body of POST /v1/rollback/TARGET.
type Rollback struct {
	To int64 `json:"to"` // the version whose tree the target is to have again
}

// What became of an entry between two versions.
const (
	Added   = "added"
	Changed = "changed"
	Removed = "removed"
)

// A Difference is a line of the answer to GET /v1/diff/TARGET?from=N&to=M: an
// entry that differs, or, as the last line, the sum.
type Difference struct {
	Path   string `json:"path,omitempty"`   // below the target, percent-encoded
	Change string `json:"change,omitempty"` // Added, Changed or Removed
	Kind   string `json:"kind,omitempty"`   // "file", "directory" or "symlink": after it, or before if it is removed
	Before int64  `json:"before"`           // bytes; 0 but for files
	After  int64  `json:"after"`
	// Metadata says that only mode or modification time differ.
	Metadata bool            `json:"metadata,omitempty"`
	Sum      *DifferenceSums `json:"sum,omitempty"`
}

// DifferenceSums sum up a difference.
type DifferenceSums struct {
	Added   int   `json:"added"`
	Changed int   `json:"changed"`
	Removed int   `json:"removed"`
	Before  int64 `json:"before"` // bytes of the files that differ, as they were
	After   int64 `json:"after"`  // as they are
}

// A Pinned is a target that is kept from retention: a line of GET /v1/pins/PATH.
type Pinned struct {
	Target string    `json:"target"` // percent-encoded
	By     string    `json:"by"`     // the scheduler
	Time   time.Time `json:"time"`
	Note   string    `json:"note,omitempty"`
}

// Pin is the JSON body of PUT /v1/pins/TARGET.
type Pin struct {
	Note string `json:"note,omitempty"` // why; at most 1000 bytes
}
