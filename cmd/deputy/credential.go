package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"example.com/deputy/shared/fault"
)

// credential is what a person's consent gives to this machine.
type credential struct {
	ClientID     string   `json:"clientId"`
	ClientFile   string   `json:"clientFile"` // path of the OAuth client's file
	Person       string   `json:"person"`     // users/{id}
	Email        string   `json:"email"`
	Scopes       []string `json:"scopes"`
	RefreshToken string   `json:"refreshToken"`
}

// credentialStore keeps the credential in a directory of the user's configuration, apart from the OAuth client's file.
type credentialStore struct{ dir string }

func (s credentialStore) path() string { return filepath.Join(s.dir, "credential.json") }

// load returns the credential; ok is false when none is stored.
func (s credentialStore) load() (c credential, ok bool, err error) {
	text, err := os.ReadFile(s.path())
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, false, fmt.Errorf("cannot read the credential in %s: %w;"+
			" remove the file and run deputy quickstart again",
			s.path(), err)
	}
	return c, true, nil
}

// save replaces the stored credential atomically: it writes a new file that only
// this user can read, syncs it to disk, and renames it.
func (s credentialStore) save(c credential) (err error) {
	text, err := json.MarshalIndent(c, "", "  ") //nolint:gosec // the token is stored for this user alone
	if err != nil {
		return fault.Wrap("deputy.credential", err)
	}
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("cannot store the credential: %w", err)
	}
	f, err := os.CreateTemp(s.dir, "credential-*") // mode 0600
	if err != nil {
		return fmt.Errorf("cannot store the credential: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("cannot store the credential: %w", err)
		}
	}()
	if _, err = f.Write(append(text, '\n')); err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), s.path())
}

// remove deletes the credential, and temporary files of a save that was killed.
func (s credentialStore) remove() error {
	temporary, err := filepath.Glob(filepath.Join(s.dir, "credential-*"))
	if err != nil {
		return fault.Wrap("deputy.credential", err)
	}
	for _, file := range temporary {
		_ = os.Remove(file) // only the credential itself has to go
	}
	if err := os.Remove(s.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap("deputy.credential", err)
	}
	return nil
}
