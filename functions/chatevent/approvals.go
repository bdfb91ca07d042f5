package chatevent

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"time"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
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
func (f function) approvals(ctx context.Context, e chat.Event, all []vault.Approval) ([]chat.Widget, error) {
	say := i18n.In(e.Locale)
	known, err := f.Callers.Read(ctx)
	if err != nil {
		f.try(ctx, err) // their ids are shown
		known = &callers.Set{}
	}
	if len(all) == 0 {
		return []chat.Widget{{Text: say(words.StatusNoApprovals)}}, nil
	}
	var out []chat.Widget
	for _, a := range all[:min(approvalsOnCard, len(all))] {
		caller, _ := known.Caller(a.Caller)
		end, err := f.button(words.ButtonWithdraw, withdraw, e, invocation{Args: a.Caller, Form: string(a.Authority)})
		if err != nil {
			return nil, err
		}
		out = append(out, chat.Widget{Label: cmp.Or(caller.Name, a.Caller), Text: actions(say, a) + ", " + day(say, lastGiven(a)), Aside: &end})
	}
	if len(all) > approvalsOnCard {
		out = append(out, chat.Widget{Text: say(words.StatusMore)})
	}
	return out, nil
}

// lastGiven is when something of an approval was given last.
func lastGiven(a vault.Approval) time.Time {
	var last time.Time
	for _, o := range a.Actions {
		if o.Given.After(last) {
			last = o.Given
		}
	}
	return last
}

// actions says what an approval is for.
func actions(say i18n.Say, a vault.Approval) string {
	var out []string
	for _, o := range a.Actions {
		out = append(out, action(say, o.Action))
	}
	text := strings.Join(out, ", ")
	if a.Authority == callers.ByAdmin {
		text = say(words.StatusAsAdmin, text)
	}
	return text
}

func action(say i18n.Say, name string) string {
	if known := callers.Words(name); known != fault.None {
		return say(known)
	}
	return name
}

// activities are what others did as the person lately.
func (f function) activities(ctx context.Context, e chat.Event) ([]chat.Widget, error) {
	say := i18n.In(e.Locale)
	all, err := f.Vault.Activities(ctx, e.Person.Name, activitiesOnCard+1)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return []chat.Widget{{Text: say(words.StatusNoActivity)}}, nil
	}
	var out []chat.Widget
	for _, a := range all[:min(activitiesOnCard, len(all))] {
		text := action(say, a.Action)
		if a.Unsure {
			text = say(words.StatusUncertain, text)
		}
		out = append(out, chat.Widget{Label: a.Caller + ", " + day(say, a.When), Text: text})
	}
	if len(all) > activitiesOnCard {
		out = append(out, chat.Widget{Text: say(words.StatusMore)})
	}
	return out, nil
}

// withdrawApproval takes back what a person gave to one caller, and shows the
// connection as it is then.
func withdrawApproval(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	withdrawn, err := f.Grants.Withdraw(ctx, e.Person.Name, i.Args, vault.Authority(i.Form))
	if err != nil {
		return chat.Reply{}, err
	}
	f.Log.InfoContext(ctx, "audit", slog.String("act", "withdraw"), slog.String("caller_id", i.Args), slog.String("authority", i.Form), slog.Bool("withdrawn", withdrawn))
	return status(ctx, f, e, i)
}
