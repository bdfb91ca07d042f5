package spaces

import (
	"context"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
	chatapi "google.golang.org/api/chat/v1"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/words"
)

// roster holds what Google says about members of a space, by users/{id}, users/{email address} and groups/{id}.
type roster struct {
	state, label map[string]string // a name may be empty
	alias        map[string]string // users/{email address} to users/{id}, of those who were looked up
	failed       map[string]error  // who could not be looked up
}

func (r roster) add(user, state, label string) { r.state[user], r.label[user] = state, label }

// maxListed is how many members of one space are listed. Those who may be missing are looked up one by one.
const maxListed = 2_000

// readRoster reads the members of a space, including invited people and groups, and looks up those of members that the
// list does not name. This check is necessary because Google leaves people out without an error (Chat API reference:
// spaces.members).
func (s *Spaces) readRoster(
	ctx context.Context, person resource.Person, space resource.SpaceName, members []Member,
) (roster, error) {
	out := roster{map[string]string{}, map[string]string{}, nil, map[string]error{}}
	list, more, err := s.listMembers(ctx, person, space, maxListed, "", capability.ReadMembers)
	if err != nil {
		return out, err
	}
	for _, m := range list {
		switch {
		case m.Member != nil:
			out.add(m.Member.Name, m.State, m.Member.DisplayName)
			if email := address.Lower(m.Member.Email); email != "" {
				out.add("users/"+email, m.State, m.Member.DisplayName)
			}
		case m.GroupMember != nil:
			out.add(m.GroupMember.Name, m.State, "")
		}
	}
	var missing []Member
	for _, m := range members {
		_, listed := out.state[m.User]
		if !listed && (more || strings.Contains(m.User, "@")) && !m.group() {
			missing = append(missing, m)
		}
	}
	s.lookUp(ctx, person, space, missing, &out)
	return out, nil
}

// Google allows 15 reads of a space per second, for all users of the project (workspace/chat/limits).
const (
	lookUpRate     = rate.Limit(10) // per second
	lookUpBurst    = 4              // so that no second has more than 14
	lookUpParallel = 8
	replyTime      = time.Second     // reserved for what follows the look-ups
	lookUpTime     = 3 * time.Second // reserved for the last look-ups, so that they need not be repeated
)

// lookUp reads members one by one, several at a time, and adds what it finds to out. When time runs out, the others
// have failed with a transient error.
func (s *Spaces) lookUp(
	ctx context.Context, person resource.Person, space resource.SpaceName, members []Member, out *roster,
) {
	ctx, cancel := beforeDeadline(ctx, replyTime)
	defer cancel()
	begin, stop := beforeDeadline(ctx, lookUpTime)
	defer stop()
	found, errs := make([]Membership, len(members)), make([]error, len(members))
	limiter := rate.NewLimiter(lookUpRate, lookUpBurst)
	var group errgroup.Group
	group.SetLimit(lookUpParallel)
	if s.planning {
		group.SetLimit(1) // a plan lists requests in order
	}
	for i, m := range members {
		if err := limiter.Wait(begin); err != nil {
			errs[i] = outOfTime(err)
			continue
		}
		group.Go(func() error {
			errs[i] = fault.Catch(func() (err error) {
				if err := begin.Err(); err != nil { // the others took too long
					return outOfTime(err)
				}
				found[i], err = s.getMember(ctx, person, space, m.id(), capability.ReadMembers)
				return err
			})
			return nil
		})
	}
	_ = group.Wait() // the errors are in errs
	for i, m := range members {
		switch err := errs[i]; {
		case err != nil && fault.KindOf(err) == fault.NotFound: // not in the space
		case err != nil:
			out.failed[m.User] = err
		default:
			out.add(m.User, found[i].State, found[i].DisplayName)
			if out.alias == nil {
				out.alias = map[string]string{}
			}
			out.alias[m.User] = found[i].User
		}
	}
}

// beforeDeadline returns a context that ends reserve before ctx does.
func beforeDeadline(ctx context.Context, reserve time.Duration) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline.Add(-reserve))
}

func outOfTime(err error) error {
	return &fault.Error{Op: "spaces", Kind: fault.Unavailable, Public: words.ErrorChatSilent, Err: err}
}

// listMembers returns the members of a space, at most limit, and whether there are more. filter is in Google's syntax.
func (s *Spaces) listMembers(
	ctx context.Context, person resource.Person, space resource.SpaceName, limit int, filter string,
	needed ...capability.Capability,
) (list []*chatapi.Membership, more bool, err error) {
	return googlecall.List(limit, s.memberPages(ctx, person, space, filter, needed...))
}

func (s *Spaces) memberPages(
	ctx context.Context, person resource.Person, space resource.SpaceName, filter string,
	needed ...capability.Capability,
) googlecall.Fetch[*chatapi.Membership] {
	call := s.api.Spaces.Members.List(string(space)).ShowInvited(true).ShowGroups(true)
	if s.admin {
		filter = notAnApp // required with useAdminAccess
	}
	if filter != "" {
		call.Filter(filter)
	}
	return pages(ctx, s, person, call, func(res *chatapi.ListMembershipsResponse) googlecall.Page[*chatapi.Membership] {
		return googlecall.Page[*chatapi.Membership]{Items: res.Memberships, Next: res.NextPageToken}
	}, needed...)
}

// notAnApp is a filter for people and groups.
const notAnApp = `member.type != "BOT"`
