package archive

import "encoding/binary"

// The extra fields that differ from entry to entry: APPNOTE.TXT section 4.5 and
// Info-ZIP's proginfo/extrafld.txt.
const (
	extraZip64       = 0x0001
	extraNTFS        = 0x000a
	extraTime        = 0x5455 // "UT": Unix times
	extraUnicodePath = 0x7075
	extraUnicodeText = 0x6375
)

// How the data of an extra field is coded.
const (
	extraLiteral = 0 // in the entry's shape
	extraOpaque  = 1 // in colPax
	extraTimes   = 2 // in colTime and colSpecial
)

// An extraField is one extra field, or (id < 0) bytes that are none.
type extraField struct {
	id   int
	data []byte
}

// splitExtra splits an extra area into its fields.
func splitExtra(b []byte) (fields []extraField) {
	for len(b) > 0 {
		if len(b) < 4 || int(binary.LittleEndian.Uint16(b[2:])) > len(b)-4 {
			return append(fields, extraField{-1, b})
		}
		n := 4 + int(binary.LittleEndian.Uint16(b[2:]))
		fields = append(fields, extraField{int(binary.LittleEndian.Uint16(b)), b[4:n]})
		b = b[n:]
	}
	return fields
}

// mode says how f is coded; in an archive of many shapes nothing more goes
// into them.
func (f *extraField) mode(many bool) byte {
	switch f.id {
	case extraTime:
		if n := len(f.data); n == 5 || n == 9 || n == 13 {
			return extraTimes
		}
	case extraZip64, extraNTFS, extraUnicodePath, extraUnicodeText:
		return extraOpaque
	}
	if many {
		return extraOpaque
	}
	return extraLiteral
}

// appendShape appends what of f belongs to the shape of an entry.
func (f *extraField) appendShape(dst []byte, many bool) []byte {
	m := f.mode(many)
	dst = binary.AppendUvarint(dst, uint64(f.id+1))
	dst = append(dst, m)
	switch m {
	case extraLiteral:
		dst = binary.AppendUvarint(dst, uint64(len(f.data)))
		dst = append(dst, f.data...)
	case extraTimes:
		dst = append(dst, byte(len(f.data)), f.data[0])
	}
	return dst
}

// zipTimes are the times of one entry.
type zipTimes struct {
	known   bool
	primary uint32 // the first Unix time
	local   []uint32
}

// zipClock is what the coding of an entry's times takes from the entries
// before.
type zipClock struct {
	unix uint32 // the last primary time
	dos  uint32 // the last DOS time
	zone int64  // the last difference between the two
	down bool   // whether DOS times are rounded down
}

// putTimes codes the Unix times in the data of a field.
func (z *zipTimes) put(c *columnSet, clock *zipClock, data []byte, central bool) {
	for i := 1; i+4 <= len(data); i += 4 {
		t := binary.LittleEndian.Uint32(data[i:])
		k := i / 4
		switch {
		case !z.known:
			c.varint(colTime, int64(int32(t-clock.unix)))
			z.known, z.primary, clock.unix = true, t, t
		case central && k < len(z.local):
			c.varint(colSpecial, int64(int32(t-z.local[k])))
		default:
			c.varint(colSpecial, int64(int32(t-z.primary)))
		}
		if !central {
			z.local = append(z.local, t)
		}
	}
}

// take is the inverse of put; data has its length and first byte.
func (z *zipTimes) take(c *columnReaders, clock *zipClock, data []byte, central bool) {
	for i := 1; i+4 <= len(data); i += 4 {
		var t uint32
		k := i / 4
		switch {
		case !z.known:
			t = clock.unix + uint32(c.varint(colTime))
			z.known, z.primary, clock.unix = true, t, t
		case central && k < len(z.local):
			t = z.local[k] + uint32(c.varint(colSpecial))
		default:
			t = z.primary + uint32(c.varint(colSpecial))
		}
		binary.LittleEndian.PutUint32(data[i:], t)
		if !central {
			z.local = append(z.local, t)
		}
	}
}

// dosSeconds returns a DOS date and time as seconds since the Unix epoch in an
// unknown zone; ok is false if it is no time that [dosTime] makes.
func dosSeconds(dos uint32) (secs int64, ok bool) {
	y, m, d := int64(dos>>25)+1980, int64(dos>>21&15), int64(dos>>16&31)
	// Days from the civil date, counting years from March.
	yy, mm := y, m-3
	if m <= 2 {
		yy, mm = y-1, m+9
	}
	days := yy*365 + yy/4 - yy/100 + yy/400 + (mm*153+2)/5 + d - 1 - 719468
	secs = days*86400 + int64(dos>>11&31)*3600 + int64(dos>>5&63)*60 + int64(dos&31)*2
	return secs, m >= 1 && m <= 12 && dosTime(secs) == dos
}

// dosTime returns the DOS date and time of even seconds since the epoch; for
// other seconds and for years DOS does not know the result is of no use.
func dosTime(secs int64) uint32 {
	days, rest := secs/86400, secs%86400
	if rest < 0 {
		days, rest = days-1, rest+86400
	}
	z := days + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	y, m, d := yoe+era*400, mp+3, doy-(153*mp+2)/5+1
	if mp >= 10 {
		y, m = y+1, mp-9
	}
	return uint32(y-1980)<<25 | uint32(m)<<21 | uint32(d)<<16 |
		uint32(rest/3600)<<11 | uint32(rest/60%60)<<5 | uint32(rest%60/2)
}

// roundTime rounds a Unix time to DOS's two seconds.
func roundTime(t uint32, down bool) int64 {
	if down {
		return int64(t) - int64(t&1)
	}
	return int64(t) + int64(t&1)
}

// How a DOS time is coded.
const (
	dosFromUnixUp   = 0 // from the primary Unix time, rounded up: Info-ZIP
	dosFromUnixDown = 1
	dosAlone        = 2
)

// dosRule chooses how to code dos next to primary.
func (clock *zipClock) dosRule(dos uint32, z *zipTimes) byte {
	secs, ok := dosSeconds(dos)
	if !z.known || !ok {
		return dosAlone
	}
	if secs-roundTime(z.primary, !clock.down) == clock.zone && secs-roundTime(z.primary, clock.down) != clock.zone {
		clock.down = !clock.down
	}
	if clock.down {
		return dosFromUnixDown
	}
	return dosFromUnixUp
}

func (clock *zipClock) putDOS(c *columnSet, dos uint32, z *zipTimes, rule byte) {
	if rule == dosAlone {
		c.varint(colTime, int64(int32(dos-clock.dos)))
	} else {
		secs, _ := dosSeconds(dos)
		zone := secs - roundTime(z.primary, rule == dosFromUnixDown)
		c.varint(colSpecial, zone-clock.zone)
		clock.zone = zone
	}
	clock.dos = dos
}

func (clock *zipClock) takeDOS(c *columnReaders, z *zipTimes, rule byte) uint32 {
	if rule == dosAlone {
		clock.dos += uint32(c.varint(colTime))
	} else {
		clock.zone += c.varint(colSpecial)
		clock.dos = dosTime(roundTime(z.primary, rule == dosFromUnixDown) + clock.zone)
	}
	return clock.dos
}

// appendExtra appends the field f.
func appendExtra(dst []byte, f extraField) []byte {
	if f.id < 0 {
		return append(dst, f.data...)
	}
	dst = binary.LittleEndian.AppendUint16(dst, uint16(f.id))
	dst = binary.LittleEndian.AppendUint16(dst, uint16(len(f.data)))
	return append(dst, f.data...)
}
