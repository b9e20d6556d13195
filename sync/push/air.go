package push

import "errors"

// flush sends the body off once there is room in the air.
func (s *sender) flush() error {
	if err := s.pack(); err != nil {
		return err
	}
	if len(s.body) == 0 {
		return nil
	}
	if err := s.makeWay(); err != nil {
		return err
	}
	body, on := s.body, s.on
	s.body, s.spare, s.on = s.spare, nil, nil
	if s.stranded(on) || s.racing.lost() {
		return nil
	}
	for _, c := range on {
		s.flown[c.index] = true
	}
	fl := &flight{sender: s, number: s.number, head: s.head, on: on, body: body}
	s.air = append(s.air, fl)
	fl.start()
	return nil
}

// makeWay waits until the body may go off: once the one before has landed, or where
// that would leave the link idle for a round trip, once it is all on its way.
func (s *sender) makeWay() error {
	most := 1
	if s.overlaps() {
		most = 2
		if s.racing != nil {
			most = raceAir
		}
	}
	for len(s.air) >= most {
		if err := s.landNext(); err != nil {
			return err
		}
	}
	if len(s.air) > 0 {
		<-s.air[len(s.air)-1].gone
	}
	return nil
}

// overlaps reports whether the body may follow another before that has been answered:
// over a longer link that few senders share, once it is known that bodies get through,
// or that they are small as those of a race.
// A part of a file that overtakes the one before waits for it at the server. Bodies
// with archives to rebuild go alone, since the time they take is measured.
func (s *sender) overlaps() bool {
	if n := s.p.limits.Parallel; s.racing != nil && n > 0 && n < raceAir+fewWindows {
		return false // questions are asked meanwhile
	}
	if !s.landed && s.racing == nil || s.among > fewWindows || s.p.rate.near() || due(s.on) > 0 {
		return false
	}
	return len(s.air) == 0 || due(s.air[len(s.air)-1].on) == 0
}

// stranded reports whether what is about to be sent holds parts of a file whose
// parts before did not arrive, and if so puts all of it back.
func (s *sender) stranded(on []cargo) bool {
	for _, c := range on {
		if !s.broken[c.index] {
			continue
		}
		for _, c := range on {
			s.again = append(s.again, c.index)
		}
		return true
	}
	return false
}

// land waits for all requests under way, and returns the first error.
func (s *sender) land() (err error) {
	for len(s.air) > 0 {
		if e := s.landNext(); err == nil {
			err = e
		}
	}
	return err
}

// landNext waits for the first of the requests under way and takes in what it came to.
func (s *sender) landNext() error {
	fl := s.air[0]
	s.air = s.air[1:]
	waiting := s.p.opts.Now()
	err := <-fl.landed
	landed := s.p.opts.Now()
	if !s.lull.IsZero() {
		s.p.rate.waited(waiting.Sub(s.lull), landed.Sub(waiting))
	}
	s.lull = landed
	if err != nil {
		if lost := (*lostFlight)(nil); errors.As(err, &lost) {
			s.lost = append(s.lost, lost)
			s.p.lose(fl)
		}
		s.read = true
		return err
	}
	if s.landed = true; fl.tooLarge {
		s.read = true // refused before all of it was sent
	} else {
		s.spare = fl.body[:0]
	}
	return fl.settle()
}
