package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/vault"
)

const callersHelp = `Manage callers: the systems that may call Deputy, the actions they may run, and
the people they may act as.

All callers are in one YAML file without secrets. The functions can read it but
not write it: gs://PROJECT-deputy-callers/callers.yaml, or the location in
CALLERS. Keep the file in version control and use apply, or edit it with add,
remove and pause.

A caller is identified by its service account. Prefer --unique-id, because the
address of a deleted account can be reused. To find the ID, run:

  gcloud iam service-accounts describe ADDRESS --format="value(uniqueId)"

A change takes effect within a minute, and writes an audit line to the project's
log deputy-audit. You need write access to the bucket
(roles/storage.objectUser) and to that log (roles/logging.logWriter), and
application default credentials:

  gcloud auth application-default login`

func callersCommand(d deps) *cobra.Command {
	c := groupCommand("callers", "Manage the systems that may call Deputy", callersHelp)
	r := &callersFile{deps: d}
	r.addFlags(c)
	list := &cobra.Command{Use: "list", Short: "List all callers", Args: exactArgs(0, "no arguments")}
	list.RunE = func(c *cobra.Command, _ []string) error {
		all, err := r.load(c.Context())
		if err != nil {
			return err
		}
		return r.print(all.Callers, all.Paused)
	}
	c.AddCommand(list, addCommand(r), removeCommand(r), pauseCommand(r), applyCommand(r))
	return c
}

const addHelp = `Add a caller, or change one. Choose an ID, such as ci. The ID of a removed
caller cannot be used again. For an existing caller, repeatable flags add values
and other flags replace the value.`

func addCommand(r *callersFile) *cobra.Command {
	c := &cobra.Command{
		Use: "add ID", Short: "Add or change a caller", Long: addHelp, Args: exactArgs(1, "an ID for the caller"),
	}
	var in callers.Caller
	flags := c.Flags()
	flags.StringVar(&in.Email, "email", "", "`address` of the service account")
	flags.StringVar(&in.UniqueID, "unique-id", "", "numeric unique `id` of the service account")
	flags.StringVar(&in.Name, "name", "", "display `name` that people see")
	flags.StringSliceVar(&in.Actions, "action", nil, "`action` to allow, such as spaces.create; repeatable")
	flags.StringSliceVar(&in.People, "person", nil, "`person` to act as: users/{id} or email address; repeatable")
	flags.StringSliceVar(&in.Domains, "domain", nil, "`domain` whose people the caller may act as; repeatable")
	authorities := flags.StringSlice("authority", nil,
		"`authority` to allow: user, admin or delegation; repeatable; defaults to user")
	flags.StringSliceVar(&in.Administrators, "administrator", nil,
		"`address` of an administrator to act as by delegation; repeatable")
	flags.IntVar(&in.Rate, "rate", 0, "`requests` per minute and instance; 0 means 600")
	c.RunE = func(c *cobra.Command, args []string) error {
		id := args[0]
		after, err := r.edit(c.Context(), "callers.add "+id, func(d *callers.Draft, before *callers.Set) error {
			next, ok := before.Caller(id)
			if !ok && (in.Name == "" || in.Email == "" && in.UniqueID == "") {
				return &usageError{errors.New("a new caller requires --name, and --unique-id or --email")}
			}
			next.ID, next.Name = id, cmp.Or(in.Name, next.Name)
			next.Email, next.UniqueID = cmp.Or(in.Email, next.Email), cmp.Or(in.UniqueID, next.UniqueID)
			next.Actions, next.People = union(next.Actions, in.Actions), union(next.People, lowerAll(in.People))
			next.Domains = union(next.Domains, lowerAll(in.Domains))
			next.Administrators = union(next.Administrators, lowerAll(in.Administrators))
			for _, a := range *authorities {
				next.Authorities = union(next.Authorities, []vault.Authority{vault.Authority(a)})
			}
			if c.Flags().Changed("rate") {
				next.Rate = in.Rate
			}
			return d.Put(next)
		})
		if err != nil {
			return err
		}
		caller, _ := after.Caller(id)
		return r.print([]callers.Caller{caller}, after.Paused)
	}
	return c
}

const removeHelp = `Remove actions from a caller, or without --action, remove the caller. People's
approvals for it no longer count, and its ID cannot be used again. To stop a
caller temporarily, use deputy callers pause.`

func removeCommand(r *callersFile) *cobra.Command {
	c := &cobra.Command{
		Use: "remove ID", Short: "Remove a caller, or some of its actions", Long: removeHelp,
		Args: exactArgs(1, "the ID of a caller"),
	}
	actions := c.Flags().StringSlice("action", nil, "`action` to remove; repeatable")
	c.RunE = func(c *cobra.Command, args []string) error {
		id := args[0]
		after, err := r.edit(c.Context(), "callers.remove "+id, func(d *callers.Draft, before *callers.Set) error {
			next, ok := before.Caller(id)
			if !ok {
				return errNoCaller(id)
			}
			if len(*actions) == 0 {
				d.Remove(id)
				return nil
			}
			removed := func(action string) bool { return slices.Contains(*actions, action) }
			next.Actions = slices.DeleteFunc(slices.Clone(next.Actions), removed)
			return d.Put(next)
		})
		if err != nil {
			return err
		}
		if caller, ok := after.Caller(id); ok {
			return r.print([]callers.Caller{caller}, after.Paused)
		}
		_, _ = fmt.Fprintf(r.err, "removed %s; its requests are refused within a minute\n", id)
		return nil
	}
	return c
}

// allCallers is the argument of pause that means all callers.
const allCallers = "everything"

func pauseCommand(r *callersFile) *cobra.Command {
	c := &cobra.Command{
		Use: "pause ID|everything", Short: "Pause or resume one caller, or all callers",
		Args: exactArgs(1, "the ID of a caller, or everything"),
	}
	off := c.Flags().Bool("off", false, "resume instead of pausing")
	c.RunE = func(c *cobra.Command, args []string) error {
		id, paused := args[0], !*off
		act := fmt.Sprintf("callers.pause %s %t", id, paused)
		after, err := r.edit(c.Context(), act, func(d *callers.Draft, before *callers.Set) error {
			if id == allCallers {
				d.Pause(paused)
				return nil
			}
			next, ok := before.Caller(id)
			if !ok {
				return errNoCaller(id)
			}
			next.Paused = paused
			return d.Put(next)
		})
		if err != nil {
			return err
		}
		if id == allCallers {
			return r.print(nil, after.Paused)
		}
		caller, _ := after.Caller(id)
		return r.print([]callers.Caller{caller}, after.Paused)
	}
	return c
}

func errNoCaller(id string) error {
	return fmt.Errorf("no caller with the ID %s; to list all callers, run deputy callers list", id)
}

// print prints callers as JSON, or as one paragraph each.
func (r *callersFile) print(all []callers.Caller, paused bool) error {
	if r.asJSON {
		return r.printJSON(map[string]any{"paused": paused, "callers": append([]callers.Caller{}, all...)})
	}
	if paused {
		r.write("ALL CALLERS ARE PAUSED\n")
	}
	for _, c := range all {
		state := ""
		if c.Paused {
			state = "  PAUSED"
		}
		r.write(fmt.Sprintf("%s  %s%s\n", c.ID, c.Name, state))
		for _, line := range []struct{ label, text string }{
			{"account", strings.TrimSpace(c.Email + " " + c.UniqueID)},
			{"actions", strings.Join(c.Actions, ", ")},
			{"people", strings.Join(slices.Concat(c.People, c.Domains), ", ")},
			{"authority", strings.Trim(fmt.Sprint(c.Authorities), "[]")},
			{"admins", strings.Join(c.Administrators, ", ")},
		} {
			if line.text != "" {
				r.write(fmt.Sprintf("  %-9s %s\n", line.label, line.text))
			}
		}
	}
	return nil
}

func union[T cmp.Ordered](a, b []T) []T {
	out := slices.Concat(a, b)
	slices.Sort(out)
	return slices.Compact(out)
}

func lowerAll(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(strings.TrimSpace(s))
	}
	return out
}
