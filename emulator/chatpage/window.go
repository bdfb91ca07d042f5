package chatpage

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"unicode/utf8"

	"example.com/deputy/emulator/google"
)

// window is a dialog or the Home tab.
type window struct {
	Version   int // changes with the content, so that the browser redraws only then
	Card      *Card
	Complaint string // error of the client's own checks
	home      bool   // the Home tab, or a dialog opened from there
	message   string // name of the message whose card opened it; may be empty
	space     google.Space
}

func (p *Page) showWindow(windows map[string]window, person google.Person, w window) {
	p.mu.Lock()
	p.versions++
	w.Version = p.versions
	windows[person.Sub] = w
	p.mu.Unlock()
	p.Google.Notify()
}

func (p *Page) window(windows map[string]window, person google.Person) (window, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w, ok := windows[person.Sub]
	return w, ok
}

func (p *Page) closeDialog(person google.Person) {
	p.mu.Lock()
	delete(p.dialogs, person.Sub)
	p.mu.Unlock()
	p.Google.Notify()
}

// windows returns the dialogs or, for the surface home, the Home tabs. Do not keep the result: a reset replaces it.
func (p *Page) windows(surface string) map[string]window {
	p.mu.Lock()
	defer p.mu.Unlock()
	if surface == "home" {
		return p.homes
	}
	return p.dialogs
}

// quick runs the quick command with this ID or name.
func (p *Page) quick(ctx context.Context, person google.Person, space google.Space, id string) *exchange {
	for i, c := range p.Commands {
		if c.quick() && (strconv.Itoa(c.ID) == id || c.Name == id) {
			e := event{kind: quickCommandUsed, person: person, space: space, command: &p.Commands[i]}
			if c.Dialog {
				e.dialog = "REQUEST_DIALOG"
			}
			return p.deliver(ctx, e)
		}
	}
	return nil
}

func (p *Page) home(ctx context.Context, person google.Person, space google.Space) *exchange {
	return p.deliver(ctx, event{kind: homeOpened, person: person, space: space, home: true})
}

// cancel closes a dialog with its X. Add-ons receive no event for it (workspace/chat/receive-respond-interactions).
func (p *Page) cancel(ctx context.Context, person google.Person, space google.Space) *exchange {
	w, ok := p.window(p.dialogs, person)
	p.closeDialog(person)
	if ok && p.format() == Classic && !w.home {
		e := event{kind: cardClicked, person: person, space: space, message: w.message, dialog: "CANCEL_DIALOG"}
		e.button.parameters = map[string]string{}
		return p.deliver(ctx, e)
	}
	return nil
}

// press selects a button of a dialog or of the Home tab by its index in form, after the client's own checks.
func (p *Page) press(ctx context.Context, person google.Person, form url.Values) *exchange {
	windows, home := p.windows(form.Get("surface")), form.Get("surface") == "home"
	w, ok := p.window(windows, person)
	n, err := strconv.Atoi(form.Get("press"))
	if !ok || err != nil || n < 0 || n >= len(buttonsOf(w.Card)) {
		return nil
	}
	w.Card = copyCard(w.Card)
	action := buttonsOf(w.Card)[n].OnClick.Action
	inputs := fillFields(w.Card, form)
	if w.Complaint = validateInputs(w.Card, action, inputs); w.Complaint != "" {
		p.showWindow(windows, person, w)
		return nil
	}
	b := button{function: action.Function, parameters: map[string]string{}, opens: action.Interaction == "OPEN_DIALOG"}
	for _, param := range action.Parameters {
		b.parameters[param.Key] = param.Value
	}
	e := event{kind: cardClicked, person: person, space: w.space, message: w.message, home: w.home}
	e.button, e.inputs = b, inputs
	switch {
	case b.opens:
		e.dialog = "REQUEST_DIALOG"
	case !home, p.format() == AddOn: // also for add-ons on the Home tab: workspace/add-ons/chat/convert
		e.dialog = "SUBMIT_DIALOG"
	}
	return p.deliver(ctx, e)
}

// copyCard returns a deep copy, so that concurrent presses do not share a card.
func copyCard(c *Card) *Card {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // a card is decoded JSON
	}
	var out Card
	if err := json.Unmarshal(text, &out); err != nil {
		panic(err)
	}
	return &out
}

// buttonsOf returns a card's buttons, in the order in which they are shown.
func buttonsOf(c *Card) []*Button {
	var out []*Button
	for _, s := range c.Sections {
		for _, w := range s.Widgets {
			if w.DecoratedText != nil && w.DecoratedText.Button != nil {
				out = append(out, w.DecoratedText.Button)
			}
			if w.ButtonList != nil {
				out = append(out, w.ButtonList.Buttons...)
			}
		}
	}
	return out
}

// fillFields stores a form in a card's fields, so that an open dialog keeps the input. It returns the inputs that Chat
// sends, which exclude empty fields.
func fillFields(c *Card, form url.Values) map[string][]string {
	out := map[string][]string{}
	for _, s := range c.Sections {
		for _, w := range s.Widgets {
			switch {
			case w.TextInput != nil:
				w.TextInput.Value = form.Get(w.TextInput.Name)
				if w.TextInput.Value != "" {
					out[w.TextInput.Name] = []string{w.TextInput.Value}
				}
			case w.SelectionInput != nil:
				name := w.SelectionInput.Name
				if len(form[name]) > 0 {
					out[name] = form[name]
				}
				selectItems(w.SelectionInput, form[name])
			case w.DecoratedText != nil && w.DecoratedText.SwitchControl != nil:
				control := w.DecoratedText.SwitchControl
				if control.Selected = form.Get(control.Name) != ""; control.Selected {
					out[control.Name] = []string{control.Value}
				}
			}
		}
	}
	return out
}

// fieldValues returns the values of a card's fields as a form.
func fieldValues(c *Card) url.Values {
	out := url.Values{}
	for _, s := range c.Sections {
		for _, w := range s.Widgets {
			switch {
			case w.TextInput != nil:
				out.Set(w.TextInput.Name, w.TextInput.Value)
			case w.SelectionInput != nil:
				for _, item := range w.SelectionInput.Items {
					if item.Selected {
						out.Add(w.SelectionInput.Name, item.Value)
					}
				}
			case w.DecoratedText != nil && w.DecoratedText.SwitchControl != nil:
				if control := w.DecoratedText.SwitchControl; control.Selected {
					out.Set(control.Name, control.Value)
				}
			}
		}
	}
	return out
}

func selectItems(s *SelectionInput, values []string) {
	for _, item := range s.Items {
		item.Selected = false
	}
	for _, v := range values {
		found := false
		for _, item := range s.Items {
			if item.Value == v {
				item.Selected, found = true, true
			}
		}
		if !found {
			s.Items = append(s.Items, &SelectionItem{Value: v, Text: v, Selected: true})
		}
	}
}

// validateInputs returns the error that Chat's client shows instead of sending an event, or ""
// (workspace/chat/read-form-data).
func validateInputs(c *Card, action *Action, inputs map[string][]string) string {
	for _, name := range action.RequiredWidgets {
		if len(inputs[name]) == 0 {
			return "Fill in the required fields."
		}
	}
	for _, s := range c.Sections {
		for _, w := range s.Widgets {
			t := w.TextInput
			if t != nil && t.Validation != nil && t.Validation.CharacterLimit > 0 &&
				utf8.RuneCountInString(t.Value) > int(t.Validation.CharacterLimit) {
				return t.Label + ": too many characters."
			}
			m := w.SelectionInput
			if m != nil && m.Type == "MULTI_SELECT" && len(inputs[m.Name]) > int(m.MultiSelectMaxSelectedItems) {
				return m.Label + ": too many selected."
			}
		}
	}
	return ""
}
