package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/production"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

const peopleHelp = `List people with a grant, and disconnect or erase them.

PERSON is users/{id}, or an email address in gmail.com or in the Workspace
domain of the account. Tokens are never shown.

The commands use the functions' variables in the environment, or with --project
and --region those of a deployment, which they read with gcloud. disconnect and
erase write an audit line to the project's log deputy-audit, which requires
roles/logging.logWriter.`

func peopleCommand(d deps) *cobra.Command {
	c := groupCommand("people", "List, show, disconnect and erase people", peopleHelp)
	v := d.addVariables(c)
	asJSON := c.PersistentFlags().Bool("json", false, "print JSON")
	type action func(context.Context, *grants.Grants, resource.Person) (any, error)
	onPerson := func(use, short string, audited bool, do action) *cobra.Command {
		c := &cobra.Command{Use: use + " PERSON", Short: short, Args: exactArgs(1, "users/{id} or an email address")}
		c.RunE = func(c *cobra.Command, args []string) error {
			parts, err := v.openParts(c.Context())
			if err != nil {
				return err
			}
			person, err := resolvePerson(c.Context(), parts.Grants, args[0])
			if err != nil {
				return err
			}
			result, err := do(c.Context(), parts.Grants, resource.Person(person))
			if err != nil {
				return err
			}
			if err = d.printResult(*asJSON, result); err == nil && audited {
				err = d.audit(c.Context(), v.projectID(), "people."+use+" "+person)
			}
			return err
		}
		return c
	}
	list := &cobra.Command{Use: "list", Short: "List all people with a grant", Args: exactArgs(0, "no arguments")}
	list.RunE = func(c *cobra.Command, _ []string) error {
		parts, err := v.openParts(c.Context())
		if err != nil {
			return err
		}
		return listPeople(c.Context(), d, parts.Vault, *asJSON)
	}
	show := func(ctx context.Context, gs *grants.Grants, person resource.Person) (any, error) {
		return gs.ExportPerson(ctx, person)
	}
	disconnect := func(ctx context.Context, gs *grants.Grants, person resource.Person) (any, error) {
		done, err := gs.Disconnect(ctx, person)
		return disconnectResult(done), err
	}
	erase := func(ctx context.Context, gs *grants.Grants, person resource.Person) (any, error) {
		done, err := gs.Erase(ctx, person)
		out := disconnectResult(done)
		out["erased"] = "grant, tokens, approvals, activity, stored results"
		out["left"] = "log entries, until the log bucket's retention ends; backups, until they expire"
		if done.Outcome == grants.RevokeLater {
			out["left"] = fmt.Sprint("one sealed token, until the sweep revokes it within a week; ", out["left"])
		}
		return out, err
	}
	all := &cobra.Command{
		Use: "disconnect-all", Short: "Disconnect everybody, before Deputy is removed",
		Args: exactArgs(0, "no arguments"),
	}
	all.RunE = func(c *cobra.Command, _ []string) error {
		parts, err := v.openParts(c.Context())
		if err != nil {
			return err
		}
		return disconnectAll(c.Context(), d, parts)
	}
	c.AddCommand(
		list, all,
		onPerson("show", "Show everything that is stored about a person, except tokens", false, show),
		onPerson("disconnect", "Disconnect a person, as /disconnect does", true, disconnect),
		onPerson("erase", "Disconnect a person and erase everything that is stored about them", true, erase),
	)
	return c
}

var personID = regexp.MustCompile(`^users/[0-9]{1,30}$`)

// resolvePerson returns users/{id} for a person's ID or email address.
func resolvePerson(ctx context.Context, gs *grants.Grants, arg string) (string, error) {
	switch {
	case personID.MatchString(arg):
		return arg, nil
	case strings.Contains(arg, "@"):
		person, err := gs.FindByEmail(ctx, strings.ToLower(arg))
		if err != nil && fault.KindOf(err) == fault.NotFound {
			return "", fmt.Errorf("no person is connected with the address %s; addresses can change, so check"+
				" deputy people list", arg)
		}
		return string(person), err
	default:
		return "", &usageError{fmt.Errorf("%q is neither users/{id} nor an email address", arg)}
	}
}

func disconnectResult(done grants.Disconnection) map[string]any {
	return map[string]any{"outcome": string(done.Outcome), "withdrawn": done.Withdrawn, "unfinished": done.Incomplete}
}

// disconnectAll disconnects everybody. It goes on after an error, and returns one if anybody is left, or a token that
// Google has not revoked: nothing would do that after Deputy is removed.
func disconnectAll(ctx context.Context, d deps, parts *production.Parts) error {
	const pageSize = 200
	for after, n := "", pageSize; n == pageSize; {
		page, err := parts.Vault.Grants(ctx, after, pageSize)
		if err != nil {
			return err
		}
		for _, g := range page {
			done, err := parts.Grants.Disconnect(ctx, g.Person)
			if err != nil {
				printRow(d.err, "%-28s %v", g.Person, err)
				continue
			}
			printRow(d.out, "%-28s %s", g.Person, done.Outcome)
		}
		if n = len(page); n > 0 {
			after = strings.TrimPrefix(string(page[n-1].Person), "users/")
		}
	}
	if _, err := parts.Grants.Sweep(ctx, d.now().Add(10*time.Minute), 0); err != nil { // retries revocations
		return err
	}
	left, err := parts.Vault.Grants(ctx, "", 1)
	if err != nil {
		return err
	}
	pending, err := parts.Vault.Revocations(ctx, "", 1)
	if err == nil && len(left)+len(pending) > 0 {
		err = errors.New("not everybody is disconnected at Google yet; run the command again")
	}
	return err
}

// listedPerson is an entry of people list.
type listedPerson struct {
	Person    string    `json:"person"`
	Email     string    `json:"email,omitempty"`
	Domain    string    `json:"domain,omitempty"`
	Status    string    `json:"status"`
	Connected time.Time `json:"connected"`
	LastUsed  time.Time `json:"lastUsedDay"`
}

func listPeople(ctx context.Context, d deps, v *vault.Vault, asJSON bool) error {
	const pageSize = 200
	if asJSON {
		_, _ = fmt.Fprint(d.out, "[")
	}
	separator := ""
	for after, n := "", pageSize; n == pageSize; {
		page, err := v.Grants(ctx, after, pageSize)
		if err != nil {
			return err
		}
		for _, g := range page {
			p := newListedPerson(g)
			if !asJSON {
				day := p.LastUsed.Format(time.DateOnly)
				printRow(d.out, "%-28s %-13s %s  %s", p.Person, p.Status, day, p.Email)
				continue
			}
			text, err := json.Marshal(p)
			if err != nil {
				return fault.Wrap("deputy.people", err)
			}
			_, _ = fmt.Fprintf(d.out, "%s\n%s", separator, text)
			separator = ","
		}
		if n = len(page); n > 0 {
			after = strings.TrimPrefix(string(page[n-1].Person), "users/")
		}
	}
	if asJSON {
		_, _ = fmt.Fprintln(d.out, "\n]")
	}
	return nil
}

func newListedPerson(g vault.ListedGrant) listedPerson {
	status := string(g.Status)
	if g.Err != nil {
		status = "unopened"
	}
	return listedPerson{string(g.Person), g.Email.Reveal(), g.Domain, status, g.ConnectedAt, g.LastUsedDay}
}
