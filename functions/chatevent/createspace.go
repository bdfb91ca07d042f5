package chatevent

import (
	"cmp"
	"context"
	"log/slog"
	"slices"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// createSpace creates a space with the given name and the mentioned people. Without a name, it offers the form.
func createSpace(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	switch n := len(i.Mentions); {
	case n > spaces.MaxMembers:
		return chat.Reply{}, fault.New(fault.Invalid, words.ErrorTooManyPeople, n, spaces.MaxMembers)
	case i.Args == "":
		return f.offerForm(e, i)
	}
	r := spaces.Request{DisplayName: i.Args, Members: membersFrom(i.Mentions)}
	self := operations.Self(e.Person.Name, i.Key)
	created, err := f.Operations.CreateSpace(ctx, self, operations.NewSpace{Request: r})
	if err != nil && fault.KindOf(err) == fault.Conflict {
		return f.offerNextName(ctx, e, i, err)
	}
	if err != nil {
		return chat.Reply{}, err
	}
	return f.createdCard(ctx, e, i.Key, r, created)
}

func (f function) offerForm(e chat.Event, i invocation) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	i.Form = createFormName
	fill, err := f.dialogButton(words.ButtonFillIn, openFormButton, e, i)
	if err != nil {
		return chat.Reply{}, err
	}
	fill.Primary = true
	return cardReply(say(words.FormTitle), chat.Widget{Text: say(words.CreatespaceNameMissing)}, buttons(fill)), nil
}

// createdCard shows a new space: who was added, which steps failed, and how to fix that.
func (f function) createdCard(
	ctx context.Context, e chat.Event, key resource.Key, r spaces.Request, space operations.CreatedSpace,
) (chat.Reply, error) {
	outcome, external := space.Outcome, r.External != nil && *r.External
	say, title := i18n.In(e.Locale), words.CreatedTitle
	widgets := f.outcomeWidgets(ctx, e, outcome, external)
	missing := needs(capability.CreateSpaces) // and what is missing; a consent asks for all
	if outcome.ListDeclined {
		missing = append(missing, capability.ReadMembers)
	}
	if slices.ContainsFunc(outcome.Failed, needsConsent) {
		missing = append(missing, capability.ManageMembers)
	}
	for _, u := range outcome.FailedSteps {
		reason := fault.Public(say, u.Err, logging.Reference(ctx))
		if _, ok := capability.AsConsentError(u.Err); ok {
			reason, missing = say(words.CreatedNotAllowedYet), append(missing, u.Step.Capability())
		}
		widgets = append(widgets, chat.Widget{Label: say(undoneWords[u.Step]), Text: reason})
	}
	if len(outcome.LeftOut)+len(outcome.Failed)+len(outcome.Pending)+len(outcome.Unchecked)+
		len(outcome.FailedSteps) > 0 {
		title = words.CreatedPartialTitle
	}
	row, err := f.spaceButtons(e, space.Name, space.DisplayName, space.Address)
	if err != nil {
		return chat.Reply{}, err
	}
	if len(missing) > 1 {
		allow, err := f.consentButton(ctx, say(words.ButtonAllow), e, missing...)
		if err != nil {
			return chat.Reply{}, err
		}
		row = append(row, allow)
	}
	toAdd, toCheck := remaining(outcome)
	if len(toAdd)+len(toCheck)+len(outcome.FailedSteps) > 0 || outcome.ListDeclined {
		retry, err := f.retryButtons(words.ButtonTryAgain, e, attempt{finishButton, remainingSteps(key, r, space)})
		if err != nil {
			return chat.Reply{}, err
		}
		row = append(row, retry...)
	}
	reply := cardReply(say(title), append(widgets, buttons(row...))...)
	reply.Card.Subtitle, reply.ClosesDialog = space.DisplayName, true
	return reply, nil
}

func needsConsent(m spaces.FailedMember) bool {
	_, ok := capability.AsConsentError(m.Err)
	return ok
}

// remainingSteps returns the invocation that finishes a space. It names all members, so that the new card shows again
// who was added, by their ids as far as these are known, so that nobody is looked up twice.
func remainingSteps(key resource.Key, r spaces.Request, created operations.CreatedSpace) invocation {
	i := invocation{Key: key, Space: created.Name, Args: created.DisplayName}
	i.External, i.Rest = r.External != nil && *r.External, r.Rest.Select(created.Outcome.StepsLeft()...)
	i.ToAdd, _ = remaining(created.Outcome)
	for _, m := range slices.Concat(r.Members, r.More) {
		p := chat.Person{Name: resource.Person(m.User), DisplayName: m.Label}
		if slices.ContainsFunc(i.ToAdd, func(o chat.Person) bool { return o.Name == p.Name }) {
			continue
		}
		p.Name = resource.Person(cmp.Or(created.Outcome.IDs[m.User], m.User))
		i.Mentions = append(i.Mentions, p)
	}
	return i
}

func finishSpace(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	r := spaces.Request{
		Members: membersFrom(i.Mentions), More: membersFrom(i.ToAdd), External: &i.External,
		Rest: i.Rest,
	}
	outcome, err := f.Operations.FinishSpace(ctx, operations.Self(e.Person.Name, i.Key), i.Space, r)
	if err != nil {
		return chat.Reply{}, err
	}
	space := operations.CreatedSpace{Name: i.Space, DisplayName: i.Args, Address: spaces.Address(i.Space)}
	space.Outcome = outcome
	return f.createdCard(ctx, e, i.Key, r, space)
}

// undoneWords describe the steps that can fail after the space is created. The form offers only these.
var undoneWords = map[spaces.Step]i18n.Text{
	spaces.SetHistory: words.CreatedUndoneHistory, spaces.AddTheApp: words.CreatedUndoneApp,
	spaces.PostFirst: words.CreatedUndoneFirst,
}

func (f function) spaceButtons(e chat.Event, space resource.SpaceName, name, address string) ([]chat.Button, error) {
	i := invocation{Space: space, Args: name, Form: renameFormName}
	renameIt, err := f.dialogButton(words.ButtonRename, openFormButton, e, i)
	if err != nil {
		return nil, err
	}
	i.Form = deleteFormName
	deleteIt, err := f.dialogButton(words.ButtonDelete, openFormButton, e, i)
	open := chat.Button{Text: i18n.In(e.Locale)(words.ButtonOpen), Link: config.NewSecret(address), Primary: true}
	return []chat.Button{open, renameIt, deleteIt}, err
}

// offerNextName is the reply when the name is taken. Its button creates the same space with the next free-looking name.
func (f function) offerNextName(ctx context.Context, e chat.Event, i invocation, conflict error) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	next := i
	next.Args = spaces.NextName(i.Args)
	v := buttonValue{Handler: runButton, Invocation: next}
	create, err := f.sealButton(say(words.ButtonCreateInstead, next.Args), v, e)
	if err != nil {
		return chat.Reply{}, err
	}
	logging.AddAttrs(ctx, slog.String("conflict", "displayName"))
	text := fault.Public(say, conflict, logging.Reference(ctx))
	return cardReply(say(words.ErrorTitle), chat.Widget{Text: text}, buttons(create)), nil
}
