package main

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

const spaceHelp = `Create and look at spaces as yourself, for scripts, and add people to them.

The first time it needs --client-secrets, and your consent in a browser, as
deputy quickstart does. With --admin it is done by your right as an administrator over
the spaces of your organization; with --as and --delegate, by domain-wide
delegation as somebody else, without a consent and without a key.`

// spaceCommands are what its flags say.
type spaceCommands struct {
	quickstart
	asJSON, admin bool
	person        string // as whom, by delegation
	account       string // that delegates
}

// spaceCommand is deputy space.
func spaceCommand(o outside) *cobra.Command {
	c := &cobra.Command{Use: "space", Short: "Create and look at spaces as yourself", Long: spaceHelp, Args: exactly(0, "one of its commands")}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	s := &spaceCommands{quickstart: quickstart{outside: o}}
	s.flags(c)
	c.PersistentFlags().BoolVar(&s.asJSON, "json", false, "print JSON")
	c.PersistentFlags().BoolVar(&s.admin, "admin", false, "by your right as an administrator (useAdminAccess)")
	c.PersistentFlags().StringVar(&s.person, "as", "", "as this `address`, by delegation")
	c.PersistentFlags().StringVar(&s.account, "delegate", "", "service `account` to which the organization delegates")
	c.AddCommand(s.createCommand(), s.getCommand(), s.listCommand(), s.inviteCommand())
	return c
}

// act does something by the authority that the flags name.
func (s *spaceCommands) act(ctx context.Context, needed []capability.Capability, do func(*spaces.Spaces, string) error) error {
	if (s.person == "") != (s.account == "") {
		return &usageError{errors.New("--as and --delegate go together: --as ada@example.com --delegate deputy@project.iam.gserviceaccount.com")}
	}
	by := func(made *spaces.Spaces) (*spaces.Spaces, []capability.Capability, error) {
		if !s.admin {
			return made, needed, nil
		}
		made = made.WithAdminAccess()
		all, err := made.Capabilities(needed...)
		return made, all, err
	}
	if s.person != "" {
		delegated, err := s.delegate(ctx, s.account)
		if err != nil {
			return err
		}
		if s.admin {
			delegated = delegated.WithAdminCapabilities()
		}
		made, err := s.spaces(ctx, delegated)
		if err != nil {
			return err
		}
		if made, _, err = by(made); err != nil {
			return err
		}
		return do(made, "users/"+strings.ToLower(s.person))
	}
	_, wanted, err := by(&spaces.Spaces{})
	if err != nil {
		return err
	}
	return s.as(ctx, wanted, func(made *spaces.Spaces, person string) error {
		made, _, err := by(made)
		if err != nil {
			return err
		}
		return do(made, person)
	})
}

func (s *spaceCommands) createCommand() *cobra.Command {
	c := &cobra.Command{Use: "create NAME", Short: "Create a space", Args: exactly(1, "the name of the space")}
	var r spaces.Request
	var members []string
	c.Flags().StringVar(&r.Description, "description", "", "what it is for (a `text`)")
	c.Flags().StringSliceVar(&members, "member", nil, "`address` of somebody to be in it; may be repeated")
	c.RunE = func(c *cobra.Command, args []string) error {
		var err error
		r.DisplayName = args[0]
		if r.Members, err = membersOf(members); err != nil {
			return err
		}
		return s.act(c.Context(), r.Capabilities(), func(all *spaces.Spaces, person string) error {
			made, err := all.Create(c.Context(), resource.Person(person), resource.Key("desk "+s.now().String()), r)
			if err != nil {
				return err
			}
			return s.made(made)
		})
	}
	return c
}

func (s *spaceCommands) getCommand() *cobra.Command {
	return &cobra.Command{Use: "get SPACE", Short: "Show a space", Args: exactly(1, "spaces/{id}"), RunE: func(c *cobra.Command, args []string) error {
		name, err := spaceName(args[0])
		if err != nil {
			return err
		}
		return s.act(c.Context(), []capability.Capability{capability.ReadSpaces}, func(all *spaces.Spaces, person string) error {
			found, err := all.Get(c.Context(), resource.Person(person), resource.SpaceName(name))
			if err != nil {
				return err
			}
			return show(s.outside, s.asJSON, map[string]any{
				"name": found.Name, "displayName": found.DisplayName, "spaceUri": found.Address, "description": found.Description, "guidelines": found.Guidelines,
				"externalUserAllowed": found.External, "spaceHistoryState": found.History, "createTime": found.Created,
			})
		})
	}}
}

func (s *spaceCommands) listCommand() *cobra.Command {
	return &cobra.Command{Use: "list [WORDS]", Short: "List your named spaces, newest first", Args: cobra.MaximumNArgs(1), RunE: func(c *cobra.Command, args []string) error {
		return s.act(c.Context(), []capability.Capability{capability.ReadSpaces}, func(all *spaces.Spaces, person string) error {
			found, cut, err := s.find(c.Context(), all, person, strings.Join(args, " "))
			if err != nil {
				return err
			}
			list := []printed{}
			for _, one := range found {
				list = append(list, printed{string(one.Name), one.DisplayName, one.Address})
				if !s.asJSON {
					_, _ = fmt.Fprintf(s.out, "%-24s %s\n", one.Name, one.DisplayName)
				}
			}
			if cut {
				_, _ = fmt.Fprintln(s.err, "there may be more: give words of the name")
			}
			if !s.asJSON {
				return nil
			}
			return printJSON(s.outside, list)
		})
	}}
}

// find are the person's spaces; an administrator's are all of the organization,
// and have pages.
func (s *spaceCommands) find(ctx context.Context, all *spaces.Spaces, person, words string) ([]spaces.FoundSpace, bool, error) {
	if !s.admin {
		return all.Search(ctx, resource.Person(person), words)
	}
	var out []spaces.FoundSpace
	for token, page := "", 0; page < mostPages; page++ {
		got, err := all.List(ctx, resource.Person(person), words, 1000, token)
		if err != nil {
			return nil, false, err
		}
		for _, one := range got.Spaces {
			out = append(out, spaces.FoundSpace{Name: one.Name, DisplayName: one.DisplayName, Address: one.Address})
		}
		if token = got.Next; token == "" {
			return out, false, nil
		}
	}
	return out, true, nil
}

// mostPages bounds a list for people to read.
const mostPages = 20

func (s *spaceCommands) inviteCommand() *cobra.Command {
	return &cobra.Command{Use: "invite SPACE ADDRESS...", Short: "Add people to a space", Args: cobra.MinimumNArgs(2), RunE: func(c *cobra.Command, args []string) error {
		name, err := spaceName(args[0])
		if err != nil {
			return err
		}
		members, err := membersOf(args[1:])
		if err != nil {
			return err
		}
		return s.act(c.Context(), []capability.Capability{capability.ManageMembers}, func(all *spaces.Spaces, person string) error {
			added, err := all.AddMembers(c.Context(), resource.Person(person), resource.SpaceName(name), members)
			if err != nil && len(added.Joined)+len(added.Invited) == 0 {
				return err
			}
			results := []invited{}
			for _, m := range added.Joined {
				results = append(results, invited{m.User, "JOINED", ""})
			}
			for _, m := range added.Invited {
				results = append(results, invited{m.User, "INVITED", ""})
			}
			for _, m := range added.Failed {
				results = append(results, invited{m.User, "FAILED", sentence(m.Err)})
			}
			if s.asJSON {
				err = printJSON(s.outside, results)
			} else {
				for _, r := range results {
					_, _ = fmt.Fprintln(s.out, strings.TrimSpace(fmt.Sprintf("%-8s %s  %s", r.State, strings.TrimPrefix(r.Member, "users/"), r.Detail)))
				}
			}
			if err == nil && len(added.Failed) > 0 {
				err = fmt.Errorf("%d of %d were not added", len(added.Failed), len(members))
			}
			return err
		})
	}}
}

// invited is what came of somebody who was to be added.
type invited struct {
	Member string `json:"member"`
	State  string `json:"state"`
	Detail string `json:"detail,omitempty"`
}

// spaceName is spaces/{id}, also from an id alone.
func spaceName(named string) (string, error) {
	id := strings.TrimPrefix(named, "spaces/")
	if id == "" || strings.ContainsAny(id, "/?#% ") {
		return "", &usageError{fmt.Errorf("%q is no space: it looks like spaces/AAAA1234", named)}
	}
	return "spaces/" + id, nil
}

// membersOf are people by address, or users/{id}.
func membersOf(named []string) ([]spaces.Member, error) {
	var out []spaces.Member
	for _, n := range named {
		id := strings.TrimPrefix(n, "users/")
		if _, err := mail.ParseAddress(id); err != nil && !personID.MatchString("users/"+id) {
			return nil, &usageError{fmt.Errorf("%q is neither an e-mail address nor users/{id}", n)}
		}
		out = append(out, spaces.Member{User: "users/" + strings.ToLower(id), Label: n})
	}
	return out, nil
}
