package main

import (
	"context"
	"errors"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
)

// checkEnvironment checks the functions' variables in this environment.
func (d *doctor) checkEnvironment(ctx context.Context, person string) {
	parts, err := d.open(ctx, d.lookupEnv)
	if d.check("variables: keysets, client, addresses", err,
		"set each variable as docs/setup.md describes; the message lists every problem") {
		err = parts.Vault.Ping(ctx)
		d.check("Firestore", err,
			"check that the database exists and that this account can read it (roles/datastore.user)")
	}
	env := config.NewReader(d.lookupEnv)
	env.ProjectNumber("CHAT_PROJECT_NUMBER")
	env.Address("CHAT_ENDPOINT_URL")
	d.check("variables of chatevent", env.Err(),
		"set the project's number (not its ID), and exactly the endpoint URL of the Chat API configuration")
	env = config.NewReader(d.lookupEnv)
	env.Addresses("API_AUDIENCE")
	account := env.ServiceAccount("DELEGATION_SERVICE_ACCOUNT")
	d.check("variables of createspace", env.Err(),
		"set the audience of the callers' ID tokens, and the service account that has delegation")
	env = config.NewReader(d.lookupEnv)
	env.Contact("APP_CONTACT")
	d.check("variables of oauthcallback", env.Err(), "set an address that people can write to")
	d.checkDelegation(ctx, account, person)
}

// checkDelegation checks whether delegation gives tokens for a person.
func (d *doctor) checkDelegation(ctx context.Context, account, person string) {
	const check = "delegation"
	switch {
	case person == "":
		return
	case account == "":
		d.fault(check, "DELEGATION_SERVICE_ACCOUNT is not set", "set it on createspace if you use delegation")
		return
	}
	err := d.tryDelegation(ctx, account, strings.ToLower(person), []string{capability.CreateSpaces.Scope()})
	fix := "see docs/setup.md, Delegation"
	switch {
	case errors.Is(err, googleauth.ErrTokenCreator):
		fix = "grant roles/iam.serviceAccountTokenCreator on " + account + " to the account that runs createspace" +
			" (and to yourself, for this check), and enable the IAM Service Account Credentials API"
	case errors.Is(err, googleauth.ErrNotDelegated), errors.Is(err, googleauth.ErrScopeNotListed):
		fix = "ask a super administrator to list the unique ID of " + account + " in the Admin console with the" +
			" scopes in docs/setup.md; a change can take a day"
	case errors.Is(err, googleauth.ErrUnknownPerson):
		fix = "use the primary address of a person in the organization"
	case fault.KindOf(err) == fault.Unavailable:
		fix = "try again in a minute"
	}
	d.check(check+" for "+person, err, fix)
}
