package chatevent

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

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

// The options of the form's menus.
const (
	defaultOption = "usual"
	discoverable  = "discoverable"
	announcements = "announcements"
)

// maxFirstMessage limits the first message, in characters, so that the button Try again can carry it.
const maxFirstMessage = 2_000

func createForm() form {
	return form{
		title: words.FormTitle, submit: words.ButtonCreate, required: []string{nameField},
		needs: needs(capability.CreateSpaces), initial: initialCreateForm, draw: drawCreateForm, send: sendCreateForm,
	}
}

var createNeeds = append(slices.Clone(spaceNeeds), capability.AddTheApp, capability.PostMessages)

// openCreateForm is the quick command that opens the form.
func openCreateForm(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	i.Form = createFormName
	return openForm(ctx, v, i)
}

func initialCreateForm(i invocation) chat.Inputs {
	values := chat.Inputs{nameField: {i.Args}}
	for _, menu := range []string{historyField, accessField, kindField} {
		values[menu] = []string{defaultOption}
	}
	for _, m := range i.Mentions {
		values[peopleField] = append(values[peopleField], string(m.Name))
	}
	return values
}

func drawCreateForm(ctx context.Context, v *view, i invocation, in chat.Inputs) {
	field := func(kind chat.FieldKind, name string, label i18n.Text, limit int, menu ...chat.Option) *chat.Field {
		return &chat.Field{Kind: kind, Name: name, Label: v.say(label), Limit: limit, Values: in[name], Options: menu}
	}
	option := func(value string, text i18n.Text) chat.Option { return chat.Option{Value: value, Text: v.say(text)} }
	var mentioned []chat.Option
	for _, m := range i.Mentions {
		mentioned = append(mentioned, chat.Option{Value: string(m.Name), Text: m.DisplayName})
	}
	v.addTemplateMenu(ctx, i, in)
	others := field(chat.Paragraph, othersField, words.FormOthers, 0)
	others.Hint = v.say(words.FormOthersHint)
	for _, fl := range []*chat.Field{
		field(chat.Line, nameField, words.FormName, spaces.MaxName),
		field(chat.Paragraph, descriptionField, words.FormDescription, spaces.MaxDescription),
		field(chat.Paragraph, guidelinesField, words.FormGuidelines, spaces.MaxGuidelines),
		field(chat.People, peopleField, words.FormPeople, spaces.MaxMembers, mentioned...),
		others,
		field(chat.Choice, historyField, words.FormHistory, 0, option(defaultOption, words.FormDefault),
			option(string(spaces.HistoryOn), words.FormHistoryOn),
			option(string(spaces.HistoryOff), words.FormHistoryOff)),
		field(chat.Radio, accessField, words.FormAccess, 0,
			option(defaultOption, words.FormAccessPrivate), option(discoverable, words.FormAccessDiscoverable)),
		field(chat.Radio, kindField, words.FormKind, 0,
			option(defaultOption, words.FormKindCollaboration), option(announcements, words.FormKindAnnouncements)),
		field(chat.Switch, externalField, words.FormExternal, 0),
		field(chat.Paragraph, firstField, words.FormFirstMessage, maxFirstMessage),
		field(chat.Switch, appField, words.FormAddApp, 0),
	} {
		v.add(chat.Widget{Field: fl})
	}
}

func sendCreateForm(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	r, err := spaceRequest(v.event.Inputs, i)
	if err == nil {
		r, err = v.expand(ctx, i, r)
	}
	if err == nil {
		r, err = r.Normalize(v.event.Person.Name)
	}
	if err != nil {
		return chat.Reply{}, err
	}
	selected := slices.DeleteFunc(slices.Clone(i.Mentions), func(p chat.Person) bool {
		return !slices.ContainsFunc(r.Members, func(m spaces.Member) bool { return m.User == string(p.Name) })
	})
	outside, home := v.outsiders(ctx, selected, r.Members)
	if outside != "" && r.External == nil && outside != i.Outside {
		i.Outside = outside
		text := warning + v.say(words.FormOutside, outside, home)
		return v.show(ctx, v.event, i, v.event.Inputs, notice{othersField, []chat.Widget{{Text: text}}})
	}
	self := operations.Self(v.event.Person.Name, i.Key)
	created, err := v.Operations.CreateSpace(ctx, self, operations.NewSpace{Request: r})
	if err != nil && fault.KindOf(err) == fault.Conflict {
		// Show the form again with the next name, which may be free.
		values := maps.Clone(v.event.Inputs)
		values[nameField] = []string{spaces.TakenName{Name: r.DisplayName, Asked: i.Asked}.Next()}
		i.Asked = cmp.Or(i.Asked, r.DisplayName)
		text := v.say(words.FormNameTaken, v.event.Inputs.First(nameField))
		return v.show(ctx, v.event, i, values, notice{nameField, []chat.Widget{{Text: warning + text}}})
	}
	if err != nil {
		return chat.Reply{}, err
	}
	return v.createdCard(ctx, i.Key, r, created)
}

// spaceRequest converts the form's values. It fails with Invalid for values that the form doesn't allow.
func spaceRequest(in chat.Inputs, i invocation) (spaces.Request, error) {
	r := spaces.Request{
		DisplayName: in.First(nameField), Description: in.First(descriptionField),
		Guidelines: in.First(guidelinesField), Discoverable: in.First(accessField) == discoverable,
		Announcements: in.First(kindField) == announcements,
		Rest:          spaces.FollowUp{AddTheApp: in.First(appField) == chat.On, FirstMessage: in.First(firstField)},
	}
	if in.First(externalField) == chat.On { // otherwise unset, which consumer accounts require
		r.External = new(true)
	}
	if h := in.First(historyField); h != defaultOption {
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
	others, err := parseMembers(in.First(othersField))
	r.Members = append(r.Members, others...)
	if len([]rune(r.Rest.FirstMessage)) > maxFirstMessage { // a client might not check this
		err = errors.Join(err, fault.New(fault.Invalid, words.ErrorMessageTooLong))
	}
	return r, err
}
