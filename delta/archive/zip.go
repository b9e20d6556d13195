package archive

import "bytes"
import "io"

const (
	zipLocal = "PK\x03\x04"
	zipEnd   = "PK\x05\x06"
)

func findZipEnd(tail []byte) int { return bytes.LastIndex(tail, []byte(zipEnd)) }

func (e *expander) zip(p *plan) error              { return ErrNotArchive }
func (j *rebuilder) zip(w io.Writer) error         { return ErrBadRecipe }
func (e *expander) entryAt(at int64) (int64, bool) { return 0, false }
