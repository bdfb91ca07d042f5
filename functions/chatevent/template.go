package chatevent

import (
	"context"
	"maps"
	"slices"
	"strings"

	"example.com/deputy/shared/address"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/text"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// addTemplateMenu adds a menu of the operator's templates and a button that applies the chosen one. It adds nothing
// when there are no templates, or they can't be read.
func (v *view) addTemplateMenu(ctx context.Context, i invocation, in chat.Inputs) {
	set, err := v.Callers.Read(ctx)
	if err != nil {
		v.logError(ctx, err)
		return
	}
	if len(set.Templates) == 0 {
		return
	}
	remaining := 4_000 // bytes for the names, because the card must hold other fields too
	menu := chat.Field{
		Kind: chat.Choice, Name: templateField, Label: v.say(words.FormTemplate), Values: in[templateField],
		Options: []chat.Option{{Value: defaultOption, Text: v.say(words.FormTemplateNone)}},
	}
	for _, t := range set.Templates {
		if remaining -= 2 * jsonSize(t.Name); remaining > 0 {
			menu.Options = append(menu.Options, chat.Option{Value: t.Name, Text: t.Name})
		}
	}
	if len(menu.Values) == 0 {
		menu.Values = []string{defaultOption}
	}
	v.add(chat.Widget{Field: &menu})
	v.row(v.button(words.ButtonUseTemplate, fillFormButton, i))
}

func fillForm(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	stateOf(ctx).redrawForm = v.redrawer(ctx, v.event, i)
	set, err := v.Callers.Read(ctx)
	if err != nil {
		return chat.Reply{}, err
	}
	in := v.event.Inputs
	if t, ok := set.Template(in.First(templateField)); ok {
		in = applyTemplate(in, t)
	}
	return v.show(ctx, v.event, i, in, notice{})
}

// applyTemplate keeps the values that the template doesn't set, and adds the template's members to those in the form.
func applyTemplate(in chat.Inputs, t vault.Template) chat.Inputs {
	out := chat.Inputs{}
	maps.Copy(out, in)
	setIf := func(condition bool, name, value string) {
		if condition {
			out[name] = []string{value}
		}
	}
	name := out.First(nameField)
	if t.DisplayName != "" && !strings.Contains(name, "{{") && !matchesPattern(name, t.DisplayName) {
		out[nameField] = []string{strings.ReplaceAll(t.DisplayName, "{{title}}", name)} // the typed name is the title
	}
	setIf(t.Description != "", descriptionField, t.Description)
	setIf(t.Guidelines != "", guidelinesField, t.Guidelines)
	setIf(t.History != "", historyField, t.History)
	setIf(t.Discoverable, accessField, discoverable)
	setIf(t.Announcements, kindField, announcements)
	setIf(t.External, externalField, chat.On)
	setIf(t.FirstMessage != "", firstField, t.FirstMessage)
	setIf(t.AddApp, appField, chat.On)
	others := text.Clean(out.First(othersField))
	for _, m := range t.Members {
		id, isUser := strings.CutPrefix(m, "users/")
		equalsID := func(other string) bool { return strings.EqualFold(other, id) }
		switch {
		case isUser && !strings.Contains(id, "@"):
			if !slices.Contains(out[peopleField], m) {
				out[peopleField] = append(slices.Clone(out[peopleField]), m)
			}
		case !slices.ContainsFunc(address.Split(others), equalsID):
			others = strings.TrimPrefix(others+", "+id, ", ")
		}
	}
	setIf(others != "", othersField, others)
	return out
}

// matchesPattern reports whether a name already has the form of the pattern, with text in place of {{title}}.
func matchesPattern(name, pattern string) bool {
	before, after, hasTitle := strings.Cut(pattern, "{{title}}")
	return hasTitle && before+after != "" && len(name) >= len(before)+len(after) &&
		strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}

// expand replaces the placeholders in a request if the person chose a template. Otherwise they are plain text.
func (v *view) expand(ctx context.Context, i invocation, r spaces.Request) (spaces.Request, error) {
	name := v.event.Inputs.First(templateField)
	if name == "" || name == defaultOption || !r.HasPlaceholders() {
		return r, nil
	}
	email, err := v.Grants.Email(ctx, v.event.Person.Name)
	if err != nil {
		return r, err
	}
	p := spaces.Placeholders{Date: v.Now().UTC(), Person: email}
	if r.UsesSeq() {
		// Check the template's name: a client can send any text in this field.
		set, err := v.Callers.Read(ctx)
		if err != nil {
			return r, err
		}
		if _, ok := set.Template(name); !ok {
			return r, fault.New(fault.Invalid, words.FormTemplateGone)
		}
		if p.Seq, err = v.Vault.NextSeq(ctx, vault.TemplateID("", name), i.Key); err != nil {
			return r, err
		}
	}
	p.Title = spaces.Request{DisplayName: r.DisplayName}.FillIn(p).DisplayName // the name contains the typed title
	return r.FillIn(p), nil
}
