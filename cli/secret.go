package cli

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/pubsync/pubsync/sync/wire/connect"
)

// A sessionFile keeps the session secret of a push until it has ended, so that
// the same command goes on where one that was killed left off. It is named for
// the token and the target, holds no token, and is readable by its owner only.
type sessionFile struct {
	name   string
	Secret string `json:"secret"`
}

// openSession returns the session kept for the token and target, or a new one.
func openSession(env *Env, c connect.Connection, target string) (*sessionFile, error) {
	dir, err := stateDir(env)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(c.Accessor() + "\n" + target))
	s := &sessionFile{name: filepath.Join(dir, "sessions", hex.EncodeToString(sum[:12])+".json")}
	b, err := os.ReadFile(s.name)
	if err == nil && json.Unmarshal(b, s) == nil && s.Secret != "" {
		return s, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, noPlace(err)
	}
	return s, s.renew()
}

// renew makes and keeps a new secret.
func (s *sessionFile) renew() error {
	s.Secret = connect.NewSessionSecret()
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	err = os.MkdirAll(filepath.Dir(s.name), 0o700)
	if err == nil {
		err = writePrivate(s.name, string(b)+"\n")
	}
	if err != nil {
		return noPlace(err)
	}
	return nil
}

func noPlace(err error) error {
	return hinted{fmt.Errorf("keeping the session secret, by which a push goes on: %w", err), "name a folder that can be written with $PUBSYNC_STATE_DIR"}
}

// remove forgets the secret once the push has ended.
func (s *sessionFile) remove() error {
	err := os.Remove(s.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// writePrivate writes a file that only its owner may read, in one step.
func writePrivate(name, text string) error {
	tmp := name + ".tmp"
	if err := os.WriteFile(tmp, []byte(text), 0o600); err != nil {
		return err
	}
	return os.Rename(tmp, name)
}
