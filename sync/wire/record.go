package wire

import (
	"encoding/binary"
	"fmt"
	"time"

	"github.com/pubsync/pubsync/sync/manifest"
)

// recordWriter codes a record: fields in any order, each a tag (uvarint: number of
// the field << 1, plus 1 for bytes) and its value, a uvarint, or bytes after their
// length (uvarint). Zero and empty values are left out.
type recordWriter struct{ b []byte }

func (w *recordWriter) number(field, v uint64) {
	if v != 0 {
		w.b = binary.AppendUvarint(w.b, field<<1)
		w.b = binary.AppendUvarint(w.b, v)
	}
}

func (w *recordWriter) flag(field uint64, v bool) {
	if v {
		w.number(field, 1)
	}
}

func (w *recordWriter) text(field uint64, v string) {
	if v != "" {
		w.b = binary.AppendUvarint(w.b, field<<1|1)
		w.b = binary.AppendUvarint(w.b, uint64(len(v)))
		w.b = append(w.b, v...)
	}
}

func (w *recordWriter) digest(field uint64, d manifest.Digest) {
	if !d.IsZero() {
		w.text(field, string(d[:]))
	}
}

// A value is that of one field of a record, a number or text.
type value struct {
	number uint64
	text   []byte
}

func (v value) size() int64 { return int64(min(v.number, manifest.MaxSize)) }
func (v value) count() int  { return int(min(v.number, maxIndex)) }
func (v value) flag() bool  { return v.number != 0 }

func (v value) digest() (d manifest.Digest) {
	copy(d[:], v.text)
	return d
}

// readRecord calls set for each field of a record. Who reads it passes over the
// fields he does not know: later versions may add some.
func readRecord(b []byte, set func(field uint64, v value)) error {
	r := newFields(b)
	for r.Len() > 0 {
		tag := r.Uvarint(1 << 20)
		v := value{}
		if tag&1 == 0 {
			v.number = r.Uvarint(1<<64 - 1)
		} else {
			v.text = r.Bytes(r.Uvarint(MaxFrame))
		}
		if r.Err() != nil {
			return r.Err()
		}
		set(tag>>1, v)
	}
	return nil
}

var (
	modes    = []string{Merge, Mirror}
	statuses = []string{StatusOpen, StatusUnchanged, StatusPublished}
)

// named returns the name with the number, or one that nobody knows.
func named(names []string, n uint64) string {
	if n < uint64(len(names)) {
		return names[n]
	}
	return fmt.Sprintf("(%d)", n)
}

// numberOf returns the number of a name; an empty one is the first.
func numberOf(names []string, name string) uint64 {
	for i := range names {
		if names[i] == name {
			return uint64(i)
		}
	}
	return 0
}

// AppendOpen appends an open frame. The hash of the session secret is not sent,
// but the secret itself beside it, in [SessionHeader].
func AppendOpen(dst []byte, o Open) []byte {
	w := recordWriter{}
	w.number(1, uint64(o.Version))
	w.text(2, string(o.Target))
	w.number(3, numberOf(modes, o.Mode))
	w.number(4, uint64(o.Entries))
	w.number(5, uint64(o.Files))
	w.number(6, uint64(o.Bytes))
	w.digest(7, o.TreeDigest)
	w.flag(8, o.Checksum)
	w.flag(9, o.DryRun)
	w.text(10, o.Visibility)
	for _, a := range o.Aliases {
		w.text(11, a)
	}
	return AppendFrame(dst, FrameOpen, w.b)
}

// ParseOpen reads the payload of an open frame.
func ParseOpen(b []byte) (o Open, err error) {
	o.Mode = Merge
	err = readRecord(b, func(field uint64, v value) {
		switch field {
		case 1:
			o.Version = v.count()
		case 2:
			o.Target = manifest.Path(v.text)
		case 3:
			o.Mode = named(modes, v.number)
		case 4:
			o.Entries = v.count()
		case 5:
			o.Files = v.count()
		case 6:
			o.Bytes = v.size()
		case 7:
			o.TreeDigest = v.digest()
		case 8:
			o.Checksum = v.flag()
		case 9:
			o.DryRun = v.flag()
		case 10:
			o.Visibility = string(v.text)
		case 11:
			o.Aliases = append(o.Aliases, string(v.text))
		}
	})
	return o, err
}

// AppendOpened appends an opened frame.
func AppendOpened(dst []byte, o Opened) []byte {
	w := recordWriter{}
	w.number(1, numberOf(statuses, o.Status))
	w.text(2, o.Session)
	w.text(3, string(o.Target))
	usual := UsualLimits()
	if o.Limits.Body != usual.Body {
		w.number(4, uint64(o.Limits.Body))
	}
	if o.Limits.Parallel != usual.Parallel {
		w.number(5, uint64(o.Limits.Parallel))
	}
	w.flag(6, o.Empty)
	if o.Receipt != nil {
		w.text(7, string(appendReceipt(nil, o.Receipt, Receipt{})))
	}
	w.digest(8, o.TreeDigest)
	if o.Limits.Archives != usual.Archives {
		w.number(9, uint64(o.Limits.Archives))
	}
	return AppendFrame(dst, FrameOpened, w.b)
}

// ParseOpened reads the payload of an opened frame.
func ParseOpened(b []byte) (o Opened, err error) {
	o.Status, o.Limits = StatusOpen, UsualLimits()
	var inner error
	err = readRecord(b, func(field uint64, v value) {
		switch field {
		case 1:
			o.Status = named(statuses, v.number)
		case 2:
			o.Session = string(v.text)
		case 3:
			o.Target = manifest.Path(v.text)
		case 4:
			o.Limits.Body = v.size()
		case 5:
			o.Limits.Parallel = v.count()
		case 6:
			o.Empty = v.flag()
		case 7:
			o.Receipt = &Receipt{}
			*o.Receipt, inner = ParseReceipt(v.text, Receipt{})
		case 8:
			o.TreeDigest = v.digest()
		case 9:
			o.Limits.Archives = v.count()
		}
	})
	if err == nil {
		err = inner
	}
	return o, err
}

// AppendCommit appends a commit frame.
func AppendCommit(dst []byte, c Commit) []byte {
	w := recordWriter{}
	if c.Short {
		w.text(1, string(c.ManifestDigest[:AnnouncedBytes]))
	} else {
		w.digest(1, c.ManifestDigest)
	}
	w.flag(2, c.IfComplete)
	return AppendFrame(dst, FrameCommit, w.b)
}

// ParseCommit reads the payload of a commit frame.
func ParseCommit(b []byte) (c Commit, err error) {
	err = readRecord(b, func(field uint64, v value) {
		switch field {
		case 1:
			c.ManifestDigest, c.Short = v.digest(), len(v.text) == AnnouncedBytes
		case 2:
			c.IfComplete = v.flag()
		}
	})
	return c, err
}

// AppendReceipt appends a receipt frame. Target, manifest digest and URL are left out
// where they are those of known, which who reads it knows.
func AppendReceipt(dst []byte, r *Receipt, known Receipt) []byte {
	return AppendFrame(dst, FrameReceipt, appendReceipt(nil, r, known))
}

func appendReceipt(dst []byte, r *Receipt, known Receipt) []byte {
	w := recordWriter{dst}
	w.number(1, uint64(r.Publication))
	if r.Target != known.Target {
		w.text(2, string(r.Target))
	}
	w.number(3, uint64(r.Time.UnixNano()))
	w.number(4, uint64(r.Entries))
	w.number(5, uint64(r.Added))
	w.number(6, uint64(r.Replaced))
	w.number(7, uint64(r.Removed))
	if r.ManifestDigest != known.ManifestDigest {
		w.digest(8, r.ManifestDigest)
	}
	if r.URL != known.URL {
		w.text(9, r.URL)
	}
	return w.b
}

// ParseReceipt reads the payload of a receipt frame; what that leaves out is of known.
func ParseReceipt(b []byte, known Receipt) (Receipt, error) {
	r := Receipt{Target: known.Target, ManifestDigest: known.ManifestDigest, URL: known.URL}
	err := readRecord(b, func(field uint64, v value) {
		switch field {
		case 1:
			r.Publication = int64(v.number)
		case 2:
			r.Target = manifest.Path(v.text)
		case 3:
			r.Time = time.Unix(0, int64(v.number)).UTC()
		case 4:
			r.Entries = v.count()
		case 5:
			r.Added = v.count()
		case 6:
			r.Replaced = v.count()
		case 7:
			r.Removed = v.count()
		case 8:
			r.ManifestDigest = v.digest()
		case 9:
			r.URL = string(v.text)
		}
	})
	return r, err
}

// AppendIncomplete appends an incomplete frame: so many files have no content yet.
func AppendIncomplete(dst []byte, files int) []byte {
	return AppendFrame(dst, FrameIncomplete, binary.AppendUvarint(nil, uint64(files)))
}

// ParseIncomplete reads the payload of an incomplete frame.
func ParseIncomplete(b []byte) (files int, err error) {
	r := newFields(b)
	return r.index(), r.End()
}
