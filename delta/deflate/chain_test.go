package deflate

import "testing"

// After a jump only the window is entered, not what was jumped over, and the
// next token is the one predicted without a jump.
func TestJumpEntersTheWindowOnly(t *testing.T) {
	const to = 700_000
	s := &segment{buf: text(1, 800_000)}
	s.end = len(s.buf)
	for _, level := range []int{6, 9} {
		var walked, jumped chainPredictor
		for _, c := range []*chainPredictor{&walked, &jumped} {
			c.configure(newModel(zlibFamily, level).chainConfig())
			c.begin(s, false)
		}
		walked.insertTo(to)
		jumped.jump(to)
		jumped.insertTo(to)
		if n := jumped.entered; n != windowSize {
			t.Errorf("level %d: %d positions entered, want %d", level, n, windowSize)
		}
		if a, b := walked.predict(to), jumped.predict(to); a != b {
			t.Errorf("level %d: token %x after a jump, %x without", level, b, a)
		}
	}
}
