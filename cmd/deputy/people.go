package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

const peopleHelp = `Look at who is connected, and end what has to end.

A person is users/{id}, or an e-mail address of gmail.com or of their account's
own Workspace domain. No token is ever shown. It reads the functions' variables
from the environment. disconnect and purge also write an audit line to the log
deputy-audit of the project (roles/logging.logWriter).`

// peopleCommand is deputy people.
func peopleCommand(o outside) *cobra.Command {
	c := &cobra.Command{Use: "people", Short: "Look at who is connected, and end what has to end", Long: peopleHelp, Args: exactly(0, "one of its commands")}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	asJSON := c.PersistentFlags().Bool("json", false, "print JSON")
	// does makes a command about one person.
	does := func(use, short string, changes bool, do func(context.Context, *grants.Grants, string) (any, error)) *cobra.Command {
		return &cobra.Command{Use: use + " PERSON", Short: short, Args: exactly(1, "users/{id} or an e-mail address"), RunE: func(c *cobra.Command, args []string) error {
			parts, err := o.open(c.Context())
			if err != nil {
				return err
			}
			person, err := personOf(c.Context(), parts.Grants, args[0])
			if err != nil {
				return err
			}
			result, err := do(c.Context(), parts.Grants, person)
			if err != nil {
				return err
			}
			if err = show(o, *asJSON, result); err == nil && changes {
				project, _ := o.lookup("GOOGLE_CLOUD_PROJECT")
				err = o.audit(c.Context(), project, "people."+use+" "+person)
			}
			return err
		}}
	}
	list := &cobra.Command{Use: "list", Short: "List all people with a grant", Args: exactly(0, "no arguments")}
	list.RunE = func(c *cobra.Command, _ []string) error {
		parts, err := o.open(c.Context())
		if err != nil {
			return err
		}
		return listPeople(c.Context(), o, parts.Vault, *asJSON)
	}
	c.AddCommand(
		list,
		does("show", "Show all that is held about a person, but the tokens", false, func(ctx context.Context, a *grants.Grants, person string) (any, error) {
			return a.ExportPerson(ctx, resource.Person(person))
		}),
		does("disconnect", "End a person's connection, as /disconnect does", true, func(ctx context.Context, a *grants.Grants, person string) (any, error) {
			done, err := a.Disconnect(ctx, resource.Person(person))
			return disconnection(done), err
		}),
		does("purge", "End a person's connection, and erase all that is held about them", true, func(ctx context.Context, a *grants.Grants, person string) (any, error) {
			done, err := a.Erase(ctx, resource.Person(person))
			out := disconnection(done)
			out["erased"] = "connection, tokens, approvals, activity, stored answers"
			out["left"] = "lines of the log, until its bucket forgets them; backups, until they end"
			if done.Outcome == grants.RevokeLater {
				out["left"] = "one sealed token, which the sweep revokes and erases within a week; " + fmt.Sprint(out["left"])
			}
			return out, err
		}),
	)
	return c
}

var personID = regexp.MustCompile(`^users/[0-9]{1,30}$`)

// personOf is users/{id} of who was named.
func personOf(ctx context.Context, gs *grants.Grants, named string) (string, error) {
	switch {
	case personID.MatchString(named):
		return named, nil
	case strings.Contains(named, "@"):
		person, err := gs.FindByEmail(ctx, strings.ToLower(named))
		if err != nil && fault.KindOf(err) == fault.NotFound {
			return "", fmt.Errorf("nobody has connected with the address %s; people may have changed theirs: deputy people list", named)
		}
		return string(person), err
	default:
		return "", &usageError{fmt.Errorf("%q is neither users/{id} nor an e-mail address", named)}
	}
}

func disconnection(done grants.Disconnection) map[string]any {
	return map[string]any{"outcome": done.Outcome.String(), "withdrawn": done.Withdrawn, "unfinished": done.Incomplete}
}

// listed is a person in the list.
type listed struct {
	Person    string    `json:"person"`
	Email     string    `json:"email,omitempty"`
	Domain    string    `json:"domain,omitempty"`
	Status    string    `json:"status"`
	Connected time.Time `json:"connected"`
	LastUsed  time.Time `json:"lastUsedDay"`
}

func listPeople(ctx context.Context, o outside, v *vault.Vault, asJSON bool) error {
	const page = 200
	if asJSON {
		_, _ = fmt.Fprint(o.out, "[")
	}
	separator := ""
	for after, n := "", page; n == page; {
		connected, err := v.Grants(ctx, after, page)
		if err != nil {
			return err
		}
		for _, g := range connected {
			one := toList(g)
			if !asJSON {
				_, _ = fmt.Fprintf(o.out, "%-28s %-13s %s  %s\n", one.Person, one.Status, one.LastUsed.Format(time.DateOnly), one.Email)
				continue
			}
			text, err := json.Marshal(one)
			if err != nil {
				return fault.Wrap("deputy.people", err)
			}
			_, _ = fmt.Fprintf(o.out, "%s\n%s", separator, text)
			separator = ","
		}
		if n = len(connected); n > 0 {
			after = strings.TrimPrefix(string(connected[n-1].Person), "users/")
		}
	}
	if asJSON {
		_, _ = fmt.Fprintln(o.out, "\n]")
	}
	return nil
}

func toList(g vault.ListedGrant) listed {
	status := string(g.Status)
	if g.Err != nil {
		status = "unopened"
	}
	return listed{string(g.Person), g.Email.Reveal(), g.Domain, status, g.Connected, g.LastUsedDay}
}
