package chatpage

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/deputy/emulator/google"
)

// scriptedAction is an action of a person in the scripting API.
type scriptedAction struct {
	As       string              `json:"as"`       // sub or email address
	In       string              `json:"in"`       // spaces/{id}; empty means the direct message with the app
	Type     string              `json:"type"`     // message, quick, added, removed, home, click, press, close
	Text     string              `json:"text"`     // of message; may start with a command
	Command  string              `json:"command"`  // of quick: name or ID
	Button   string              `json:"button"`   // of click and press: its text
	Surface  string              `json:"surface"`  // of press: dialog, or home
	Inputs   map[string][]string `json:"inputs"`   // of press: replaces the current values of fields
	Function string              `json:"function"` // of click, with Message, instead of Button
	Message  string              `json:"message"`
	Params   map[string]string   `json:"parameters"`
}

// playAction performs an action of a script as the person.
func (p *Page) playAction(r *http.Request, a scriptedAction) (any, error) {
	if a.In == "" {
		if person, ok := p.Google.Account(a.As); ok {
			a.In = "DM" + person.Sub
		}
	}
	person, space, err := p.findSpace(a.As, a.In)
	if err != nil {
		return nil, err
	}
	var x *exchange
	switch a.Type {
	case "message":
		x = p.send(r.Context(), person, space, strings.TrimSpace(a.Text))
	case "quick":
		x = p.quick(r.Context(), person, space, a.Command)
	case "added":
		x = p.add(r.Context(), person, space)
	case "removed":
		x = p.remove(r.Context(), person, space)
	case "home":
		x = p.home(r.Context(), person, space)
	case "click":
		message, form, ok := p.cardForm(space, a)
		if !ok {
			return nil, errors.New("unknown button: no message that this person sees has it")
		}
		x = p.click(r.Context(), person, space, message, form)
	case "press":
		form, err := p.windowForm(person, a)
		if err != nil {
			return nil, err
		}
		if x = p.press(r.Context(), person, form); x == nil {
			w, _ := p.window(p.windows(a.Surface), person)
			return nil, errors.New("the form is invalid: " + w.Complaint)
		}
	case "close":
		x = p.cancel(r.Context(), person, space)
	default:
		return nil, errors.New("type must be message, quick, added, removed, home, click, press or close")
	}
	if x == nil { // Chat sends no event for it
		return map[string]any{"number": 0}, nil
	}
	return p.exchangeReport(x), nil
}

// cardForm returns the message and the form of the last button with the action's text.
func (p *Page) cardForm(space google.Space, a scriptedAction) (string, url.Values, bool) {
	if a.Function != "" {
		return a.Message, addParameters(url.Values{"function": {a.Function}}, a.Params), a.Message != ""
	}
	for _, m := range slices.Backward(space.Messages) {
		chat, err := parseMessageJSON(m)
		if err != nil || chat == nil {
			continue
		}
		for _, c := range chat.CardsV2 {
			for _, b := range buttonsOf(c.Card) {
				if b.Text != a.Button || b.OnClick == nil || b.OnClick.Action == nil {
					continue
				}
				form, params := url.Values{"function": {b.OnClick.Action.Function}}, map[string]string{}
				if b.OnClick.Action.Interaction == "OPEN_DIALOG" {
					form.Set("opens", "yes")
				}
				for _, param := range b.OnClick.Action.Parameters {
					params[param.Key] = param.Value
				}
				return m.ID, addParameters(form, params), true
			}
		}
	}
	return "", nil, false
}

func addParameters(form url.Values, params map[string]string) url.Values {
	for name, value := range params {
		form.Add("key", name)
		form.Set("value-"+name, value)
	}
	return form
}

// windowForm returns the form of a dialog or of the Home tab, with the action's inputs and button.
func (p *Page) windowForm(person google.Person, a scriptedAction) (url.Values, error) {
	w, ok := p.window(p.windows(a.Surface), person)
	if !ok {
		return nil, errors.New("no window is open: surface must be dialog or home")
	}
	form := fieldValues(w.Card)
	for name, values := range a.Inputs {
		form[name] = values
	}
	for i, b := range buttonsOf(w.Card) {
		if b.Text == a.Button && b.OnClick != nil && b.OnClick.Action != nil {
			form.Set("press", strconv.Itoa(i))
			form.Set("surface", a.Surface)
			return form, nil
		}
	}
	return nil, fmt.Errorf("unknown button %q", a.Button)
}
