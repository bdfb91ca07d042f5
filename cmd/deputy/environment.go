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

// environment looks at the functions' variables as they are here.
func (e *examination) environment(ctx context.Context, person string) {
	parts, err := e.open(ctx)
	if e.check("variables: keysets, client, addresses", err, "set each as docs/setup.md says; the sentence lists all that is wrong") {
		_, err = parts.Vault.Cursor(ctx)
		e.check("Firestore", err, "is there the database, and may this account read it (roles/datastore.user)?")
	}
	env := config.NewReader(e.lookup)
	env.ProjectNumber("CHAT_PROJECT_NUMBER")
	env.Address("CHAT_ENDPOINT_URL")
	e.check("variables of chatevent", env.Err(), "the project's number (not its id), and the address that the Chat API's configuration has, to the letter")
	env = config.NewReader(e.lookup)
	env.Required("API_AUDIENCE")
	account := env.ServiceAccount("DELEGATION_SERVICE_ACCOUNT")
	e.check("variables of createspace", env.Err(), "the audience that other systems ask their ID tokens for, and the account that delegates")
	env = config.NewReader(e.lookup)
	env.Contact("APP_CONTACT")
	e.check("variables of oauthcallback", env.Err(), "an address that people may write to")
	e.delegation(ctx, account, person)
}

// delegation checks whether tokens can be had for a person.
func (e *examination) delegation(ctx context.Context, account, person string) {
	const look = "delegation"
	switch {
	case person == "":
		return
	case account == "":
		e.wrong(look, "DELEGATION_SERVICE_ACCOUNT is not set", "set it on createspace, or do without delegation")
		return
	}
	err := e.mint(ctx, account, strings.ToLower(person), []string{capability.CreateSpaces.Scope()})
	do := "see docs/setup.md, Delegation"
	switch {
	case errors.Is(err, googleauth.ErrTokenCreator):
		do = "give roles/iam.serviceAccountTokenCreator on " + account + " to who runs createspace (and to yourself, for this look), and enable the IAM Service Account Credentials API"
	case errors.Is(err, googleauth.ErrNotDelegated), errors.Is(err, googleauth.ErrScopeNotListed):
		do = "a super administrator lists the unique id of " + account + " in the Admin console with the scopes of docs/setup.md; a change may take a day"
	case errors.Is(err, googleauth.ErrUnknownPerson):
		do = "it has to be the primary address of somebody in the organization"
	case fault.KindOf(err) == fault.Unavailable:
		do = "try again in a minute"
	}
	e.check(look+" for "+person, err, do)
}
