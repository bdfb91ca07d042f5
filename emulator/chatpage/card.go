package chatpage

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Chat's limits (Chat API reference: cards). It silently drops the section that exceeds 100 widgets
// and all later sections.
const (
	maxWidgets = 100
	maxItems   = 100
	maxCard    = 32_000 // bytes
	maxMessage = 32_000 // bytes
)

// checkMessage checks requirements and limits that the discovery document states only in descriptions.
func (p *Page) checkMessage(m *Message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(text) > maxMessage {
		return fmt.Errorf("the message has %d bytes; Chat allows %d", len(text), maxMessage)
	}
	for _, c := range m.CardsV2 {
		if err := p.checkCard(c.Card); err != nil {
			return err
		}
	}
	return nil
}

func (p *Page) checkCard(c *Card) error {
	text, err := json.Marshal(c)
	if err != nil {
		return err
	}
	switch {
	case len(text) > maxCard:
		return fmt.Errorf("the card has %d bytes; Chat allows %d", len(text), maxCard)
	case c.Header != nil && c.Header.Title == "":
		return errors.New("a card's header has no title")
	case len(c.CardActions) > 10:
		return errors.New("a card has more than 10 actions")
	}
	widgets, fields := 0, []string{}
	for _, s := range c.Sections {
		if len(s.Widgets) == 0 {
			return errors.New("a section has no widget")
		}
		if widgets += len(s.Widgets); widgets > maxWidgets {
			return fmt.Errorf("a card has more than %d widgets", maxWidgets)
		}
		for _, w := range s.Widgets {
			name, err := p.checkWidget(w)
			if err != nil {
				return err
			}
			if name != "" && slices.Contains(fields, name) {
				return errors.New("duplicate field name " + name)
			}
			fields = append(fields, name)
		}
	}
	for _, b := range buttonsOf(c) {
		if err := p.checkButton(b, fields); err != nil {
			return err
		}
	}
	return nil
}

// checkWidget checks a widget and returns the name of its field, or "" if it has none.
func (p *Page) checkWidget(w *Widget) (field string, err error) {
	switch {
	case w.TextParagraph != nil:
		return "", p.checkText(w.TextParagraph.Text)
	case w.DecoratedText != nil && w.DecoratedText.SwitchControl != nil:
		return w.DecoratedText.SwitchControl.Name, p.checkText(w.DecoratedText.Text)
	case w.DecoratedText != nil:
		return "", p.checkText(w.DecoratedText.Text)
	case w.Divider != nil, w.Image != nil && w.Image.ImageUrl != "":
		return "", nil
	case w.ButtonList != nil && len(w.ButtonList.Buttons) > 0:
		return "", nil
	case w.TextInput != nil:
		t := w.TextInput
		if t.Name == "" || t.Label == "" && t.HintText == "" {
			return "", errors.New("a text field has no name or no label")
		}
		v := t.Validation
		if v != nil && v.CharacterLimit > 0 && len([]rune(t.Value)) > int(v.CharacterLimit) {
			return "", fmt.Errorf("the value of the field %s exceeds its character limit", t.Name)
		}
		return t.Name, nil
	case w.SelectionInput != nil:
		s := w.SelectionInput
		switch {
		case s.Name == "" || s.Type == "":
			return "", errors.New("a selection has no name or no type")
		case len(s.Items) > maxItems:
			return "", fmt.Errorf("a selection has %d items; Chat allows %d", len(s.Items), maxItems)
		case s.Type != "MULTI_SELECT" && len(s.Items) == 0:
			return "", errors.New("a selection has no items")
		case s.Type == "MULTI_SELECT" && s.MultiSelectMaxSelectedItems < 1:
			return "", errors.New("a multiselect menu has no multiSelectMaxSelectedItems")
		}
		return s.Name, nil
	case unsupported(w) && !empty(w): // shown as its JSON
		return "", nil
	default:
		return "", errors.New("a widget is empty")
	}
}

// empty reports whether a widget has no fields.
func empty(w *Widget) bool {
	text, err := json.Marshal(w)
	return err != nil || string(text) == "{}"
}

// checkText rejects an empty text and, with Config.Plain, unescaped markup.
func (p *Page) checkText(text string) error {
	switch {
	case text == "":
		return errors.New("a text widget has no text")
	case p.RejectMarkup && strings.ContainsAny(text, "<>"):
		return errors.New("a text contains unescaped markup: " + text)
	}
	return nil
}

func (p *Page) checkButton(b *Button, fields []string) error {
	switch {
	case b.Text == "":
		return errors.New("a button has no text")
	case b.OnClick == nil || (b.OnClick.Action == nil) == (b.OnClick.OpenLink == nil):
		return errors.New("a button must have exactly one of action and openLink")
	case b.OnClick.OpenLink != nil && !strings.HasPrefix(b.OnClick.OpenLink.Url, "http"):
		return errors.New("a button's link is not an HTTP address")
	case b.OnClick.OpenLink != nil:
		return nil
	// workspace/add-ons/chat/convert, workspace/chat/receive-respond-interactions
	case p.format() == AddOn && b.OnClick.Action.Function != p.Endpoint:
		return fmt.Errorf("a button calls %q instead of the endpoint", b.OnClick.Action.Function)
	case b.OnClick.Action.Function == "":
		return errors.New("a button has no function")
	}
	for _, name := range b.OnClick.Action.RequiredWidgets {
		if !slices.Contains(fields, name) {
			return errors.New("a button requires the unknown field " + name)
		}
	}
	return nil
}

// opensDialog reports whether a button of a card opens a dialog.
func opensDialog(c *Card) bool {
	return slices.ContainsFunc(buttonsOf(c), func(b *Button) bool {
		return b.OnClick.Action != nil && b.OnClick.Action.Interaction == "OPEN_DIALOG"
	})
}
