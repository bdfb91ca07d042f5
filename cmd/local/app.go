package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"example.com/deputy/emulator/chatpage"
)

// app is another Chat app than Deputy, as its console would have it: the page
// sends it the events, and its own tests can drive the page.
type app struct {
	Name           string             `json:"name"`
	Endpoint       string             `json:"endpoint"` // where it takes events
	Commands       []chatpage.Command `json:"commands"`
	RedirectURIs   []string           `json:"redirectUris"`   // of its OAuth client
	SecurityEvents string             `json:"securityEvents"` // where it takes those; may be empty
}

// readApp reads such a configuration from a file.
func readApp(file string) (*app, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the person names it
	if err != nil {
		return nil, fmt.Errorf("-app: %w", err)
	}
	var a app
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&a); err != nil {
		return nil, fmt.Errorf("-app %s: %w", file, err)
	}
	var wrong []error
	if a.Name == "" {
		wrong = append(wrong, errors.New("name is missing"))
	}
	if !strings.HasPrefix(a.Endpoint, "http://") && !strings.HasPrefix(a.Endpoint, "https://") {
		wrong = append(wrong, errors.New("endpoint must be the address where the app takes events, such as http://127.0.0.1:3000/"))
	}
	for _, c := range a.Commands {
		if c.ID == 0 || c.Name == "" {
			wrong = append(wrong, fmt.Errorf("a command needs an id and a name; one that begins with / is a slash command: %+v", c))
		}
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, fmt.Errorf("-app %s: %w", file, err)
	}
	return &a, nil
}
