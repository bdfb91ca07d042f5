package main

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

const callersHelp = `Say which other systems may call Deputy, for what, and as whom.

A system is named by the unique id of its service account:

  gcloud iam service-accounts describe ADDRESS --format="value(uniqueId)"

What allow names is added to what the system may already. A change acts within a
minute. It needs the right to write Firestore (roles/datastore.user), and
application default credentials: gcloud auth application-default login`

// records are the flags that say where callers and templates are stored.
type records struct {
	outside
	project, database string
	asJSON            bool
}

func (r *records) flags(c *cobra.Command) {
	project, _ := r.lookup("GOOGLE_CLOUD_PROJECT")
	c.PersistentFlags().StringVar(&r.project, "project", project, "`project` of the deployment (GOOGLE_CLOUD_PROJECT)")
	c.PersistentFlags().StringVar(&r.database, "database", "(default)", "`name` of its Firestore database")
	c.PersistentFlags().BoolVar(&r.asJSON, "json", false, "print JSON")
}

func (r *records) vault(ctx context.Context) (*vault.Vault, error) {
	if r.project == "" {
		return nil, &usageError{errors.New("say which project: --project")}
	}
	return r.records(ctx, r.project, r.database)
}

// callersCommand is deputy callers.
func callersCommand(o outside) *cobra.Command {
	c := &cobra.Command{Use: "callers", Short: "Say which other systems may do what, as whom", Long: callersHelp, Args: exactly(0, "one of its commands")}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	r := &records{outside: o}
	r.flags(c)
	list := &cobra.Command{Use: "list", Short: "List all", Args: exactly(0, "no arguments"), RunE: func(c *cobra.Command, _ []string) error { return r.list(c.Context()) }}
	c.AddCommand(list, allowCommand(r), denyCommand(r), pauseCommand(r))
	return c
}

// grantFlags are what a record can name.
type grantFlags struct {
	email, name                                              string
	operations, people, domains, authorities, administrators []string
	rate                                                     int64
}

func allowCommand(r *records) *cobra.Command {
	c := &cobra.Command{Use: "allow ID", Short: "Let a system do something", Args: exactly(1, "the unique id of a service account")}
	var g grantFlags
	c.Flags().StringVar(&g.email, "email", "", "`address` of the service account")
	c.Flags().StringVar(&g.name, "name", "", "`name` by which people know the system")
	c.Flags().StringSliceVar(&g.operations, "operation", nil, "`right` of docs/api.md, such as spaces.create; may be repeated")
	c.Flags().StringSliceVar(&g.people, "person", nil, "users/{id} or `address` as whom it may act; may be repeated")
	c.Flags().StringSliceVar(&g.domains, "domain", nil, "`domain` for all of whose people it may act; may be repeated")
	c.Flags().StringSliceVar(&g.authorities, "authority", nil, "user, admin or delegation (a `word`); without any, user")
	c.Flags().StringSliceVar(&g.administrators, "administrator", nil, "`address` of an administrator as whom it may act by delegation; may be repeated")
	c.Flags().Int64Var(&g.rate, "rate", 0, "`requests` in a minute for each instance; 0 is 600")
	c.RunE = func(c *cobra.Command, args []string) error {
		if err := g.check(args[0]); err != nil {
			return &usageError{err}
		}
		return r.edit(c.Context(), args[0], func(there *vault.Caller) error {
			there.Email, there.Name = firstOf(strings.ToLower(g.email), there.Email), firstOf(g.name, there.Name)
			there.Operations = union(there.Operations, g.operations)
			there.People, there.Domains = union(there.People, lower(g.people)), union(there.Domains, lower(g.domains))
			there.Administrators = union(there.Administrators, lower(g.administrators))
			there.Authorities = union(there.Authorities, g.authorities)
			if len(there.Authorities) == 0 {
				there.Authorities = []string{callers.ByUser}
			}
			if c.Flags().Changed("rate") {
				there.Rate = g.rate
			}
			if there.Email == "" || there.Name == "" {
				return &usageError{errors.New("a new system needs --email and --name: people read the name when they are asked")}
			}
			return nil
		})
	}
	return c
}

var uniqueID = regexp.MustCompile(`^[0-9]{15,25}$`)

// check finds what no caller could ever use.
func (g grantFlags) check(id string) error {
	if !uniqueID.MatchString(id) {
		return errors.New("a system is named by the unique id of its service account, a long number, not by its address; see deputy callers --help")
	}
	for _, word := range g.operations {
		if !slices.Contains(callers.Operations(), word) {
			return fmt.Errorf("there is no right %q; there are %s", word, strings.Join(callers.Operations(), ", "))
		}
	}
	for _, word := range g.authorities {
		if !slices.Contains(callers.Authorities(), word) {
			return fmt.Errorf("there is no authority %q; there are %s", word, strings.Join(callers.Authorities(), ", "))
		}
	}
	for _, address := range slices.Concat(g.administrators, g.people) {
		if _, err := mail.ParseAddress(address); err != nil && !strings.HasPrefix(address, "users/") {
			return fmt.Errorf("%q is neither users/{id} nor an e-mail address", address)
		}
	}
	if g.rate < 0 {
		return errors.New("--rate cannot be less than 0")
	}
	return nil
}

func denyCommand(r *records) *cobra.Command {
	c := &cobra.Command{
		Use: "deny ID", Short: "Take rights from a system, or its whole record", Args: exactly(1, "the unique id of a service account"),
		Long: "Take the rights that --operation names from a system; without any, its whole\nrecord, and with it all rights. What people have approved stays theirs, and counts\nfor nothing without a record. To stop it for a while: deputy callers pause.",
	}
	operations := c.Flags().StringSlice("operation", nil, "`right` to take; may be repeated; without any, all")
	c.RunE = func(c *cobra.Command, args []string) error {
		v, err := r.vault(c.Context())
		if err != nil {
			return err
		}
		if len(*operations) == 0 {
			err := noRecord(v.DeleteCaller(c.Context(), args[0]), args[0])
			if err == nil {
				_, _ = fmt.Fprintln(r.err, "the record is gone; the system is refused within a minute")
			}
			return err
		}
		if _, err := v.Caller(c.Context(), args[0]); err != nil { // nothing is made by denying
			return noRecord(err, args[0])
		}
		return r.edit(c.Context(), args[0], func(there *vault.Caller) error {
			there.Operations = slices.DeleteFunc(there.Operations, func(o string) bool { return slices.Contains(*operations, o) })
			return nil
		})
	}
	return c
}

func pauseCommand(r *records) *cobra.Command {
	c := &cobra.Command{
		Use: "pause ID|everything", Short: "Stop a system, or all of them, until further notice", Args: exactly(1, "the unique id of a service account, or everything"),
	}
	off := c.Flags().Bool("off", false, "let it go on")
	c.RunE = func(c *cobra.Command, args []string) error {
		v, err := r.vault(c.Context())
		if err != nil {
			return err
		}
		if args[0] != callers.Everything {
			if _, err := v.Caller(c.Context(), args[0]); err != nil {
				return noRecord(err, args[0])
			}
		}
		return r.edit(c.Context(), args[0], func(there *vault.Caller) error {
			there.Paused = !*off
			return nil
		})
	}
	return c
}

// noRecord says that somebody is not known.
func noRecord(err error, id string) error {
	if err != nil && fault.KindOf(err) == fault.NotFound {
		return fmt.Errorf("there is no record of %s; deputy callers list shows all", id)
	}
	return err
}

// edit changes a record and shows it.
func (r *records) edit(ctx context.Context, id string, change func(*vault.Caller) error) error {
	v, err := r.vault(ctx)
	if err != nil {
		return err
	}
	now, err := v.EditCaller(ctx, id, change)
	if err != nil {
		return err
	}
	return r.showCallers([]vault.Caller{now})
}

func (r *records) list(ctx context.Context) error {
	v, err := r.vault(ctx)
	if err != nil {
		return err
	}
	all := []vault.Caller{}
	for after, page := "", 200; page == 200; {
		some, err := v.Callers(ctx, after, page)
		if err != nil {
			return err
		}
		all = append(all, some...)
		if page = len(some); page > 0 {
			after = some[page-1].ID
		}
	}
	return r.showCallers(all)
}

// showCallers prints records: as JSON, or a paragraph each.
func (r *records) showCallers(all []vault.Caller) error {
	if r.asJSON {
		return printJSON(r.outside, all)
	}
	for _, c := range all {
		state := ""
		if c.Paused {
			state = "  PAUSED"
		}
		_, _ = fmt.Fprintf(r.out, "%s  %s%s\n", c.ID, firstOf(c.Name, "-"), state)
		for _, line := range []struct {
			name string
			text string
		}{
			{"account", c.Email},
			{"may", strings.Join(c.Operations, ", ")},
			{"as", strings.Join(slices.Concat(c.People, c.Domains), ", ")},
			{"by", strings.Join(c.Authorities, ", ")},
			{"admins", strings.Join(c.Administrators, ", ")},
		} {
			if line.text != "" {
				r.write(fmt.Sprintf("  %-8s %s\n", line.name, line.text))
			}
		}
	}
	return nil
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w != "" {
			return w
		}
	}
	return ""
}

func union(a, b []string) []string {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

func lower(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(strings.TrimSpace(s))
	}
	return out
}
