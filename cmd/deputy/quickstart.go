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
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

const quickstartHelp = `Create a space as yourself, as in Google's guide "Authenticate and authorize as
a Google Chat user". Your browser opens, you allow access, and the new space is
printed.

Your consent is stored in your configuration directory, where only you can read
it. Later runs and deputy space use it again. To revoke it, use --forget.`

// quickstart holds the flags of the commands that act as the local person.
type quickstart struct {
	deps
	clientFile, name string
	port             int
	noBrowser        bool
	wait             time.Duration
}

func quickstartCommand(d deps) *cobra.Command {
	c := &cobra.Command{
		Use: "quickstart", Short: "Create a space as yourself, from this machine", Long: quickstartHelp,
		Args: exactArgs(0, "no arguments"),
	}
	q := &quickstart{deps: d}
	q.addFlags(c)
	c.Flags().StringVar(&q.name, "name", "API-made", "`name` of the space")
	forget := c.Flags().Bool("forget", false, "revoke the consent at Google, and delete it here")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if *forget {
			return q.forget(c.Context())
		}
		return q.create(c.Context(), spaces.Request{DisplayName: q.name})
	}
	return c
}

func (q *quickstart) addFlags(c *cobra.Command) {
	flags := c.PersistentFlags()
	flags.StringVar(&q.clientFile, "client-secrets", "", "`file` of the OAuth client; defaults to the last one used")
	flags.IntVar(&q.port, "port", 0, "loopback `port` that the browser returns to; defaults to a free one")
	flags.BoolVar(&q.noBrowser, "no-browser", false, "print the address of the consent page, and open no browser")
	flags.DurationVar(&q.wait, "wait", 5*time.Minute, "`duration` to wait for the consent")
}

// client reads the OAuth client's file, by default the file of the last run, and returns the file's absolute path.
func (q *quickstart) client(last credential) (googleauth.Client, string, error) {
	file := q.clientFile
	if file == "" {
		file = last.ClientFile
	}
	if file == "" {
		err := errors.New("no OAuth client; set --client-secrets client_secrets.json (to get the file, select" +
			" Google Auth Platform > Clients > Create client > Desktop app > Download JSON)")
		return googleauth.Client{}, "", &usageError{err}
	}
	text, err := os.ReadFile(file) //nolint:gosec // the person names it
	if err != nil {
		return googleauth.Client{}, "", fmt.Errorf("cannot read the OAuth client's file: %w", err)
	}
	client, err := googleauth.ParseAnyClient(config.NewSecret(text))
	if err != nil {
		return googleauth.Client{}, "", err
	}
	path, err := filepath.Abs(file)
	return client, path, err
}

// authorize returns the stored credential if it covers capabilities. Otherwise,
// or with renew, it asks for these and everything allowed before.
func (q *quickstart) authorize(
	ctx context.Context, renew bool, capabilities ...capability.Capability,
) (credential, googleauth.Client, error) {
	stored, ok, err := q.credentials().load()
	if err != nil {
		return credential{}, googleauth.Client{}, err
	}
	client, file, err := q.client(stored)
	if err != nil {
		return credential{}, client, err
	}
	ok = ok && stored.ClientID == client.ID // a refresh token works for its client only
	if ok && !renew && stored.covers(capabilities) {
		return stored, client, nil
	}
	hint := ""
	if ok {
		hint = stored.Email
		capabilities = append(capability.Allowed(stored.Scopes), capabilities...)
	}
	l := loopback{q.deps, client, q.port, !q.noBrowser, q.wait}
	c, err := l.authorize(ctx, hint, capabilities...)
	if err != nil {
		return credential{}, client, err
	}
	if stored.Person != "" && c.Person != stored.Person {
		return credential{}, client, fmt.Errorf("you allowed access as %s, but this machine acts as %s; nothing was"+
			" stored. Run the command again and choose %[2]s, or first run deputy quickstart --forget",
			c.Email, stored.Email)
	}
	c.ClientFile = file
	return c, client, q.credentials().save(c)
}

// covers reports whether the credential's scopes satisfy all capabilities.
func (c credential) covers(capabilities []capability.Capability) bool {
	satisfied := map[capability.Capability]bool{}
	for _, have := range capability.Allowed(c.Scopes) {
		satisfied[have] = true
	}
	for _, need := range capabilities {
		if !satisfied[need] {
			return false
		}
	}
	return true
}

// actAs calls do as the person. If do fails for lack of consent, it asks for consent and calls do once more.
func (q *quickstart) actAs(
	ctx context.Context, needed []capability.Capability, do func(s *spaces.Spaces, person string) error,
) error {
	for try := 0; ; try++ {
		c, client, err := q.authorize(ctx, try > 0, needed...)
		if err != nil {
			return err
		}
		if try == 0 {
			_, _ = fmt.Fprintf(q.err, "acting as %s\n", c.Email)
		}
		s, err := q.newSpaces(ctx, newDesktop(q.newProvider(client, ""), c, q.now))
		if err != nil {
			return err
		}
		err = do(s, c.Person)
		needs, ok := capability.AsConsentError(err)
		switch {
		case !ok:
			return err
		case try > 0:
			return fmt.Errorf("you have not allowed what this command needs: %w", needs)
		case needs.SignInRequired:
			_, _ = fmt.Fprintln(q.err, "Your organization requires you to sign in to Google again.")
		case needs.Ended:
			_, _ = fmt.Fprintln(q.err, "Google no longer accepts the consent that is stored here. Allow access again.")
		}
		needed = append(needed, needs.Missing...)
	}
}

// create creates a space and prints it.
func (q *quickstart) create(ctx context.Context, r spaces.Request) error {
	return q.actAs(ctx, r.Capabilities(), func(s *spaces.Spaces, person string) error {
		created, err := s.Create(ctx, resource.Person(person), q.requestKey(), r)
		if err != nil {
			return err
		}
		return q.printCreated(created)
	})
}

// requestKey returns an idempotency key for one run of the program.
func (d deps) requestKey() resource.Key { return resource.Key("desk " + d.now().String()) }

// spaceOutput is a space as it is printed, with the field names of the Chat API.
type spaceOutput struct {
	Name        string `json:"name"`
	DisplayName string `json:"displayName,omitempty"`
	SpaceURI    string `json:"spaceUri"`
}

func (q *quickstart) printCreated(s spaces.CreatedSpace) error {
	text, err := json.MarshalIndent(spaceOutput{string(s.Name), s.DisplayName, s.Address}, "", "  ")
	if err != nil {
		return fault.Wrap("deputy.quickstart", err)
	}
	_, _ = fmt.Fprintln(q.out, string(text))
	printRow(q.err, "created %s: %s", s.DisplayName, s.Address)
	for _, m := range s.LeftOut {
		printRow(q.err, "not added: %s", m.User)
	}
	return nil
}

// forget revokes the consent at Google, and then deletes the credential.
func (q *quickstart) forget(ctx context.Context) error {
	c, ok, err := q.credentials().load()
	if err != nil {
		return err
	}
	if !ok {
		_, _ = fmt.Fprintln(q.err, "no consent is stored on this machine")
		return nil
	}
	// Google needs only the token, so the client's file may be gone.
	if err := q.newProvider(googleauth.Client{}, "").Revoke(ctx, config.NewSecret(c.RefreshToken)); err != nil {
		return fmt.Errorf("cannot revoke the consent at Google, so it is still stored here; try again, or remove the"+
			" app at https://myaccount.google.com/permissions: %w", err)
	}
	if err := q.credentials().remove(); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(q.err, "Revoked the consent of %s for this machine and for every other client of the same"+
		" Google Cloud project, including a deployed Deputy.\n", c.Email)
	return nil
}
