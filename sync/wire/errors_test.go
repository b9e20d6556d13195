package wire

import "testing"

func TestBytes(t *testing.T) {
	for want, n := range map[string][]int64{
		"0 B": {0}, "999 B": {999}, "1.0 kB": {1000}, "1.0 MB": {999_950}, "20.0 GB": {20e9}, "1.5/20.0 GB": {15e8, 20e9}, "5000.0 PB": {5e18}, "-5.0 kB": {-5000}, "": {},
	} {
		if got := Bytes(n...); got != want {
			t.Errorf("%v: got %q, want %q", n, got, want)
		}
	}
}
