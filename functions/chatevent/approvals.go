package chatevent

import (
	"cmp"
	"context"
	"log/slog"
	"strings"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// How many of each the card of /status shows; the download has them all.
const (
	approvalsOnCard  = 15
	activitiesOnCard = 10
)

// approvals are the systems that a person lets act as them, each with a button
// to withdraw that.
func (f function) approvals(ctx context.Context, e chat.Event) ([]chat.Widget, error) {
	say := words.In(e.Locale)
	all, err := f.Auth.Vault.Approvals(ctx, e.Person.Name, approvalsOnCard+1)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return []chat.Widget{{Text: say(words.NoApprovals)}}, nil
	}
	var out []chat.Widget
	for _, a := range all[:min(approvalsOnCard, len(all))] {
		caller, err := f.Auth.Vault.Caller(ctx, a.Caller)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return nil, err
		}
		end, err := f.button(words.Withdraw, withdraw, e, invocation{Args: a.ID()})
		if err != nil {
			return nil, err
		}
		out = append(out, chat.Widget{Label: cmp.Or(caller.Name, caller.Email, a.Caller), Text: operations(say, a) + ", " + day(say, a.Approved), Aside: &end})
	}
	if len(all) > approvalsOnCard {
		out = append(out, chat.Widget{Text: say(words.MoreOfThem)})
	}
	return out, nil
}

// operations says what an approval is for.
func operations(say words.Say, a vault.Approval) string {
	var out []string
	for _, o := range a.Operations {
		out = append(out, operation(say, o))
	}
	text := strings.Join(out, ", ")
	if a.Authority == callers.ByAdmin {
		text = say(words.AsAdministrator, text)
	}
	return text
}

func operation(say words.Say, name string) string {
	if known := callers.Words(name); known != fault.None {
		return say(known)
	}
	return name
}

// activities are what others did as the person lately.
func (f function) activities(ctx context.Context, e chat.Event) ([]chat.Widget, error) {
	say := words.In(e.Locale)
	all, err := f.Auth.Vault.Activities(ctx, e.Person.Name, activitiesOnCard+1)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return []chat.Widget{{Text: say(words.NoActivity)}}, nil
	}
	var out []chat.Widget
	for _, a := range all[:min(activitiesOnCard, len(all))] {
		text := operation(say, a.Operation)
		if a.Unsure {
			text = say(words.PerhapsDone, text)
		}
		out = append(out, chat.Widget{Label: a.Caller + ", " + day(say, a.When), Text: text})
	}
	if len(all) > activitiesOnCard {
		out = append(out, chat.Widget{Text: say(words.MoreOfThem)})
	}
	return out, nil
}

// withdrawApproval takes back what a person gave to one caller, and shows the
// connection as it is then.
func withdrawApproval(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	if err := f.Auth.Vault.WithdrawApproval(ctx, e.Person.Name, i.Args); err != nil {
		return chat.Reply{}, err
	}
	f.Log.InfoContext(ctx, "audit", slog.String("act", "withdraw"), slog.String("caller", i.Args))
	return status(ctx, f, e, i)
}
