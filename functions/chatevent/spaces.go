package chatevent

import (
	"context"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// spacesOnCard is how many spaces a card lists. They fit on a phone's screen.
const spacesOnCard = 10

func listSpaces(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	found, truncated, err := f.Spaces.Search(ctx, e.Person.Name, i.Args)
	if err != nil {
		return chat.Reply{}, err
	}
	say := i18n.In(e.Locale)
	if len(found) == 0 {
		text := words.ListNoMatch
		if i.Args == "" {
			text = words.ListEmpty
		}
		return cardReply(say(words.ListTitle), chat.Widget{Text: say(text)}), nil
	}
	start := min(i.Page*spacesOnCard, len(found)-1)
	end := min(start+spacesOnCard, len(found))
	var widgets []chat.Widget
	for _, space := range found[start:end] {
		widgets = append(widgets, spaceWidget(say, space))
	}
	if end < len(found) {
		next := i
		next.Page++
		more, err := f.button(words.ButtonMore, runButton, e, next)
		if err != nil {
			return chat.Reply{}, err
		}
		widgets = append(widgets, buttons(more))
	} else if truncated {
		widgets = append(widgets, chat.Widget{Text: say(words.ListCut)})
	}
	return cardReply(say(words.ListTitle), widgets...), nil
}

func spaceWidget(say i18n.Say, space spaces.FoundSpace) chat.Widget {
	open := chat.Button{Text: say(words.ButtonOpen), Link: config.NewSecret(space.Address)}
	return chat.Widget{Text: space.DisplayName, SideButton: &open}
}
