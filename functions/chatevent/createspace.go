package chatevent

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// createSpace creates a space with the given name and the mentioned people. Without a name, it offers the form.
func createSpace(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	switch n := len(i.Mentions); {
	case n > spaces.MaxMembers:
		return chat.Reply{}, fault.New(fault.Invalid, words.ErrorTooManyPeople, n, spaces.MaxMembers)
	case i.Args == "":
		return v.offerForm(i)
	}
	if _, err := spaces.NormalizeName(i.Args); err != nil {
		return chat.Reply{}, err
	}
	if outside, home := v.outsiders(ctx, i.Mentions, nil); outside != "" && outside != i.Outside {
		v.text(words.CreatespaceOutside, outside, home)
		anyway := i
		anyway.Outside, i.Form = outside, createFormName
		fill := v.dialogButton(words.ButtonFillIn, openFormButton, i)
		fill.Primary = true
		v.row(fill, v.button(words.ButtonCreateAnyway, runButton, anyway))
		return v.reply(words.FormTitle)
	}
	if plain := plainMentions(i.Args); plain != "" && plain != i.Outside {
		v.text(words.CreatespacePlainMention, plain)
		anyway := i
		anyway.Outside = plain
		v.row(v.button(words.ButtonCreateAnyway, runButton, anyway))
		return v.reply(words.FormTitle)
	}
	r := spaces.Request{DisplayName: i.Args, Members: membersFrom(i.Mentions)}
	self := operations.Self(v.event.Person.Name, i.Key)
	created, err := v.Operations.CreateSpace(ctx, self, operations.NewSpace{Request: r})
	if err != nil && fault.KindOf(err) == fault.Conflict {
		return v.offerNextName(ctx, i, err)
	}
	if err != nil {
		return chat.Reply{}, err
	}
	return v.createdCard(ctx, i.Key, r, created)
}

// plainMentions returns the words of a name that begin with @: people who were typed, but not chosen.
func plainMentions(name string) string {
	isName := func(word string) bool { return len(word) < 2 || word[0] != '@' }
	return strings.Join(slices.DeleteFunc(strings.Fields(name), isName), " ")
}

// outsiders returns the mentioned people and the members whose email addresses aren't in the person's own organization,
// and its domain. It knows none for a consumer account, which has no organization.
func (v *view) outsiders(ctx context.Context, mentions []chat.Person, members []spaces.Member) (outside, home string) {
	names := map[string]string{} // by address
	for _, p := range mentions {
		names[p.Email] = cmp.Or(p.DisplayName, p.Email)
	}
	for _, m := range members {
		if email, ok := strings.CutPrefix(m.User, "users/"); ok && strings.Contains(email, "@") {
			names[email] = m.Label
		}
	}
	if delete(names, ""); len(names) == 0 {
		return "", ""
	}
	c, err := v.Grants.Connection(ctx, v.event.Person.Name)
	v.logError(ctx, err)
	home, own := c.Domain, address.Domain(c.Email)
	if consumer := []string{"gmail.com", "googlemail.com"}; !c.Connected {
		home = address.Domain(v.event.Person.Email)
		if slices.Contains(consumer, home) {
			home = ""
		}
	}
	var found []string
	for email, name := range names {
		if d := address.Domain(email); home != "" && d != home && d != own {
			found = append(found, name)
		}
	}
	slices.Sort(found)
	return strings.Join(found, ", "), home
}

func (v *view) offerForm(i invocation) (chat.Reply, error) {
	i.Form = createFormName
	fill := v.dialogButton(words.ButtonFillIn, openFormButton, i)
	fill.Primary = true
	v.text(words.CreatespaceNameMissing)
	v.row(fill)
	return v.reply(words.FormTitle)
}

// createdCard shows a new space: who was added, which steps failed, and how to fix that.
func (v *view) createdCard(
	ctx context.Context, key resource.Key, r spaces.Request, space operations.CreatedSpace,
) (chat.Reply, error) {
	outcome, external := space.Outcome, r.External != nil && *r.External
	title := words.CreatedTitle
	v.addOutcome(ctx, outcome, external)
	missing := needs(capability.CreateSpaces) // and what is missing; a consent asks for all
	if outcome.ListDeclined {
		missing = append(missing, capability.ReadMembers)
	}
	if slices.ContainsFunc(outcome.Failed, needsConsent) {
		missing = append(missing, capability.ManageMembers)
	}
	for _, u := range outcome.FailedSteps {
		reason := fault.Public(v.say, u.Err, logging.Reference(ctx))
		if _, ok := capability.AsConsentError(u.Err); ok {
			reason, missing = v.say(words.CreatedNotAllowedYet), append(missing, u.Step.Capability())
		}
		v.labeled(undoneWords[u.Step], reason)
	}
	if len(outcome.LeftOut)+len(outcome.Failed)+len(outcome.Pending)+len(outcome.Unchecked)+
		len(outcome.FailedSteps) > 0 {
		title = words.CreatedPartialTitle
	}
	row := v.spaceButtons(space.Name, space.DisplayName, space.Address)
	if len(missing) > 1 {
		wish := consent.Wish{Needed: missing, Connected: true}
		row = append(row, v.consentButton(ctx, words.ButtonAllow, wish))
	}
	toAdd, toCheck := remaining(outcome)
	if len(toAdd)+len(toCheck)+len(outcome.FailedSteps) > 0 || outcome.ListDeclined {
		retry := attempt{finishButton, remainingSteps(key, r, space)}
		row = append(row, v.retryButtons(words.ButtonTryAgain, retry)...)
	}
	v.row(row...)
	v.out.Card.Subtitle, v.out.ClosesDialog = space.DisplayName, true
	return v.reply(title)
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

func finishSpace(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	r := spaces.Request{
		Members: membersFrom(i.Mentions), More: membersFrom(i.ToAdd), External: &i.External,
		Rest: i.Rest,
	}
	space := operations.CreatedSpace{Name: i.Space, DisplayName: i.Args, Address: spaces.Address(i.Space)}
	var err error
	space.Outcome, err = v.Operations.FinishSpace(ctx, operations.Self(v.event.Person.Name, i.Key), i.Space, r)
	if err != nil {
		return chat.Reply{}, err
	}
	return v.createdCard(ctx, i.Key, r, space)
}

// undoneWords describe the steps that can fail after the space is created. The form offers only these.
var undoneWords = map[spaces.Step]i18n.Text{
	spaces.SetHistory: words.CreatedUndoneHistory, spaces.AddTheApp: words.CreatedUndoneApp,
	spaces.PostFirst: words.CreatedUndoneFirst,
}

func (v *view) spaceButtons(space resource.SpaceName, name, address string) []chat.Button {
	i := invocation{Space: space, Args: name, Form: renameFormName}
	renameIt := v.dialogButton(words.ButtonRename, openFormButton, i)
	i.Form = deleteFormName
	deleteIt := v.dialogButton(words.ButtonDelete, openFormButton, i)
	open := chat.Button{Text: v.say(words.ButtonOpen), Link: config.NewSecret(address), Primary: true}
	return []chat.Button{open, renameIt, deleteIt}
}

// offerNextName is the reply when the name is taken. Its button creates the same space with the next free-looking name.
func (v *view) offerNextName(ctx context.Context, i invocation, conflict error) (chat.Reply, error) {
	next := i
	next.Asked = cmp.Or(i.Asked, i.Args)
	next.Args = spaces.TakenName{Name: i.Args, Asked: next.Asked}.Next()
	value := buttonValue{Handler: runButton, Invocation: next}
	logging.AddAttrs(ctx, slog.String("conflict", "displayName"))
	v.add(chat.Widget{Text: fault.Public(v.say, conflict, logging.Reference(ctx))})
	v.row(v.sealed(v.say(words.ButtonCreateInstead, next.Args), value))
	return v.reply(words.ErrorTitle)
}
