package token

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Verbs is a set of acts.
type Verbs uint8

// The acts.
const (
	Publish Verbs = 1 << iota // open a session, send into it, commit it
	Check                     // ask what is published or held below the target
	Read                      // download below the target and the prefixes of Grant.Reads
	Link                      // publish, by digest alone, content held below the prefixes of Grant.Reads
)

// DefaultVerbs is what a grant without verbs allows.
const DefaultVerbs = Publish | Check

var verbNames = [...]string{"publish", "check", "read", "link"}

// Has reports whether v contains all of w.
func (v Verbs) Has(w Verbs) bool { return v&w == w }

// Strings returns the names of the set's acts.
func (v Verbs) Strings() []string {
	names := []string{}
	for i, name := range verbNames {
		if v&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String returns the names joined by commas.
func (v Verbs) String() string { return strings.Join(v.Strings(), ",") }

// ParseVerbs reads names as [Verbs.Strings] writes them.
func ParseVerbs(names []string) (Verbs, error) {
	var v Verbs
next:
	for _, name := range names {
		for i, known := range verbNames {
			if name == known {
				v |= 1 << i
				continue next
			}
		}
		return 0, fmt.Errorf("%q is none of the verbs %s", name, strings.Join(verbNames[:], ", "))
	}
	return v, nil
}

// MarshalJSON writes the set as an array of names.
func (v Verbs) MarshalJSON() ([]byte, error) { return json.Marshal(v.Strings()) }

// UnmarshalJSON reads an array of names.
func (v *Verbs) UnmarshalJSON(b []byte) error {
	var names []string
	if err := json.Unmarshal(b, &names); err != nil {
		return err
	}
	set, err := ParseVerbs(names)
	if err != nil {
		return err
	}
	*v = set
	return nil
}

// A Visibility says who may read what is published.
type Visibility string

// The visibilities, each wider than the one before.
const (
	Private  Visibility = "private"  // who may read the target
	Licensed Visibility = "licensed" // whoever accepts its licence
	Public   Visibility = "public"   // anyone
)

// rank returns the position of v in the order of visibility, -1 if it is none.
func (v Visibility) rank() int {
	switch v {
	case Private:
		return 0
	case Licensed:
		return 1
	case Public:
		return 2
	}
	return -1
}
