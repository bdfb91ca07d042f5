package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

const quickstartHelp = `Create a space as yourself, as in Google's guide "Authenticate and authorize as
a Google Chat user": your browser opens, you allow it, the space is printed.

The consent is kept in your configuration folder, for you alone, and used again
the next time, also by deputy space. --forget ends it.`

// quickstart is what its flags say.
type quickstart struct {
	outside
	clientFile, name string
	port             int
	noBrowser        bool
	wait             time.Duration
}

// quickstartCommand is deputy quickstart.
func quickstartCommand(o outside) *cobra.Command {
	c := &cobra.Command{Use: "quickstart", Short: "Create a space as yourself, from this machine", Long: quickstartHelp, Args: exactly(0, "no arguments")}
	q := &quickstart{outside: o}
	q.flags(c)
	c.Flags().StringVar(&q.name, "name", "API-made", "`name` of the space")
	forget := c.Flags().Bool("forget", false, "end the consent at Google, and forget it")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *forget {
			return q.forget(c.Context())
		}
		return q.create(c.Context(), spaces.Request{DisplayName: q.name})
	}
	return c
}

// flags are those of every command that acts as the person in front.
func (q *quickstart) flags(c *cobra.Command) {
	c.PersistentFlags().StringVar(&q.clientFile, "client-secrets", "", "`file` of the OAuth client, from the console; without it, the one of the last time")
	c.PersistentFlags().IntVar(&q.port, "port", 0, "loopback `port` for the way back from the consent; without it, a free one")
	c.PersistentFlags().BoolVar(&q.noBrowser, "no-browser", false, "print the address of the consent, and open nothing")
	c.PersistentFlags().DurationVar(&q.wait, "wait", 5*time.Minute, "wait for the consent for this `time`")
}

// client reads the client's file, or the one of the last time.
func (q *quickstart) client(last credential) (googleauth.Client, string, error) {
	file := q.clientFile
	if file == "" {
		file = last.ClientFile
	}
	if file == "" {
		return googleauth.Client{}, "", &usageError{errors.New("say where the OAuth client's file is: --client-secrets client_secrets.json (console > Google Auth Platform > Clients > Create client > Desktop app > Download JSON)")}
	}
	text, err := os.ReadFile(file) //nolint:gosec // the person names it
	if err != nil {
		return googleauth.Client{}, "", fmt.Errorf("the OAuth client's file cannot be read: %w", err)
	}
	client, err := googleauth.ParseAnyClient(config.NewSecret(text))
	if err != nil {
		return googleauth.Client{}, "", err
	}
	whole, err := filepath.Abs(file)
	return client, whole, err
}

// consented is the credential for capabilities: the one there is, or a new one
// for these and for what was allowed before.
func (q *quickstart) consented(ctx context.Context, anew bool, capabilities ...capability.Capability) (credential, googleauth.Client, error) {
	there, ok, err := q.drawer().read()
	if err != nil {
		return credential{}, googleauth.Client{}, err
	}
	client, file, err := q.client(there)
	if err != nil {
		return credential{}, client, err
	}
	ok = ok && there.ClientID == client.ID // another client's tokens are no good
	if ok && !anew && allows(there, capabilities) {
		return there, client, nil
	}
	hint := ""
	if ok {
		hint = there.Email
		capabilities = append(capability.Allowed(there.Scopes), capabilities...)
	}
	l := loopback{q.outside, client, q.port, !q.noBrowser, q.wait}
	got, err := l.ask(ctx, hint, capabilities...)
	if err != nil {
		return credential{}, client, err
	}
	got.ClientFile = file
	return got, client, q.drawer().write(got)
}

func allows(c credential, capabilities []capability.Capability) bool {
	have := map[capability.Capability]bool{}
	for _, one := range capability.Allowed(c.Scopes) {
		have[one] = true
	}
	for _, one := range capabilities {
		if !have[one] {
			return false
		}
	}
	return true
}

// as does something as the person, and asks for consent when that is lacking,
// once.
func (q *quickstart) as(ctx context.Context, needed []capability.Capability, do func(s *spaces.Spaces, person string) error) error {
	for try := 0; ; try++ {
		c, client, err := q.consented(ctx, try > 0, needed...)
		if err != nil {
			return err
		}
		s, err := q.spaces(ctx, grants.NewDesktop(q.provider(client, ""), c.held(), q.now))
		if err != nil {
			return err
		}
		err = do(s, c.Person)
		lacks, consent := capability.AsConsentError(err)
		switch {
		case !consent:
			return err
		case try > 0:
			return fmt.Errorf("you have not allowed what this needs: %w", lacks)
		case lacks.Ended:
			_, _ = fmt.Fprintln(q.err, "Google has ended the consent that was kept here: once more, please.")
		}
		needed = append(needed, lacks.Missing...)
	}
}

// create makes a space and prints it.
func (q *quickstart) create(ctx context.Context, r spaces.Request) error {
	return q.as(ctx, r.Capabilities(), func(s *spaces.Spaces, person string) error {
		made, err := s.Create(ctx, resource.Person(person), resource.Key("desk "+time.Now().String()), r)
		if err != nil {
			return err
		}
		return q.made(made)
	})
}

// printed is a space as programs read it, by the API's own names.
type printed struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName,omitempty"`
	SpaceURI    string `json:"spaceUri"`
}

func (q *quickstart) made(made spaces.CreatedSpace) error {
	text, err := json.MarshalIndent(printed{string(made.Name), made.DisplayName, made.Address}, "", "  ")
	if err != nil {
		return fault.Wrap("deputy.quickstart", err)
	}
	_, _ = fmt.Fprintln(q.out, string(text))
	_, _ = fmt.Fprintf(q.err, "%s is yours: %s\n", made.DisplayName, made.Address)
	for _, m := range made.LeftOut {
		_, _ = fmt.Fprintf(q.err, "not added: %s\n", m.User)
	}
	return nil
}

// forget ends the consent at Google, and then here.
func (q *quickstart) forget(ctx context.Context) error {
	c, ok, err := q.drawer().read()
	if err != nil {
		return err
	}
	if !ok {
		_, _ = fmt.Fprintln(q.err, "there is no consent on this machine")
		return nil
	}
	client, _, err := q.client(c)
	if err == nil {
		err = q.provider(client, "").Revoke(ctx, config.NewSecret(c.RefreshToken))
	}
	if err != nil {
		return fmt.Errorf("google could not be asked to end it, so it is still kept here; try again, or remove the app at https://myaccount.google.com/permissions: %w", err)
	}
	if err := q.drawer().remove(); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(q.err, "The consent of %s has ended: for this machine, and for every other client of the same Google Cloud project, a deployed Deputy included.\n", c.Email)
	return nil
}
