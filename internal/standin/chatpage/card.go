package chatpage

import (
	"errors"
	"fmt"

	chatapi "google.golang.org/api/chat/v1"
)

// maxWidgets is how many widgets of a card Chat shows; the section that goes
// beyond, and all behind it, it drops without a word.
const maxWidgets = 100

// checkCards finds what Google's schema calls required and the discovery
// document does not say by type (chat-protocol.md 5).
func checkCards(cards []*chatapi.CardWithId) error {
	for _, c := range cards {
		widgets := 0
		if c.Card.Header != nil && c.Card.Header.Title == "" {
			return errors.New("a card's header has no title")
		}
		for _, s := range c.Card.Sections {
			if len(s.Widgets) == 0 {
				return errors.New("a section has no widget")
			}
			if widgets += len(s.Widgets); widgets > maxWidgets {
				return fmt.Errorf("a card has more than %d widgets", maxWidgets)
			}
			for _, w := range s.Widgets {
				if w.TextParagraph != nil && w.TextParagraph.Text == "" || w.DecoratedText != nil && w.DecoratedText.Text == "" {
					return errors.New("a text widget has no text")
				}
			}
		}
	}
	return nil
}
