package delta

import "testing"

func TestCopiesOfTheNewFileStayBehindThemselves(t *testing.T) {
	p := NewPlan(Source{Size: 1000}, nil, PlanOptions{})
	p.add(placed{450, Op{Self, 0, 300}})
	p.add(placed{750, Op{Self, 300, 203}}) // in one, 503 bytes from 450 back
	p.add(placed{953, Op{Self, 503, 10}})
	for _, op := range p.copies {
		if op.Off+op.Len > op.at {
			t.Errorf("copy of %d bytes from %d at %d reaches into itself", op.Len, op.Off, op.at)
		}
	}
	if len(p.copies) != 2 {
		t.Errorf("%d copies, want the last two in one", len(p.copies))
	}
}
