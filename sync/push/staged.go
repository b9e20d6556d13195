package push

import (
	"crypto/sha256"
	"io"

	"github.com/pubsync/pubsync/delta"
	"github.com/pubsync/pubsync/sync/manifest"
	"github.com/pubsync/pubsync/sync/wire"
)

// exactLocal is the size in bytes up to which an archive whose old version is at hand
// is checked as a whole against the model of its encoder. Of npm's archives one in
// twenty departs from it in a single token, which samples miss; to send another recipe
// then costs as much as a fifth of the whole delta does.
const exactLocal = 1 << 20

// takeUp takes an archive apart as far as its views go: those of which the server
// has a beginning are made as they were made then, and go on behind it. m.view
// stays nil if the archive goes by its bytes.
func (s *sender) takeUp(m *match) (err error) {
	v := &m.verdict
	if v.Staged > 0 && !v.ViewsStaged() && !s.failed.remodel(v.Index) {
		return nil // that it has bytes is what was found to pay
	}
	how := s.analysis(m)
	if m.view, err = s.p.expand(s.ctx, m, how); err != nil || m.view == nil || !v.ViewsStaged() {
		return err
	}
	fits, err := m.goesOn()
	if err == nil && !fits && how == bySamples && v.Plain.Size > 0 {
		// The recipe goes first: the server has had one that did not make the file, and
		// has asked for another.
		m.view.close()
		if m.view, err = s.p.expand(s.ctx, m, byAll); err != nil || m.view == nil {
			return err
		}
		fits, err = m.goesOn()
	}
	switch {
	case err != nil || fits:
	case s.failed.remodel(v.Index) && m.plainHeld() && s.failed.mismatched(v.Index):
		return s.dropViews(m) // the recipe was right: something was taken for a copy that is none
	default:
		m.forgetView()
	}
	return err
}

// dropViews has the server forget what it has of both views.
func (s *sender) dropViews(m *match) error {
	m.verdict.Plain, m.verdict.Recipe = wire.StagedView{}, wire.StagedView{}
	return s.part(wire.Part{Index: m.verdict.Index, View: wire.Plain}, cargo{index: m.verdict.Index, tally: &s.p.archive})
}

// analysis is how an archive is taken apart.
func (s *sender) analysis(m *match) analysis {
	switch v := &m.verdict; {
	case s.failed.remodel(v.Index):
		return byAll
	case v.ViewsStaged():
		return bySamples
	case m.local && m.file.Size() <= exactLocal:
		return byAll
	case m.race != nil:
		return whileRacing
	}
	return whilePaying
}

// goesOn reports whether the views go on where the server has them: both begin
// with what it has, and the recipe ends there if any of the plain view is there.
func (m *match) goesOn() (bool, error) {
	v, e := &m.verdict, m.view
	plain, err := begins(delta.Source{ReaderAt: e.plain, Size: e.size}, v.Plain)
	if err != nil || !plain {
		return false, err
	}
	recipe, err := begins(e.recipeSource(), v.Recipe)
	if v.Plain.Size > 0 && v.Recipe.Size < int64(len(e.recipe)) && !e.thorough {
		return false, err
	}
	return recipe, err
}

// begins reports whether a view begins with what is staged of one.
func begins(src delta.Source, st wire.StagedView) (bool, error) {
	if st.Size == 0 || st.Size > src.Size {
		return st.Size == 0, nil
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(src, 0, st.Size)); err != nil {
		return false, err
	}
	return manifest.Digest(h.Sum(nil)) == st.Sum, nil
}
