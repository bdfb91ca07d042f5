package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
)

const callersHelp = `Say which other systems may call Deputy, for what, and as whom.

All of it is one YAML file without secrets, which the functions read and cannot
write: gs://PROJECT-deputy-callers/callers.yaml, or what CALLERS names. Keep it
in version control and use apply, or let add, remove and pause edit it.

A system is named by its service account. The unique id is the safer name, since
the address of a deleted account can be made again:

  gcloud iam service-accounts describe ADDRESS --format="value(uniqueId)"

A change counts within a minute, and writes an audit line to the log deputy-audit
of the project. It needs the right to write the bucket
(roles/storage.objectUser) and that log (roles/logging.logWriter), and
application default credentials:

  gcloud auth application-default login`

// changeTries is how often an edit is made again when somebody else was faster.
const changeTries = 3

// callersFile is what the commands about the file of callers share.
type callersFile struct {
	outside
	project, location string
	asJSON            bool
}

func (r *callersFile) flags(c *cobra.Command) {
	project, _ := r.lookup("GOOGLE_CLOUD_PROJECT")
	location, _ := r.lookup("CALLERS")
	c.PersistentFlags().StringVar(&r.project, "project", project, "`project` of the deployment (GOOGLE_CLOUD_PROJECT)")
	c.PersistentFlags().StringVar(&r.location, "callers", location, "`place` of the file (CALLERS); without it, the project's bucket")
	c.PersistentFlags().BoolVar(&r.asJSON, "json", false, "print JSON")
}

func (r *callersFile) open(ctx context.Context) (callers.Store, error) {
	location := r.location
	if location == "" && r.project != "" {
		location = "gs://" + r.project + "-deputy-callers/callers.yaml"
	}
	if location == "" {
		return nil, &usageError{errors.New("say which project: --project")}
	}
	if err := callers.CheckLocation(location); err != nil {
		return nil, &usageError{fmt.Errorf("--callers %w", err)}
	}
	return r.store(ctx, location)
}

// read is the file as it is now; an absent one is empty.
func (r *callersFile) read(ctx context.Context) (store callers.Store, text []byte, version string, err error) {
	if store, err = r.open(ctx); err != nil {
		return nil, nil, "", err
	}
	text, version, err = store.Read(ctx)
	if err != nil && fault.KindOf(err) == fault.NotFound {
		err = nil
	}
	return store, text, version, err
}

// edit changes the file, also when somebody else changes it at the same time.
func (r *callersFile) edit(ctx context.Context, what string, change func(*callers.Draft, *callers.Set) error) (*callers.Set, error) {
	for try := 1; ; try++ {
		store, text, version, err := r.read(ctx)
		if err != nil {
			return nil, err
		}
		before, err := callers.Parse(text)
		if err != nil {
			return nil, err
		}
		next, err := callers.Edit(text, func(d *callers.Draft) error { return change(d, before) })
		if err != nil {
			return nil, err
		}
		err = store.Write(ctx, next, version)
		if err == nil {
			after, _ := callers.Parse(next) // Edit has parsed it
			return after, r.audit(ctx, r.project, what)
		}
		if fault.KindOf(err) != fault.Conflict || try == changeTries {
			return nil, err
		}
	}
}

// callersCommand is deputy callers.
func callersCommand(o outside) *cobra.Command {
	c := &cobra.Command{Use: "callers", Short: "Say which other systems may do what, as whom", Long: callersHelp, Args: exactly(0, "one of its commands")}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	r := &callersFile{outside: o}
	r.flags(c)
	list := &cobra.Command{Use: "list", Short: "List all", Args: exactly(0, "no arguments"), RunE: func(c *cobra.Command, _ []string) error {
		_, text, _, err := r.read(c.Context())
		if err != nil {
			return err
		}
		all, err := callers.Parse(text)
		if err != nil {
			return err
		}
		return r.show(all.Callers, all.Paused)
	}}
	c.AddCommand(list, addCommand(r), removeCommand(r), pauseCommand(r), applyCommand(r))
	return c
}

func addCommand(r *callersFile) *cobra.Command {
	c := &cobra.Command{
		Use: "add ID", Short: "Let a system do something", Args: exactly(1, "an id of your choice for the system"),
		Long: "Let a system do something. ID is yours to choose, such as ci, and is never used\nagain for another system. Of a system that is there already, add changes what the\nflags name, and adds to the lists.",
	}
	var g callers.Caller
	c.Flags().StringVar(&g.Email, "email", "", "`address` of the service account")
	c.Flags().StringVar(&g.UniqueID, "unique-id", "", "unique `id` of the service account, a long number")
	c.Flags().StringVar(&g.Name, "name", "", "`name` by which people know the system")
	c.Flags().StringSliceVar(&g.Actions, "action", nil, "`action` of docs/api.md, such as spaces.create; may be repeated")
	c.Flags().StringSliceVar(&g.People, "person", nil, "users/{id} or `address` as whom it may act; may be repeated")
	c.Flags().StringSliceVar(&g.Domains, "domain", nil, "`domain` for all of whose people it may act; may be repeated")
	authorities := c.Flags().StringSlice("authority", nil, "user, admin or delegation (a `word`); without any, user")
	c.Flags().StringSliceVar(&g.Administrators, "administrator", nil, "`address` of an administrator as whom it may act by delegation; may be repeated")
	c.Flags().IntVar(&g.Rate, "rate", 0, "`requests` in a minute for each instance; 0 is 600")
	c.RunE = func(c *cobra.Command, args []string) error {
		id := args[0]
		after, err := r.edit(c.Context(), "callers.add "+id, func(d *callers.Draft, before *callers.Set) error {
			next, there := before.Caller(id)
			if !there && (g.Name == "" || g.Email == "" && g.UniqueID == "") {
				return &usageError{errors.New("a new system needs --name, and --unique-id or --email: people read the name when they are asked")}
			}
			next.ID, next.Name = id, firstOf(g.Name, next.Name)
			next.Email, next.UniqueID = firstOf(g.Email, next.Email), firstOf(g.UniqueID, next.UniqueID)
			next.Actions, next.People = union(next.Actions, g.Actions), union(next.People, lower(g.People))
			next.Domains, next.Administrators = union(next.Domains, lower(g.Domains)), union(next.Administrators, lower(g.Administrators))
			for _, a := range *authorities {
				next.Authorities = union(next.Authorities, []vault.Authority{vault.Authority(a)})
			}
			if c.Flags().Changed("rate") {
				next.Rate = g.Rate
			}
			return d.Put(next)
		})
		if err != nil {
			return err
		}
		now, _ := after.Caller(id)
		return r.show([]callers.Caller{now}, after.Paused)
	}
	return c
}

func removeCommand(r *callersFile) *cobra.Command {
	c := &cobra.Command{
		Use: "remove ID", Short: "Take actions from a system, or remove it", Args: exactly(1, "the id of a system"),
		Long: "Take the actions that --action names from a system; without any, remove it. What\npeople have approved counts for nothing then, and its id is never used again. To\nstop a system for a while: deputy callers pause.",
	}
	actions := c.Flags().StringSlice("action", nil, "`action` to take; may be repeated; without any, all")
	c.RunE = func(c *cobra.Command, args []string) error {
		id := args[0]
		after, err := r.edit(c.Context(), "callers.remove "+id, func(d *callers.Draft, before *callers.Set) error {
			next, there := before.Caller(id)
			if !there {
				return noCaller(id)
			}
			if len(*actions) == 0 {
				d.Remove(id)
				return nil
			}
			next.Actions = slices.DeleteFunc(slices.Clone(next.Actions), func(a string) bool { return slices.Contains(*actions, a) })
			return d.Put(next)
		})
		if err != nil {
			return err
		}
		if now, there := after.Caller(id); there {
			return r.show([]callers.Caller{now}, after.Paused)
		}
		_, _ = fmt.Fprintf(r.err, "%s is removed, and refused within a minute\n", id)
		return nil
	}
	return c
}

// everything is what pause calls all callers.
const everything = "everything"

func pauseCommand(r *callersFile) *cobra.Command {
	c := &cobra.Command{
		Use: "pause ID|everything", Short: "Stop a system, or all of them, until further notice", Args: exactly(1, "the id of a system, or everything"),
	}
	off := c.Flags().Bool("off", false, "let it go on")
	c.RunE = func(c *cobra.Command, args []string) error {
		id := args[0]
		after, err := r.edit(c.Context(), fmt.Sprintf("callers.pause %s %t", id, !*off), func(d *callers.Draft, before *callers.Set) error {
			if id == everything {
				d.Pause(!*off)
				return nil
			}
			next, there := before.Caller(id)
			if !there {
				return noCaller(id)
			}
			next.Paused = !*off
			return d.Put(next)
		})
		if err != nil {
			return err
		}
		if id == everything {
			return r.show(nil, after.Paused)
		}
		now, _ := after.Caller(id)
		return r.show([]callers.Caller{now}, after.Paused)
	}
	return c
}

// noCaller says that a system is not known.
func noCaller(id string) error {
	return fmt.Errorf("there is no caller %s; deputy callers list shows all", id)
}

// show prints callers: as JSON, or a paragraph each.
func (r *callersFile) show(all []callers.Caller, paused bool) error {
	if r.asJSON {
		return printJSON(r.outside, map[string]any{"paused": paused, "callers": append([]callers.Caller{}, all...)})
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
		for _, line := range []struct {
			name string
			text string
		}{
			{"account", strings.TrimSpace(c.Email + " " + c.UniqueID)},
			{"may", strings.Join(c.Actions, ", ")},
			{"as", strings.Join(slices.Concat(c.People, c.Domains), ", ")},
			{"by", strings.Trim(fmt.Sprint(c.Authorities), "[]")},
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

func union[T cmp.Ordered](a, b []T) []T {
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
