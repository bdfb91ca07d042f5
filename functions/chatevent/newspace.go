package chatevent

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/userauth"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// The fields of the form.
const (
	templateField    = "template"
	nameField        = "name"
	descriptionField = "description"
	guidelinesField  = "guidelines"
	peopleField      = "people"
	othersField      = "others"
	historyField     = "history"
	accessField      = "access"
	kindField        = "kind"
	externalField    = "external"
	firstField       = "first"
	appField         = "app"
)

// What its menus hold.
const (
	usual         = "usual"
	discoverable  = "discoverable"
	announcements = "announcements"
)

// maxFirst is how many characters the form takes as first message: what a
// button can carry, if only that is left to do.
const maxFirst = 2_000

func createSpaceForm() form {
	return form{
		title: words.NewSpace, submit: words.Create, required: []string{nameField}, needs: needs(userauth.CreateSpaces),
		begin: beginCreate, draw: drawCreate, send: sendCreate,
	}
}

// createNeeds is all that making a space may ask for.
var createNeeds = needs(userauth.CreateSpaces, userauth.ReadMembers, userauth.EditSpaces, userauth.DeleteSpaces, userauth.AddTheApp, userauth.PostMessages)

// createForm is the quick command that opens the form.
func createForm(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	i.Form = newSpace
	return open(ctx, f, e, i)
}

func beginCreate(i invocation) chat.Inputs {
	held := chat.Inputs{nameField: {i.Args}, historyField: {usual}, accessField: {usual}, kindField: {usual}}
	for _, m := range i.Mentions {
		held[peopleField] = append(held[peopleField], m.Name)
	}
	return held
}

func drawCreate(ctx context.Context, f function, e chat.Event, i invocation, held chat.Inputs) ([]chat.Widget, error) {
	say := words.In(e.Locale)
	field := func(field chat.Field) chat.Widget {
		field.Values = held[field.Name]
		return chat.Widget{Field: &field}
	}
	options := func(all ...chat.Option) []chat.Option { return all }
	var known []chat.Option
	for _, m := range i.Mentions {
		known = append(known, chat.Option{Value: m.Name, Text: m.DisplayName})
	}
	widgets, err := f.templates(ctx, e, i, held)
	if err != nil {
		return nil, err
	}
	return append(
		widgets,
		field(chat.Field{Name: nameField, Label: say(words.Name), Limit: spaces.MaxName}),
		field(chat.Field{Kind: chat.Paragraph, Name: descriptionField, Label: say(words.Description), Limit: spaces.MaxDescription}),
		field(chat.Field{Kind: chat.Paragraph, Name: guidelinesField, Label: say(words.Guidelines), Limit: spaces.MaxGuidelines}),
		field(chat.Field{Kind: chat.People, Name: peopleField, Label: say(words.People), Limit: spaces.MaxMembers, Options: known}),
		field(chat.Field{Kind: chat.Paragraph, Name: othersField, Label: say(words.Others), Hint: say(words.OthersHint)}),
		field(chat.Field{Kind: chat.Choice, Name: historyField, Label: say(words.History), Options: options(
			chat.Option{Value: usual, Text: say(words.AsUsual)},
			chat.Option{Value: string(spaces.HistoryOn), Text: say(words.On)},
			chat.Option{Value: string(spaces.HistoryOff), Text: say(words.Off)},
		)}),
		field(chat.Field{Kind: chat.Radio, Name: accessField, Label: say(words.Access), Options: options(
			chat.Option{Value: usual, Text: say(words.Private)}, chat.Option{Value: discoverable, Text: say(words.Discoverable)},
		)}),
		field(chat.Field{Kind: chat.Radio, Name: kindField, Label: say(words.SpaceKind), Options: options(
			chat.Option{Value: usual, Text: say(words.Collaboration)}, chat.Option{Value: announcements, Text: say(words.Announcements)},
		)}),
		field(chat.Field{Kind: chat.Switch, Name: externalField, Label: say(words.External)}),
		field(chat.Field{Kind: chat.Paragraph, Name: firstField, Label: say(words.FirstMessage), Limit: maxFirst}),
		field(chat.Field{Kind: chat.Switch, Name: appField, Label: say(words.AddThisApp)}),
	), nil
}

// templates is the menu of the operator's templates, and the button that fills
// the form with one; nothing when there are none.
func (f function) templates(ctx context.Context, e chat.Event, i invocation, held chat.Inputs) ([]chat.Widget, error) {
	all, err := f.Auth.Vault.Templates(ctx)
	if err != nil {
		f.try(ctx, err) // the form does without
		return nil, nil
	}
	if len(all) == 0 {
		return nil, nil
	}
	say, room := words.In(e.Locale), 4_000 // bytes for their names: the card has other things to hold
	menu := chat.Field{Kind: chat.Choice, Name: templateField, Label: say(words.Template), Values: held[templateField], Options: []chat.Option{{Value: usual, Text: say(words.NoTemplate)}}}
	for _, t := range all {
		if room -= 2 * written(t.Name); room > 0 {
			menu.Options = append(menu.Options, chat.Option{Value: t.Name, Text: t.Name})
		}
	}
	if len(menu.Values) == 0 {
		menu.Values = []string{usual}
	}
	use, err := f.button(words.UseTemplate, fillForm, e, i)
	return []chat.Widget{{Field: &menu}, buttons(use)}, err
}

// fill puts a template into the form. What the template does not set stays as
// it was typed, and its people come to those who are there.
func fill(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	held := e.Inputs
	of(ctx).form = func(n notice) (chat.Reply, error) { return f.show(context.WithoutCancel(ctx), e, i, held, n) }
	all, err := f.Auth.Vault.Templates(ctx)
	if err != nil {
		return chat.Reply{}, err
	}
	at := slices.IndexFunc(all, func(t vault.Template) bool { return t.Name == held.First(templateField) })
	if at < 0 {
		return f.show(ctx, e, i, held, notice{})
	}
	return f.show(ctx, e, i, filled(held, all[at]), notice{})
}

func filled(held chat.Inputs, t vault.Template) chat.Inputs {
	out := chat.Inputs{}
	maps.Copy(out, held)
	set := func(wanted bool, name, value string) {
		if wanted {
			out[name] = []string{value}
		}
	}
	set(t.Description != "", descriptionField, t.Description)
	set(t.Guidelines != "", guidelinesField, t.Guidelines)
	set(t.History != "", historyField, t.History)
	set(t.Discoverable, accessField, discoverable)
	set(t.Announcements, kindField, announcements)
	set(t.External, externalField, chat.On)
	set(t.First != "", firstField, t.First)
	set(t.AddTheApp, appField, chat.On)
	others := strings.TrimSpace(out.First(othersField))
	for _, m := range t.Members {
		id, user := strings.CutPrefix(m, "users/")
		switch {
		case user && !strings.Contains(id, "@"):
			if !slices.Contains(out[peopleField], m) {
				out[peopleField] = append(slices.Clone(out[peopleField]), m)
			}
		case !strings.Contains(others, id):
			others = strings.TrimPrefix(others+", "+id, ", ")
		}
	}
	set(others != "", othersField, others)
	return out
}

// sendCreate makes the space that the form describes.
func sendCreate(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	r, err := request(e.Inputs, i)
	if err != nil {
		return chat.Reply{}, err
	}
	made, err := f.Spaces.Create(ctx, e.Person.Name, i.Source, r)
	if err != nil && fault.KindOf(err) == fault.Conflict {
		// The same form, with a name that may be free.
		taken := e.Inputs.First(nameField)
		held := maps.Clone(e.Inputs)
		held[nameField] = []string{spaces.NextName(r.DisplayName)}
		say := words.In(e.Locale)
		return f.show(ctx, e, i, held, notice{nameField, []chat.Widget{{Text: warning + say(words.NameTakenForm, taken)}}})
	}
	if err != nil {
		return chat.Reply{}, err
	}
	return f.created(ctx, e, i.Source, r, made)
}

// request is what a form holds, as a request.
func request(in chat.Inputs, i invocation) (spaces.Request, error) {
	r := spaces.Request{
		DisplayName: in.First(nameField), Description: in.First(descriptionField), Guidelines: in.First(guidelinesField),
		Discoverable: in.First(accessField) == discoverable, Announcements: in.First(kindField) == announcements, External: in.First(externalField) == chat.On,
		Rest: spaces.Rest{AddTheApp: in.First(appField) == chat.On, First: in.First(firstField)},
	}
	if h := in.First(historyField); h != usual {
		r.Rest.History = spaces.History(h)
	}
	for _, user := range in[peopleField] {
		m := spaces.Member{User: "users/" + strings.TrimPrefix(user, "users/")}
		for _, mention := range i.Mentions {
			if mention.Name == m.User {
				m.Label = mention.DisplayName
			}
		}
		r.Members = append(r.Members, m)
	}
	others, err := named(in.First(othersField))
	r.Members = append(r.Members, others...)
	if len([]rune(r.Rest.First)) > maxFirst { // past the client's own check
		err = errors.Join(err, fault.New(fault.Invalid, words.SayTooLong))
	}
	return r, err
}
