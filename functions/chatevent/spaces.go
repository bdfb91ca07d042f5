package chatevent

import (
	"context"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// spacesOnCard is how many spaces a card lists: what fits on a phone.
const spacesOnCard = 10

// listSpaces lists the person's spaces, page by page.
func listSpaces(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	found, cut, err := f.Spaces.Search(ctx, e.Person.Name, i.Args)
	if err != nil {
		return chat.Reply{}, err
	}
	say := i18n.In(e.Locale)
	if len(found) == 0 {
		nothing := words.ListNoMatch
		if i.Args == "" {
			nothing = words.ListEmpty
		}
		return card(say(words.ListTitle), chat.Widget{Text: say(nothing)}), nil
	}
	from := min(i.Page*spacesOnCard, len(found)-1)
	to := min(from+spacesOnCard, len(found))
	var widgets []chat.Widget
	for _, space := range found[from:to] {
		widgets = append(widgets, chat.Widget{Text: space.DisplayName, Aside: &chat.Button{Text: say(words.ButtonOpen), Link: config.NewSecret(space.Address)}})
	}
	if to < len(found) {
		next := i
		next.Page++
		more, err := f.button(words.ButtonMore, runAgain, e, next)
		if err != nil {
			return chat.Reply{}, err
		}
		widgets = append(widgets, buttons(more))
	} else if cut {
		widgets = append(widgets, chat.Widget{Text: say(words.ListCut)})
	}
	return card(say(words.ListTitle), widgets...), nil
}
