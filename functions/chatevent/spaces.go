package chatevent

import (
	"context"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// spacesOnCard is how many spaces a card lists. They fit on a phone's screen.
const spacesOnCard = 10

func listSpaces(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	found, truncated, err := v.Spaces.Search(ctx, v.event.Person.Name, i.Args)
	if err != nil {
		return chat.Reply{}, err
	}
	if len(found) == 0 {
		text := words.ListNoMatch
		if i.Args == "" {
			text = words.ListEmpty
		}
		v.text(text)
		return v.reply(words.ListTitle)
	}
	start := min(i.Page*spacesOnCard, len(found)-1)
	end := min(start+spacesOnCard, len(found))
	for _, space := range found[start:end] {
		v.addSpace(space)
	}
	if end < len(found) {
		next := i
		next.Page++
		v.row(v.button(words.ButtonMore, runButton, next))
	} else if truncated {
		v.text(words.ListCut)
	}
	return v.reply(words.ListTitle)
}

func (v *view) addSpace(space spaces.FoundSpace) {
	open := chat.Button{Text: v.say(words.ButtonOpen), Link: config.NewSecret(space.Address)}
	v.add(chat.Widget{Text: space.DisplayName, SideButton: &open})
}
