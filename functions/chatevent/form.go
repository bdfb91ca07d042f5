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

// form is a dialog that is filled in and sent. What it holds comes back with
// every event and goes out again with every redrawing: nothing of it is stored.
type form struct {
	title    i18n.Text
	submit   i18n.Text
	required []string
	needs    []capability.Capability // asked for before it is opened
	// begin is what the form holds at first.
	begin func(invocation) chat.Inputs
	// draw are its fields, with what they hold.
	draw func(context.Context, function, chat.Event, invocation, chat.Inputs) ([]chat.Widget, error)
	send act
}

// forms are all there are. It is a function because they draw buttons that lead
// to them.
func forms() map[string]form {
	return map[string]form{newSpace: createSpaceForm(), rename: renameForm(), remove: deleteForm()}
}

// The forms' names.
const (
	newSpace = "newSpace"
	rename   = "rename"
	remove   = "delete"
)

// redraw shows a form again with everything it holds, and a notice.
type redraw func(notice) (chat.Reply, error)

// notice is what there is to say about a form, beside one of its fields or, for
// an empty name, above all.
type notice struct {
	field   string
	widgets []chat.Widget
}

// maxForm is how many bytes a form may have as a card: Chat takes 32 KB
// (chat-protocol.md 5).
const maxForm = 31_000

// open shows a form for the first time. It gets the key that makes sending it
// twice one act.
func open(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	this, ok := forms()[i.Form]
	if !ok {
		return chat.Reply{}, fault.New(fault.Invalid, words.ErrorButton)
	}
	if _, err := f.Grants.TokenSource(ctx, e.Person.Name, this.needs...); err != nil {
		return chat.Reply{}, err
	}
	i.Source = once()
	return f.show(ctx, e, i, this.begin(i), notice{})
}

// send does what a form is for. Whatever fails, the form stays.
func send(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	this, ok := forms()[i.Form]
	if !ok {
		return chat.Reply{}, fault.New(fault.Invalid, words.ErrorButton)
	}
	of(ctx).form = func(n notice) (chat.Reply, error) { return f.show(context.WithoutCancel(ctx), e, i, e.Inputs, n) }
	return this.send(ctx, f, e, i)
}

// show draws a form, without its longest texts if it were too large otherwise.
func (f function) show(ctx context.Context, e chat.Event, i invocation, held chat.Inputs, n notice) (chat.Reply, error) {
	cut := false
	for {
		reply, err := f.draw(ctx, e, i, held, n, cut)
		if err != nil || reply.Card.Size() <= maxForm {
			return reply, err
		}
		longest := ""
		for name := range held {
			if longest == "" || written(held.First(name)) > written(held.First(longest)) {
				longest = name
			}
		}
		if longest == "" {
			return chat.Reply{}, fault.New(fault.Internal, fault.None) // a form's own words are far shorter
		}
		held, cut = maps.Clone(held), true
		delete(held, longest)
	}
}

func (f function) draw(ctx context.Context, e chat.Event, i invocation, held chat.Inputs, n notice, cut bool) (chat.Reply, error) {
	this, say := forms()[i.Form], i18n.In(e.Locale)
	widgets, err := this.draw(ctx, f, e, i, held)
	if err != nil {
		return chat.Reply{}, err
	}
	if cut {
		n.widgets = append(slices.Clone(n.widgets), chat.Widget{Text: warning + say(words.FormCut)})
	}
	at := max(0, slices.IndexFunc(widgets, func(w chat.Widget) bool { return w.Field != nil && w.Field.Name == n.field }))
	widgets = slices.Insert(widgets, at, n.widgets...)
	done, err := f.button(this.submit, sendForm, e, i)
	if err != nil {
		return chat.Reply{}, err
	}
	done.Strong, done.Required = true, this.required
	return card(say(this.title), append(widgets, buttons(done))...), nil
}

// written is how many bytes a text takes in JSON.
func written(text string) int {
	out, _ := json.Marshal(text) // a string: never fails
	return len(out)
}

// faulty is the field that an error is about, or empty.
func faulty(err error) string {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok {
		return ""
	}
	return map[i18n.Text]string{
		words.ErrorNameMissing: nameField, words.ErrorNameTooLong: nameField, words.ErrorNameTaken: nameField, words.DeleteNameDiffers: nameField,
		words.ErrorDescriptionTooLong: descriptionField, words.ErrorGuidelinesTooLong: guidelinesField,
		words.ErrorTooManyPeople: othersField, words.ErrorNotAPerson: othersField, words.ErrorHistoryUnknown: historyField, words.FormTemplateGone: templateField, words.ErrorMessageTooLong: firstField,
	}[e.Public]
}
