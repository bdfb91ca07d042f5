package chatevent

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// form is a dialog with fields. Every event contains its values, and every reply shows them again: Deputy stores none.
type form struct {
	title    i18n.Text
	submit   i18n.Text
	required []string
	needs    []capability.Capability // required to open the form
	initial  func(invocation) chat.Inputs
	draw     func(context.Context, *view, invocation, chat.Inputs)
	send     handler
}

// forms returns all forms by name. A variable would be an initialization cycle: forms draw buttons that open forms.
func forms() map[string]form {
	return map[string]form{createFormName: createForm(), renameFormName: renameForm(), deleteFormName: deleteForm()}
}

// The names of the forms. They are in sealed values.
const (
	createFormName = "newSpace"
	renameFormName = "rename"
	deleteFormName = "delete"
)

type redraw func(notice) (chat.Reply, error)

// notice is shown above one of a form's fields or, if field is empty, above all.
type notice struct {
	field   string
	widgets []chat.Widget
}

func warn(e chat.Event, text i18n.Text) notice {
	return notice{widgets: []chat.Widget{{Text: warning + i18n.In(e.Locale)(text)}}}
}

// maxFormSize limits the size of a form's card, in bytes. Chat accepts 32 KB (Chat API reference: cards).
const maxFormSize = 31_000

// openForm opens a form. The form gets a new idempotency key, so that sending it twice runs one operation.
func openForm(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	dialog, ok := forms()[i.Form]
	if !ok {
		return chat.Reply{}, fault.New(fault.Invalid, words.ErrorButton)
	}
	if _, err := v.Grants.TokenSource(ctx, v.event.Person.Name, dialog.needs...); err != nil {
		return chat.Reply{}, err
	}
	i.Key = newKey()
	return v.show(ctx, v.event, i, dialog.initial(i), notice{})
}

// sendForm handles a submitted form. If it fails, the form stays open with its values.
func sendForm(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	dialog, ok := forms()[i.Form]
	if !ok {
		return chat.Reply{}, fault.New(fault.Invalid, words.ErrorButton)
	}
	stateOf(ctx).redrawForm = v.redrawer(ctx, v.event, i)
	return dialog.send(ctx, v, i)
}

// redrawer returns a redraw for the form that the event submitted. It works after the context of the handler ended.
func (f function) redrawer(ctx context.Context, e chat.Event, i invocation) redraw {
	return func(n notice) (chat.Reply, error) { return f.show(context.WithoutCancel(ctx), e, i, e.Inputs, n) }
}

// show draws a form. If it is too large, show drops the longest values and adds a warning.
func (f function) show(ctx context.Context, e chat.Event, i invocation, in chat.Inputs, n notice) (chat.Reply, error) {
	dropped := false
	for {
		reply, err := f.drawForm(ctx, e, i, in, n, dropped)
		if err != nil || reply.Card.Size() <= maxFormSize {
			return reply, err
		}
		longest := ""
		for name := range in {
			if longest == "" || jsonSize(in.First(name)) > jsonSize(in.First(longest)) {
				longest = name
			}
		}
		if longest == "" {
			return chat.Reply{}, fault.New(fault.Internal, fault.NoText) // impossible: a form without values is small
		}
		in, dropped = maps.Clone(in), true
		delete(in, longest)
	}
}

func (f function) drawForm(
	ctx context.Context, e chat.Event, i invocation, in chat.Inputs, n notice, dropped bool,
) (chat.Reply, error) {
	dialog, v := forms()[i.Form], f.newView(e)
	dialog.draw(ctx, v, i, in)
	if dropped {
		n.widgets = append(slices.Clone(n.widgets), chat.Widget{Text: warning + v.say(words.FormCut)})
	}
	isField := func(w chat.Widget) bool { return w.Field != nil && w.Field.Name == n.field }
	all := &v.out.Card.Sections[0].Widgets
	*all = slices.Insert(*all, max(0, slices.IndexFunc(*all, isField)), n.widgets...)
	submit := v.button(dialog.submit, sendFormButton, i)
	submit.Primary, submit.Required = true, dialog.required
	v.row(submit)
	return v.reply(dialog.title)
}

func jsonSize(text string) int {
	out, _ := json.Marshal(text) // encoding a string never fails
	return len(out)
}

// invalidField returns the field that an error is about, or "".
func invalidField(err error) string {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return ""
	}
	return map[i18n.Text]string{
		words.ErrorNameMissing: nameField, words.ErrorNameTooLong: nameField, words.ErrorNameTaken: nameField,
		words.DeleteNameDiffers: nameField, words.ErrorDescriptionTooLong: descriptionField,
		words.ErrorGuidelinesTooLong: guidelinesField, words.ErrorTooManyPeople: othersField,
		words.ErrorNotAPerson:     othersField,
		words.ErrorHistoryUnknown: historyField, words.FormTemplateGone: templateField,
		words.ErrorMessageTooLong: firstField,
	}[e.Public]
}
