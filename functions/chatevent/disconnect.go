package chatevent

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

func askDisconnect(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	c, err := f.Grants.Connection(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	say, text := i18n.In(e.Locale), words.DisconnectText
	if !c.Connected {
		text = words.DisconnectNothingUsable
	}
	confirm, err := f.button(words.ButtonDisconnect, disconnectButton, e, i)
	if err != nil {
		return chat.Reply{}, err
	}
	return cardReply(say(words.DisconnectTitle), chat.Widget{Text: say(text)}, buttons(confirm)), nil
}

// disconnect ends the grant after the confirmation. The button Try again asks for confirmation again.
func disconnect(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	stateOf(ctx).retry = attempt{runButton, i}
	result, err := f.Grants.Disconnect(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	f.Log.InfoContext(ctx, "audit", slog.String("action", "disconnect"),
		slog.String("outcome", result.Outcome.String()), slog.Int("withdrawn", result.Withdrawn))
	return disconnectedCard(e, words.DisconnectDone, result), nil
}

func disconnectedCard(e chat.Event, title i18n.Text, result grants.Disconnection) chat.Reply {
	text := map[grants.Outcome]i18n.Text{
		grants.NotConnected: words.DisconnectWasNotConnected,
		grants.Revoked:      words.DisconnectRevoked,
		grants.RevokeLater:  words.DisconnectRevokeFailed,
		grants.Erased:       words.DisconnectErased,
	}[result.Outcome]
	say := i18n.In(e.Locale)
	widgets := []chat.Widget{{Text: say(text)}}
	if result.Incomplete {
		widgets = append(widgets, chat.Widget{Text: say(words.DisconnectRest)})
	}
	if result.Withdrawn > 0 {
		widgets = append(widgets, chat.Widget{Text: say(words.DisconnectWithdrawn, result.Withdrawn)})
	}
	return cardReply(say(title), widgets...)
}

func cardReply(title string, widgets ...chat.Widget) chat.Reply {
	return chat.Reply{Card: &chat.Card{Title: title, Sections: []chat.Section{{Widgets: widgets}}}}
}

// optionalRow returns a row of buttons, or no widget when there are none.
func optionalRow(all []chat.Button) []chat.Widget {
	if len(all) == 0 {
		return nil
	}
	return []chat.Widget{{Buttons: all}}
}

func buttons(row ...chat.Button) chat.Widget { return chat.Widget{Buttons: row} }
