package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

const spaceHelp = `Create, show and list spaces as yourself, and add people to them, for scripts.

The first run needs --client-secrets and your consent in a browser, as deputy
quickstart does. With --admin, you act as an administrator on the spaces of your
organization. With --as and --delegate, you act as another person by domain-wide
delegation, without a consent and without a key.`

// spaceCommands holds the flags of the space commands.
type spaceCommands struct {
	quickstart
	asJSON, admin bool
	person        string // --as
	account       string // --delegate
}

func spaceCommand(d deps) *cobra.Command {
	c := groupCommand("space", "Create, show and list spaces as yourself", spaceHelp)
	s := &spaceCommands{quickstart: quickstart{deps: d}}
	s.addFlags(c)
	flags := c.PersistentFlags()
	flags.BoolVar(&s.asJSON, "json", false, "print JSON")
	flags.BoolVar(&s.admin, "admin", false, "act as an administrator (useAdminAccess)")
	flags.StringVar(&s.person, "as", "", "act as the person with this `address`, by delegation")
	flags.StringVar(&s.account, "delegate", "", "service `account` that has domain-wide delegation")
	c.AddCommand(s.createCommand(), s.getCommand(), s.listCommand(), s.inviteCommand())
	return c
}

// act calls do with the authority that the flags name.
func (s *spaceCommands) act(
	ctx context.Context, needed []capability.Capability, do func(*spaces.Spaces, string) error,
) error {
	if (s.person == "") != (s.account == "") {
		return &usageError{errors.New("use --as and --delegate together:" +
			" --as ada@example.com --delegate deputy@project.iam.gserviceaccount.com")}
	}
	withAuthority := func(client *spaces.Spaces) (*spaces.Spaces, []capability.Capability, error) {
		if !s.admin {
			return client, needed, nil
		}
		client = client.WithAdminAccess()
		all, err := client.Capabilities(needed...)
		return client, all, err
	}
	if s.person != "" {
		delegated, err := s.newDelegated(ctx, s.account)
		if err != nil {
			return err
		}
		if s.admin {
			delegated = delegated.WithAdminCapabilities()
		}
		client, err := s.newSpaces(ctx, delegated)
		if err != nil {
			return err
		}
		if client, _, err = withAuthority(client); err != nil {
			return err
		}
		return do(client, "users/"+strings.ToLower(s.person))
	}
	_, all, err := withAuthority(&spaces.Spaces{})
	if err != nil {
		return err
	}
	return s.actAs(ctx, all, func(client *spaces.Spaces, person string) error {
		client, _, err := withAuthority(client)
		if err != nil {
			return err
		}
		return do(client, person)
	})
}

func (s *spaceCommands) createCommand() *cobra.Command {
	c := &cobra.Command{Use: "create NAME", Short: "Create a space", Args: exactArgs(1, "the name of the space")}
	var r spaces.Request
	var members []string
	c.Flags().StringVar(&r.Description, "description", "", "`text` that describes the space")
	c.Flags().StringSliceVar(&members, "member", nil, "email `address` of a person to add; repeatable")
	c.RunE = func(c *cobra.Command, args []string) error {
		var err error
		r.DisplayName = args[0]
		if r.Members, err = parseMembers(members); err != nil {
			return err
		}
		return s.act(c.Context(), r.Capabilities(), func(client *spaces.Spaces, person string) error {
			created, err := client.Create(c.Context(), resource.Person(person), s.requestKey(), r)
			if err != nil {
				return err
			}
			return s.printCreated(created)
		})
	}
	return c
}

func (s *spaceCommands) getCommand() *cobra.Command {
	c := &cobra.Command{Use: "get SPACE", Short: "Show a space", Args: exactArgs(1, "spaces/{id}")}
	c.RunE = func(c *cobra.Command, args []string) error {
		name, err := parseSpaceName(args[0])
		if err != nil {
			return err
		}
		needed := []capability.Capability{capability.ReadSpaces}
		return s.act(c.Context(), needed, func(client *spaces.Spaces, person string) error {
			space, err := client.Get(c.Context(), resource.Person(person), resource.SpaceName(name))
			if err != nil {
				return err
			}
			return s.printResult(s.asJSON, map[string]any{
				"name": space.Name, "displayName": space.DisplayName, "spaceUri": space.Address,
				"description": space.Description, "guidelines": space.Guidelines,
				"externalUserAllowed": space.External, "spaceHistoryState": space.History, "createTime": space.Created,
			})
		})
	}
	return c
}

func (s *spaceCommands) listCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "list [WORDS]", Short: "List your named spaces, newest first", Args: cobra.MaximumNArgs(1),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		needed := []capability.Capability{capability.ReadSpaces}
		return s.act(c.Context(), needed, func(client *spaces.Spaces, person string) error {
			found, truncated, err := s.find(c.Context(), client, person, strings.Join(args, " "))
			if err != nil {
				return err
			}
			list := []spaceOutput{}
			for _, f := range found {
				list = append(list, spaceOutput{string(f.Name), f.DisplayName, f.Address})
				if !s.asJSON {
					printRow(s.out, "%-24s %s", f.Name, f.DisplayName)
				}
			}
			if truncated {
				_, _ = fmt.Fprintln(s.err, "there may be more spaces; to narrow the list, add words of the name")
			}
			if !s.asJSON {
				return nil
			}
			return s.printJSON(list)
		})
	}
	return c
}

// maxPages limits the number of pages that an administrator's list reads.
const maxPages = 20

// find returns the person's spaces, or with --admin, those of the organization.
// It reports whether the list is truncated.
func (s *spaceCommands) find(
	ctx context.Context, client *spaces.Spaces, person, words string,
) (out []spaces.FoundSpace, truncated bool, err error) {
	if !s.admin {
		return client.Search(ctx, resource.Person(person), words)
	}
	for token, page := "", 0; page < maxPages; page++ {
		res, err := client.List(ctx, resource.Person(person), words, 1000, token)
		if err != nil {
			return nil, false, err
		}
		for _, space := range res.Spaces {
			out = append(out, spaces.FoundSpace{
				Name: space.Name, DisplayName: space.DisplayName,
				Address: space.Address,
			})
		}
		if token = res.Next; token == "" {
			return out, false, nil
		}
	}
	return out, true, nil
}

func (s *spaceCommands) inviteCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "invite SPACE ADDRESS...", Short: "Add people to a space", Args: cobra.MinimumNArgs(2),
	}
	c.RunE = func(c *cobra.Command, args []string) error {
		name, err := parseSpaceName(args[0])
		if err != nil {
			return err
		}
		members, err := parseMembers(args[1:])
		if err != nil {
			return err
		}
		needed := []capability.Capability{capability.ManageMembers}
		return s.act(c.Context(), needed, func(client *spaces.Spaces, person string) error {
			added, err := client.AddMembers(c.Context(), resource.Person(person), resource.SpaceName(name), members)
			if err != nil && len(added.Joined)+len(added.Invited) == 0 {
				return err
			}
			results := []inviteResult{}
			for _, m := range added.Joined {
				results = append(results, inviteResult{m.User, "JOINED", ""})
			}
			for _, m := range added.Invited {
				results = append(results, inviteResult{m.User, "INVITED", ""})
			}
			for _, m := range added.Failed {
				results = append(results, inviteResult{m.User, "FAILED", errorText(m.Err)})
			}
			if s.asJSON {
				err = s.printJSON(results)
			} else {
				for _, r := range results {
					printRow(s.out, "%-8s %s  %s", r.State, strings.TrimPrefix(r.Member, "users/"), r.Detail)
				}
			}
			if err == nil && len(added.Failed) > 0 {
				err = fmt.Errorf("%d of %d people were not added", len(added.Failed), len(members))
			}
			return err
		})
	}
	return c
}

// inviteResult is the result for one person of an invite.
type inviteResult struct {
	Member string `json:"member"`
	State  string `json:"state"`
	Detail string `json:"detail,omitempty"`
}

// parseSpaceName returns spaces/{id} for a name or an ID alone.
func parseSpaceName(arg string) (string, error) {
	id := strings.TrimPrefix(arg, "spaces/")
	if id == "" || strings.ContainsAny(id, "/?#% ") {
		return "", &usageError{fmt.Errorf("%q is not a space name such as spaces/AAAA1234", arg)}
	}
	return "spaces/" + id, nil
}

// parseMembers returns members for email addresses or users/{id}.
func parseMembers(args []string) ([]spaces.Member, error) {
	var out []spaces.Member
	for _, arg := range args {
		user, ok := resource.ParseUser(arg)
		if !ok {
			return nil, &usageError{fmt.Errorf("%q is neither an email address nor users/{id}", arg)}
		}
		out = append(out, spaces.Member{User: user, Label: arg})
	}
	return out, nil
}
