package gather

import (
	"bytes"
	"encoding/binary"
)

// Settings that package http2 tells whether or not they say anything, and what holds
// where they are not told (RFC 9113, section 6.5.2).
const (
	settingSize = 6 // bytes

	settingTable, standardTable = 1, 4096
	settingFrame, standardFrame = 5, 16384
)

// concise returns what opens a connection without the settings that would hold unsaid.
func concise(b []byte) []byte {
	settings := bytes.TrimPrefix(b, []byte(preface))
	before := len(b) - len(settings)
	if len(settings) < frameHead || settings[3] != typeSettings || settings[0]|settings[1] != 0 {
		return b
	}
	n := int(settings[2])
	if n%settingSize != 0 || len(settings) < frameHead+n {
		return b
	}
	behind := settings[frameHead+n:]
	out := append(make([]byte, 0, len(b)), b[:before+frameHead]...)
	for s := settings[frameHead : frameHead+n]; len(s) > 0; s = s[settingSize:] {
		id, v := binary.BigEndian.Uint16(s), binary.BigEndian.Uint32(s[2:])
		if id == settingTable && v == standardTable || id == settingFrame && v == standardFrame {
			n -= settingSize
			continue
		}
		out = append(out, s[:settingSize]...)
	}
	out[before+2] = byte(n)
	return append(out, behind...)
}
