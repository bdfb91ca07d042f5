package chatpage

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/deputy/emulator/google"
)

// played is what a script lets a person do.
type played struct {
	As       string              `json:"as"`       // sub or e-mail address
	In       string              `json:"in"`       // spaces/{id}; empty is the direct message with the app
	Type     string              `json:"type"`     // message, quick, added, removed, home, click, press, close
	Text     string              `json:"text"`     // of a message; one that begins with a command is that
	Command  string              `json:"command"`  // of quick: its name or id
	Button   string              `json:"button"`   // of click and press: what stands on it
	Surface  string              `json:"surface"`  // of press: dialog, or home
	Inputs   map[string][]string `json:"inputs"`   // of press: what is filled in, besides what is there
	Function string              `json:"function"` // of click, with Message, in place of Button
	Message  string              `json:"message"`
	Params   map[string]string   `json:"parameters"`
}

// play does what a script says, as the person would.
func (p *Page) play(r *http.Request, in played) (any, error) {
	if in.In == "" {
		if who, ok := p.Google.Account(in.As); ok {
			in.In = "DM" + who.Sub
		}
	}
	who, space, err := p.place(in.As, in.In)
	if err != nil {
		return nil, err
	}
	var x *exchange
	switch in.Type {
	case "message":
		x = p.send(r.Context(), who, space, strings.TrimSpace(in.Text))
	case "quick":
		x = p.quick(r.Context(), who, space, in.Command)
	case "added":
		x = p.add(r.Context(), who, space)
	case "removed":
		x = p.remove(r.Context(), who, space)
	case "home":
		x = p.home(r.Context(), who, space)
	case "click":
		message, form, ok := p.onCard(space, in)
		if !ok {
			return nil, errors.New("there is no such button in a message that this person sees")
		}
		x = p.click(r.Context(), who, space, message, form)
	case "press":
		form, err := p.onWindow(who, in)
		if err != nil {
			return nil, err
		}
		if x = p.press(r.Context(), who, form); x == nil {
			w, _ := p.window(p.surface(in.Surface), who)
			return nil, errors.New("Chat sends nothing: " + w.Complaint)
		}
	case "close":
		x = p.cancel(r.Context(), who, space)
	default:
		return nil, errors.New("type is none of message, quick, added, removed, home, click, press, close")
	}
	if x == nil { // Chat tells the app nothing of it
		return map[string]any{"number": 0}, nil
	}
	return p.told(x), nil
}

// onCard finds the last button of this text in what the person sees.
func (p *Page) onCard(in google.Space, play played) (string, url.Values, bool) {
	if play.Function != "" {
		return play.Message, parameters(url.Values{"function": {play.Function}}, play.Params), play.Message != ""
	}
	for _, m := range slices.Backward(in.Messages) {
		chat, err := parsed(m)
		if err != nil || chat == nil {
			continue
		}
		for _, c := range chat.CardsV2 {
			for _, b := range buttonsOf(c.Card) {
				if b.Text != play.Button || b.OnClick == nil || b.OnClick.Action == nil {
					continue
				}
				form, params := url.Values{"function": {b.OnClick.Action.Function}}, map[string]string{}
				if b.OnClick.Action.Interaction == "OPEN_DIALOG" {
					form.Set("opens", "yes")
				}
				for _, param := range b.OnClick.Action.Parameters {
					params[param.Key] = param.Value
				}
				return m.ID, parameters(form, params), true
			}
		}
	}
	return "", nil, false
}

func parameters(form url.Values, params map[string]string) url.Values {
	for name, value := range params {
		form.Add("key", name)
		form.Set("value-"+name, value)
	}
	return form
}

// onWindow fills a dialog or the Home tab in, as far as the script does not
// say otherwise as it is.
func (p *Page) onWindow(who google.Person, play played) (url.Values, error) {
	w, ok := p.window(p.surface(play.Surface), who)
	if !ok {
		return nil, errors.New("this person has no such window open: surface is dialog or home")
	}
	form := holding(w.Card)
	for name, values := range play.Inputs {
		form[name] = values
	}
	for i, b := range buttonsOf(w.Card) {
		if b.Text == play.Button && b.OnClick != nil && b.OnClick.Action != nil {
			form.Set("press", strconv.Itoa(i))
			form.Set("surface", play.Surface)
			return form, nil
		}
	}
	return nil, errors.New("there is no button " + strconv.Quote(play.Button))
}
