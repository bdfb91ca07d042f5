package chatevent

import (
	"context"
	"maps"
	"slices"
	"strings"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// templates is the menu of the operator's templates, and the button that fills
// the form with one; nothing when there are none.
func (f function) templates(ctx context.Context, e chat.Event, i invocation, held chat.Inputs) ([]chat.Widget, error) {
	set, err := f.Callers.Read(ctx)
	if err != nil {
		f.try(ctx, err) // the form does without
		return nil, nil
	}
	all := set.Templates
	if len(all) == 0 {
		return nil, nil
	}
	say, room := i18n.In(e.Locale), 4_000 // bytes for their names: the card has other things to hold
	menu := chat.Field{Kind: chat.Choice, Name: templateField, Label: say(words.FormTemplate), Values: held[templateField], Options: []chat.Option{{Value: usual, Text: say(words.FormTemplateNone)}}}
	for _, t := range all {
		if room -= 2 * written(t.Name); room > 0 {
			menu.Options = append(menu.Options, chat.Option{Value: t.Name, Text: t.Name})
		}
	}
	if len(menu.Values) == 0 {
		menu.Values = []string{usual}
	}
	use, err := f.button(words.ButtonUseTemplate, fillForm, e, i)
	return []chat.Widget{{Field: &menu}, buttons(use)}, err
}

// fill puts a template into the form. What the template does not set stays as
// it was typed, and its people come to those who are there.
func fill(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	held := e.Inputs
	of(ctx).form = func(n notice) (chat.Reply, error) { return f.show(context.WithoutCancel(ctx), e, i, held, n) }
	all, err := f.Callers.Read(ctx)
	if err != nil {
		return chat.Reply{}, err
	}
	t, ok := all.Template(held.First(templateField))
	if !ok {
		return f.show(ctx, e, i, held, notice{})
	}
	return f.show(ctx, e, i, filled(held, t), notice{})
}

func filled(held chat.Inputs, t vault.Template) chat.Inputs {
	out := chat.Inputs{}
	maps.Copy(out, held)
	set := func(wanted bool, name, value string) {
		if wanted {
			out[name] = []string{value}
		}
	}
	if name := out.First(nameField); t.DisplayName != "" && !strings.Contains(name, "{{") && !made(name, t.DisplayName) {
		set(true, nameField, strings.ReplaceAll(t.DisplayName, "{{title}}", name)) // as typed so far
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
		case !slices.ContainsFunc(apart(others), func(there string) bool { return strings.EqualFold(there, id) }):
			others = strings.TrimPrefix(others+", "+id, ", ")
		}
	}
	set(others != "", othersField, others)
	return out
}

// made tells that a name is of this pattern already, with something in place
// of its {{title}}.
func made(name, pattern string) bool {
	before, after, open := strings.Cut(pattern, "{{title}}")
	return open && before+after != "" && len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}

// fillIn replaces the placeholders of a template that the form was filled with.
// What a person types themself is a text like any other.
func (f function) fillIn(ctx context.Context, e chat.Event, i invocation, r spaces.Request) (spaces.Request, error) {
	name := e.Inputs.First(templateField)
	if name == "" || name == usual || !r.Open() {
		return r, nil
	}
	email, err := f.Grants.Email(ctx, e.Person.Name)
	if err != nil {
		return r, err
	}
	p := spaces.Placeholders{Date: f.Now().UTC(), Person: email}
	if r.Counts() {
		// The field is a choice, and what comes in it a text like any other.
		all, err := f.Callers.Read(ctx)
		if err != nil {
			return r, err
		}
		if _, ok := all.Template(name); !ok {
			return r, fault.New(fault.Invalid, words.FormTemplateGone)
		}
		if p.Seq, err = f.Vault.NextSeq(ctx, vault.TemplateID("", name), i.Source); err != nil {
			return r, err
		}
	}
	p.Title = spaces.Request{DisplayName: r.DisplayName}.Filled(p).DisplayName // what was typed is in the name
	return r.Filled(p), nil
}
