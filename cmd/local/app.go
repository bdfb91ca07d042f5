package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/functions/chatevent"
)

// app configures a Chat app other than Deputy, as the console would.
type app struct {
	Name           string             `json:"name"`
	Endpoint       string             `json:"endpoint"` // URL that receives Chat's events
	Commands       []chatpage.Command `json:"commands"`
	RedirectURIs   []string           `json:"redirectUris"`   // of its OAuth client
	SecurityEvents string             `json:"securityEvents"` // URL that receives security events; may be empty
}

// readApp reads an app's configuration from a JSON file and checks its fields.
func readApp(file string) (*app, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the -app flag names it
	if err != nil {
		return nil, fmt.Errorf("-app: %w", err)
	}
	var a app
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&a); err != nil {
		return nil, fmt.Errorf("-app %s: %w", file, err)
	}
	var errs []error
	if a.Name == "" {
		errs = append(errs, errors.New("name is missing"))
	}
	if !strings.HasPrefix(a.Endpoint, "http://") && !strings.HasPrefix(a.Endpoint, "https://") {
		errs = append(errs, errors.New("endpoint must be the URL for events, such as http://127.0.0.1:3000/"))
	}
	for _, c := range a.Commands {
		if c.ID == 0 || c.Name == "" {
			errs = append(errs, fmt.Errorf("a command needs an id and a name: id %d, name %q", c.ID, c.Name))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("-app %s: %w", file, err)
	}
	return &a, nil
}

// newPage returns the page that plays Chat, with the app's commands as in the console.
func (p *program) newPage(o options, reset func() error) *chatpage.Page {
	c := chatpage.Config{
		App: "Deputy", Endpoint: p.address + "/chatevent", Address: p.address, RejectMarkup: true,
		Google: p.google, Now: o.now, Format: o.format, Locale: o.locale, Transport: o.chatTransport,
		Log: p.logLines, SecurityEventsAddress: p.address + "/securityevent/", Reset: reset,
	}
	for _, command := range chatevent.ConsoleCommands() {
		c.Commands = append(c.Commands, chatpage.Command{
			ID: command.ID, Name: command.Name, Args: command.Args,
			Description: command.Description, Dialog: command.OpensDialog,
		})
	}
	if o.realGoogle == nil && o.app == nil {
		c.MoreAddress, c.More = callersPage, "Callers of the HTTP API"
	}
	if o.realGoogle != nil {
		c.SignInAddress, c.Notice = signInPath, "Connected to Google itself: what you do here happens in your account"
	}
	if a := o.app; a != nil {
		c.App, c.Endpoint, c.Commands = a.Name, a.Endpoint, a.Commands
		c.SecurityEventsAddress, c.RejectMarkup = a.SecurityEvents, false
	}
	return chatpage.New(c)
}
