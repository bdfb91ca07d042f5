package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
)

// credential is what a consent gave to this machine.
type credential struct {
	ClientID     string   `json:"clientId"`
	ClientFile   string   `json:"clientFile"` // where the client's own file is
	Person       string   `json:"person"`     // users/{id}
	Email        string   `json:"email"`
	Scopes       []string `json:"scopes"`
	RefreshToken string   `json:"refreshToken"`
}

// held is the credential as it is acted by.
func (c credential) held() grants.DesktopGrant {
	return grants.DesktopGrant{Email: c.Email, RefreshToken: config.NewSecret(c.RefreshToken), Scopes: c.Scopes}
}

// drawer is where the credential lies: a folder of the user's own
// configuration, never the client's file.
type drawer struct{ folder string }

func (d drawer) file() string { return filepath.Join(d.folder, "credential.json") }

// read gives the credential; ok is false when there is none.
func (d drawer) read() (c credential, ok bool, err error) {
	text, err := os.ReadFile(d.file())
	if errors.Is(err, fs.ErrNotExist) {
		return c, false, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, false, fmt.Errorf("the credential in %s cannot be read (%w); remove that file, and run deputy quickstart again", d.file(), err)
	}
	return c, true, nil
}

// write puts it there whole or not at all, for this user alone: a file of its
// own is written to the disk, and then takes the other's place.
func (d drawer) write(c credential) (err error) {
	text, err := json.MarshalIndent(c, "", "  ") //nolint:gosec // it is what is kept, for this user alone
	if err != nil {
		return fault.Wrap("deputy.credential", err)
	}
	if err := os.MkdirAll(d.folder, 0o700); err != nil {
		return fmt.Errorf("the credential cannot be stored: %w", err)
	}
	f, err := os.CreateTemp(d.folder, "credential-*") // 0600
	if err != nil {
		return fmt.Errorf("the credential cannot be stored: %w", err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
			err = fmt.Errorf("the credential cannot be stored: %w", err)
		}
	}()
	if _, err = f.Write(append(text, '\n')); err == nil {
		err = f.Sync()
	}
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), d.file())
}

// remove forgets it, and what a process that was killed has left.
func (d drawer) remove() error {
	left, err := filepath.Glob(filepath.Join(d.folder, "credential-*"))
	if err != nil {
		return fault.Wrap("deputy.credential", err)
	}
	for _, file := range left {
		_ = os.Remove(file) // the credential itself counts
	}
	if err := os.Remove(d.file()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fault.Wrap("deputy.credential", err)
	}
	return nil
}
