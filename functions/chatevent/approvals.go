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

// The card of /status shows this many of each. The download has all.
const (
	approvalsOnCard  = 15
	activitiesOnCard = 10
)

// addApprovals lists the callers that the person approved, each with a button to withdraw the approval.
func (v *view) addApprovals(ctx context.Context, all []vault.Approval) {
	set, err := v.Callers.Read(ctx)
	if err != nil {
		v.logError(ctx, err) // the card shows IDs instead of names
		set = &callers.Set{}
	}
	if len(all) == 0 {
		v.text(words.StatusNoApprovals)
	}
	for _, a := range all[:min(approvalsOnCard, len(all))] {
		caller, _ := set.Caller(a.Caller)
		i := invocation{Caller: a.Caller, Authority: a.Authority}
		withdraw := v.button(words.ButtonWithdraw, withdrawButton, i)
		text := approvedActions(v.say, a) + ", " + formatTime(v.say, lastApproved(a))
		v.add(chat.Widget{Label: cmp.Or(caller.Name, a.Caller), Text: text, SideButton: &withdraw})
	}
	if len(all) > approvalsOnCard {
		v.text(words.StatusMore)
	}
}

func lastApproved(a vault.Approval) time.Time {
	var last time.Time
	for _, action := range a.Actions {
		if action.GivenAt.After(last) {
			last = action.GivenAt
		}
	}
	return last
}

func approvedActions(say i18n.Say, a vault.Approval) string {
	var out []string
	for _, action := range a.Actions {
		out = append(out, actionText(say, action.Action))
	}
	text := strings.Join(out, ", ")
	if a.Authority == callers.AuthorityAdmin {
		text = say(words.StatusAsAdmin, text)
	}
	return text
}

func actionText(say i18n.Say, name string) string {
	if text := callers.ActionText(name); text != fault.NoText {
		return say(text)
	}
	return name
}

// addActivities lists what callers recently did as the person.
func (v *view) addActivities(all []vault.Activity) {
	if len(all) == 0 {
		v.text(words.StatusNoActivity)
	}
	for _, a := range all[:min(activitiesOnCard, len(all))] {
		text := actionText(v.say, a.Action)
		if a.OutcomeUnknown {
			text = v.say(words.StatusUncertain, text)
		}
		v.add(chat.Widget{Label: a.Caller + ", " + formatTime(v.say, a.Time), Text: text})
	}
	if len(all) > activitiesOnCard {
		v.text(words.StatusMore)
	}
}

// withdrawApproval withdraws the person's approval of one caller, and shows what is left where the button was.
func withdrawApproval(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	withdrawn, err := v.Grants.Withdraw(ctx, v.event.Person.Name, i.Caller, i.Authority)
	if err != nil {
		return chat.Reply{}, err
	}
	v.Log.InfoContext(ctx, "audit", slog.String("action", "withdraw"), slog.String("caller_id", i.Caller),
		slog.String("authority", string(i.Authority)), slog.Bool("withdrawn", withdrawn))
	if v.event.OnHomeTab && v.event.Dialog == chat.NoDialog {
		return home(ctx, v, invocation{})
	}
	return status(ctx, v, i)
}
