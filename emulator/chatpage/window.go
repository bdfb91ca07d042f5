package chatpage

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"unicode/utf8"

	"example.com/deputy/emulator/google"
)

// window is a card outside of the messages: a dialog, or the Home tab.
type window struct {
	Version   int // of what it shows, so that a page does not draw it anew
	Card      *Card
	Complaint string // of the client's own checks
	home      bool   // the Home tab, or a dialog opened from there
	message   string // the card it was opened from; may be empty
	in        google.Space
}

// show puts a window up for a person.
func (p *Page) put(windows map[string]window, who google.Person, w window) {
	p.mu.Lock()
	p.opened++
	w.Version = p.opened
	windows[who.Sub] = w
	p.mu.Unlock()
	p.Google.Touch()
}

func (p *Page) window(windows map[string]window, who google.Person) (window, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w, ok := windows[who.Sub]
	return w, ok
}

func (p *Page) shut(who google.Person) {
	p.mu.Lock()
	delete(p.open, who.Sub)
	p.mu.Unlock()
	p.Google.Touch()
}

// surface are the windows of a kind: dialog, or home. Ask for them anew each
// time: a reset replaces them.
func (p *Page) surface(name string) map[string]window {
	p.mu.Lock()
	defer p.mu.Unlock()
	if name == "home" {
		return p.homes
	}
	return p.open
}

// quick is the person choosing a quick command.
func (p *Page) quick(ctx context.Context, who google.Person, in google.Space, id string) *exchange {
	for i, c := range p.Commands {
		if c.quick() && (strconv.Itoa(c.ID) == id || c.Name == id) {
			e := event{kind: chosen, who: who, in: in, command: &p.Commands[i]}
			if c.Dialog {
				e.dialog = "REQUEST_DIALOG"
			}
			return p.deliver(ctx, e)
		}
	}
	return nil
}

// home is the person opening the app's Home tab.
func (p *Page) home(ctx context.Context, who google.Person, in google.Space) *exchange {
	return p.deliver(ctx, event{kind: homeOpened, who: who, in: in, home: true})
}

// cancel is the X of a dialog (chat-protocol.md 1.2: no add-on hears of it).
func (p *Page) cancel(ctx context.Context, who google.Person, in google.Space) *exchange {
	w, ok := p.window(p.open, who)
	p.shut(who)
	if ok && p.format() == Classic && !w.home {
		return p.deliver(ctx, event{kind: clicked, who: who, in: in, message: w.message, dialog: "CANCEL_DIALOG", button: button{parameters: map[string]string{}}})
	}
	return nil
}

// press is the person pressing a button of a dialog or of the Home tab: which
// one is form's press, counted from 0. What the client checks is checked here.
func (p *Page) press(ctx context.Context, who google.Person, form url.Values) *exchange {
	windows, home := p.surface(form.Get("surface")), form.Get("surface") == "home"
	w, ok := p.window(windows, who)
	n, err := strconv.Atoi(form.Get("press"))
	if !ok || err != nil || n < 0 || n >= len(buttonsOf(w.Card)) {
		return nil
	}
	w.Card = copied(w.Card)
	action := buttonsOf(w.Card)[n].OnClick.Action
	inputs := fill(w.Card, form)
	if w.Complaint = complain(w.Card, action, inputs); w.Complaint != "" {
		p.put(windows, who, w)
		return nil
	}
	b := button{function: action.Function, parameters: map[string]string{}, opens: action.Interaction == "OPEN_DIALOG"}
	for _, param := range action.Parameters {
		b.parameters[param.Key] = param.Value
	}
	e := event{kind: clicked, who: who, in: w.in, message: w.message, button: b, inputs: inputs, home: w.home}
	switch {
	case b.opens:
		e.dialog = "REQUEST_DIALOG"
	case !home, p.format() == AddOn: // add-ons get it for clicks on the Home tab, too: 2.4
		e.dialog = "SUBMIT_DIALOG"
	}
	return p.deliver(ctx, e)
}

// copied is a card of its own, so that two presses at once write to two.
func copied(c *Card) *Card {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // it came as JSON
	}
	var out Card
	if err := json.Unmarshal(text, &out); err != nil {
		panic(err)
	}
	return &out
}

// buttonsOf are a card's buttons, in the order they are shown in.
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

// fill writes what was typed into a card's fields, so that it is still there
// if the dialog stays, and gives it as Chat sends it: without what is not set.
func fill(c *Card, form url.Values) map[string][]string {
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
				choose(w.SelectionInput, form[name])
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

// holding is what a card's fields hold, as a form.
func holding(c *Card) url.Values {
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
			case w.DecoratedText != nil && w.DecoratedText.SwitchControl != nil && w.DecoratedText.SwitchControl.Selected:
				out.Set(w.DecoratedText.SwitchControl.Name, w.DecoratedText.SwitchControl.Value)
			}
		}
	}
	return out
}

func choose(s *SelectionInput, values []string) {
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

// complain is what Chat's client says before it sends anything (4.4).
func complain(c *Card, action *Action, inputs map[string][]string) string {
	for _, name := range action.RequiredWidgets {
		if len(inputs[name]) == 0 {
			return "Please fill in what is required."
		}
	}
	for _, s := range c.Sections {
		for _, w := range s.Widgets {
			t := w.TextInput
			if t != nil && t.Validation != nil && t.Validation.CharacterLimit > 0 && utf8.RuneCountInString(t.Value) > int(t.Validation.CharacterLimit) {
				return t.Label + ": too many characters."
			}
			if m := w.SelectionInput; m != nil && m.Type == "MULTI_SELECT" && len(inputs[m.Name]) > int(m.MultiSelectMaxSelectedItems) {
				return m.Label + ": too many."
			}
		}
	}
	return ""
}
