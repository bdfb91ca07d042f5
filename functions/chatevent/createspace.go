package chatevent

import (
	"context"
	"log/slog"
	"strings"

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

// createSpace makes a space as the person: the words are its name, the people
// mentioned its members. Without a name it offers the form.
func createSpace(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	switch n := len(i.Mentions); {
	case n > spaces.MaxMembers:
		return chat.Reply{}, fault.New(fault.Invalid, words.ErrorTooManyPeople, n, spaces.MaxMembers)
	case i.Args == "":
		return f.offerForm(e, i)
	}
	r := spaces.Request{DisplayName: i.Args, Members: mentioned(i)}
	made, err := f.Operations.CreateSpace(ctx, operations.Self(e.Person.Name, i.Source), operations.NewSpace{Request: r})
	if err != nil && fault.KindOf(err) == fault.Conflict {
		return f.offerAnotherName(ctx, e, i, err)
	}
	if err != nil {
		return chat.Reply{}, err
	}
	return f.created(ctx, e, i.Source, r, made)
}

func (f function) offerForm(e chat.Event, i invocation) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	i.Form = newSpace
	fill, err := f.opener(words.ButtonFillIn, openForm, e, i)
	if err != nil {
		return chat.Reply{}, err
	}
	fill.Strong = true
	return card(say(words.FormTitle), chat.Widget{Text: say(words.CreatespaceNameMissing)}, buttons(fill)), nil
}

// created is the answer when there is a space: what came of everybody, what
// could not be done, and what to do about it.
func (f function) created(ctx context.Context, e chat.Event, source resource.Key, r spaces.Request, space operations.CreatedSpace) (chat.Reply, error) {
	made := space.Outcome
	say, title := i18n.In(e.Locale), words.CreatedTitle
	widgets := append(people(say, made.Joined, made.Invited), f.leftOut(ctx, e, r.External != nil && *r.External, made.LeftOut)...)
	ask := needs(capability.CreateSpaces)
	switch {
	case made.NotAllowed:
		widgets, ask = append(widgets, chat.Widget{Text: say(words.CreatedNotAllowed)}), append(ask, capability.ReadMembers)
	case made.Unchecked:
		widgets = append(widgets, chat.Widget{Text: say(words.CreatedUnchecked)})
	}
	for _, u := range made.Undone {
		why := fault.Public(say, u.Why, logging.Reference(ctx))
		if _, consent := capability.Needed(u.Why); consent {
			why, ask = say(words.CreatedNotAllowedYet), append(ask, u.Step.Needs())
		}
		widgets = append(widgets, chat.Widget{Label: say(undoneWords[u.Step]), Text: why})
	}
	if len(made.LeftOut) > 0 || made.Unchecked || len(made.Undone) > 0 {
		title = words.CreatedPartialTitle
	}
	row, err := f.spaceButtons(e, space.Name, space.DisplayName, space.Address)
	if err != nil {
		return chat.Reply{}, err
	}
	if len(ask) > 1 {
		allow, err := f.allow(ctx, say(words.ButtonAllow), e, ask...)
		if err != nil {
			return chat.Reply{}, err
		}
		row = append(row, allow)
	}
	if made.Unchecked || len(made.Undone) > 0 {
		again, err := f.repeat(words.ButtonTryAgain, e, attempt{finish, remaining(source, r, space)})
		if err != nil {
			return chat.Reply{}, err
		}
		row = append(row, again...)
	}
	reply := card(say(title), append(widgets, buttons(row...))...)
	reply.Card.Subtitle, reply.Leaves = space.DisplayName, true
	return reply, nil
}

// remaining is what is left to do for a space that is there.
func remaining(source resource.Key, r spaces.Request, made operations.CreatedSpace) invocation {
	i := invocation{Source: source, Space: made.Name, Args: made.DisplayName, External: r.External != nil && *r.External, Rest: r.Rest.Only(made.Outcome.Steps()...)}
	for _, m := range r.Members { // who got in is looked at again: the card is drawn anew
		i.Mentions = append(i.Mentions, chat.Person{Name: resource.Person(m.User), DisplayName: m.Label})
	}
	return i
}

// finishSpace does what was left to do.
func finishSpace(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	r := spaces.Request{Members: mentioned(i), External: &i.External, Rest: i.Rest}
	done, err := f.Operations.FinishSpace(ctx, operations.Self(e.Person.Name, i.Source), i.Space, r)
	if err != nil {
		return chat.Reply{}, err
	}
	return f.created(ctx, e, i.Source, r, operations.CreatedSpace{Name: i.Space, DisplayName: i.Args, Address: spaces.Address(i.Space), Outcome: done})
}

// undoneWords name a step that was not taken; the form has no others.
var undoneWords = map[spaces.Step]i18n.Text{
	spaces.SetHistory: words.CreatedUndoneHistory, spaces.AddTheApp: words.CreatedUndoneApp, spaces.PostFirst: words.CreatedUndoneFirst,
}

// spaceButtons are what one may want to do with a space that was just made.
func (f function) spaceButtons(e chat.Event, space resource.SpaceName, name, address string) ([]chat.Button, error) {
	about := invocation{Space: space, Args: name}
	about.Form = rename
	other, err := f.opener(words.ButtonRename, openForm, e, about)
	if err != nil {
		return nil, err
	}
	about.Form = remove
	end, err := f.opener(words.ButtonDelete, openForm, e, about)
	return []chat.Button{{Text: i18n.In(e.Locale)(words.ButtonOpen), Link: config.NewSecret(address), Strong: true}, other, end}, err
}

// leftOut are those whom Google did not add, each reason with its people: what
// it likely is, and what to do.
func (f function) leftOut(ctx context.Context, e chat.Event, external bool, members []spaces.Member) []chat.Widget {
	if len(members) == 0 {
		return nil
	}
	home := ""
	if c, err := f.Grants.Connection(ctx, e.Person.Name); err == nil {
		_, home, _ = strings.Cut(c.Email, "@")
	}
	say, byReason := i18n.In(e.Locale), map[i18n.Text][]spaces.Member{}
	for _, m := range members {
		why := spaces.LikelyReason(m, home, external)
		byReason[why] = append(byReason[why], m)
	}
	var out []chat.Widget
	for _, why := range []i18n.Text{words.CreatedLeftOutOutside, words.CreatedLeftOutOutsideAllowed, words.CreatedLeftOutGroup, words.CreatedLeftOutInside} {
		if len(byReason[why]) > 0 {
			out = append(out, chat.Widget{Label: say(words.CreatedLeftOut), Text: names(say, byReason[why])}, chat.Widget{Text: say(why)})
		}
	}
	return out
}

// offerAnotherName is the answer when the name is taken: a button that makes
// the same space under the next name.
func (f function) offerAnotherName(ctx context.Context, e chat.Event, i invocation, taken error) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	next := i
	next.Args = spaces.NextName(i.Args)
	instead, err := f.seal(say(words.ButtonCreateInstead, next.Args), value{Act: runAgain, Invocation: next}, e)
	if err != nil {
		return chat.Reply{}, err
	}
	logging.Note(ctx, slog.String("conflict", "displayName"))
	return card(say(words.ErrorTitle), chat.Widget{Text: fault.Public(say, taken, logging.Reference(ctx))}, buttons(instead)), nil
}
