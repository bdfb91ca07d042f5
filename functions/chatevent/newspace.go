package chatevent

import (
	"context"
	"errors"
	"maps"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
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
		title: words.FormTitle, submit: words.ButtonCreate, required: []string{nameField}, needs: needs(capability.CreateSpaces),
		begin: beginCreate, draw: drawCreate, send: sendCreate,
	}
}

// createNeeds is all that making a space may ask for.
var createNeeds = needs(capability.CreateSpaces, capability.ReadMembers, capability.EditSpaces, capability.DeleteSpaces, capability.AddTheApp, capability.PostMessages)

// createForm is the quick command that opens the form.
func createForm(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	i.Form = newSpace
	return open(ctx, f, e, i)
}

func beginCreate(i invocation) chat.Inputs {
	held := chat.Inputs{nameField: {i.Args}, historyField: {usual}, accessField: {usual}, kindField: {usual}}
	for _, m := range i.Mentions {
		held[peopleField] = append(held[peopleField], string(m.Name))
	}
	return held
}

func drawCreate(ctx context.Context, f function, e chat.Event, i invocation, held chat.Inputs) ([]chat.Widget, error) {
	say := i18n.In(e.Locale)
	field := func(field chat.Field) chat.Widget {
		field.Values = held[field.Name]
		return chat.Widget{Field: &field}
	}
	options := func(all ...chat.Option) []chat.Option { return all }
	var known []chat.Option
	for _, m := range i.Mentions {
		known = append(known, chat.Option{Value: string(m.Name), Text: m.DisplayName})
	}
	widgets, err := f.templates(ctx, e, i, held)
	if err != nil {
		return nil, err
	}
	return append(
		widgets,
		field(chat.Field{Name: nameField, Label: say(words.FormName), Limit: spaces.MaxName}),
		field(chat.Field{Kind: chat.Paragraph, Name: descriptionField, Label: say(words.FormDescription), Limit: spaces.MaxDescription}),
		field(chat.Field{Kind: chat.Paragraph, Name: guidelinesField, Label: say(words.FormGuidelines), Limit: spaces.MaxGuidelines}),
		field(chat.Field{Kind: chat.People, Name: peopleField, Label: say(words.FormPeople), Limit: spaces.MaxMembers, Options: known}),
		field(chat.Field{Kind: chat.Paragraph, Name: othersField, Label: say(words.FormOthers), Hint: say(words.FormOthersHint)}),
		field(chat.Field{Kind: chat.Choice, Name: historyField, Label: say(words.FormHistory), Options: options(
			chat.Option{Value: usual, Text: say(words.FormDefault)},
			chat.Option{Value: string(spaces.HistoryOn), Text: say(words.FormHistoryOn)},
			chat.Option{Value: string(spaces.HistoryOff), Text: say(words.FormHistoryOff)},
		)}),
		field(chat.Field{Kind: chat.Radio, Name: accessField, Label: say(words.FormAccess), Options: options(
			chat.Option{Value: usual, Text: say(words.FormAccessPrivate)}, chat.Option{Value: discoverable, Text: say(words.FormAccessDiscoverable)},
		)}),
		field(chat.Field{Kind: chat.Radio, Name: kindField, Label: say(words.FormKind), Options: options(
			chat.Option{Value: usual, Text: say(words.FormKindCollaboration)}, chat.Option{Value: announcements, Text: say(words.FormKindAnnouncements)},
		)}),
		field(chat.Field{Kind: chat.Switch, Name: externalField, Label: say(words.FormExternal)}),
		field(chat.Field{Kind: chat.Paragraph, Name: firstField, Label: say(words.FormFirstMessage), Limit: maxFirst}),
		field(chat.Field{Kind: chat.Switch, Name: appField, Label: say(words.FormAddApp)}),
	), nil
}

// sendCreate makes the space that the form describes.
func sendCreate(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	r, err := request(e.Inputs, i)
	if err == nil {
		r, err = f.fillIn(ctx, e, i, r)
	}
	if err == nil {
		r, err = r.Checked(e.Person.Name)
	}
	if err != nil {
		return chat.Reply{}, err
	}
	made, err := f.Operations.CreateSpace(ctx, operations.Self(e.Person.Name, i.Source), operations.NewSpace{Request: r})
	if err != nil && fault.KindOf(err) == fault.Conflict {
		// The same form, with a name that may be free.
		taken := e.Inputs.First(nameField)
		held := maps.Clone(e.Inputs)
		held[nameField] = []string{spaces.NextName(r.DisplayName)}
		say := i18n.In(e.Locale)
		return f.show(ctx, e, i, held, notice{nameField, []chat.Widget{{Text: warning + say(words.FormNameTaken, taken)}}})
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
		Discoverable: in.First(accessField) == discoverable, Announcements: in.First(kindField) == announcements,
		Rest: spaces.Rest{AddTheApp: in.First(appField) == chat.On, First: in.First(firstField)},
	}
	if in.First(externalField) == chat.On { // else not a word, which consumer accounts need
		r.External = new(true)
	}
	if h := in.First(historyField); h != usual {
		r.Rest.History = spaces.History(h)
	}
	for _, user := range in[peopleField] {
		m := spaces.Member{User: "users/" + strings.TrimPrefix(user, "users/")}
		for _, mention := range i.Mentions {
			if string(mention.Name) == m.User {
				m.Label = mention.DisplayName
			}
		}
		r.Members = append(r.Members, m)
	}
	others, err := named(in.First(othersField))
	r.Members = append(r.Members, others...)
	if len([]rune(r.Rest.First)) > maxFirst { // past the client's own check
		err = errors.Join(err, fault.New(fault.Invalid, words.ErrorMessageTooLong))
	}
	return r, err
}
