package chatpage

import (
	"errors"

	chatapi "google.golang.org/api/chat/v1"
)

// checkCards finds what Google's schema calls required and the discovery
// document does not say by type (chat-protocol.md 5).
func checkCards(cards []*chatapi.CardWithId) error {
	for _, c := range cards {
		if c.Card.Header != nil && c.Card.Header.Title == "" {
			return errors.New("a card's header has no title")
		}
		for _, s := range c.Card.Sections {
			if len(s.Widgets) == 0 {
				return errors.New("a section has no widget")
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
