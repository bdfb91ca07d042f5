package chatevent

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// disconnect asks once more before it ends anything.
func disconnect(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	c, err := f.Grants.Connection(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	say, text := i18n.In(e.Locale), words.DisconnectText
	if !c.Connected {
		text = words.DisconnectNothingUsable
	}
	yes, err := f.button(words.ButtonDisconnect, confirmLeave, e, i)
	if err != nil {
		return chat.Reply{}, err
	}
	return card(say(words.DisconnectTitle), chat.Widget{Text: say(text)}, buttons(yes)), nil
}

// leave is the confirmed end. Try again asks once more.
func leave(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	of(ctx).tried = attempt{runAgain, i}
	done, err := f.Grants.Disconnect(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	f.Log.InfoContext(ctx, "audit", slog.String("act", "disconnect"), slog.String("outcome", done.Outcome.String()), slog.Int("withdrawn", done.Withdrawn))
	return disconnection(e, words.DisconnectDone, done), nil
}

// disconnection tells what became of a grant.
func disconnection(e chat.Event, title i18n.Text, done grants.Disconnection) chat.Reply {
	text := map[grants.Outcome]i18n.Text{
		grants.NotConnected: words.DisconnectWasNotConnected,
		grants.Revoked:      words.DisconnectRevoked,
		grants.RevokeLater:  words.DisconnectRevokeFailed,
		grants.Erased:       words.DisconnectErased,
	}[done.Outcome]
	say := i18n.In(e.Locale)
	widgets := []chat.Widget{{Text: say(text)}}
	if done.Rest {
		widgets = append(widgets, chat.Widget{Text: say(words.DisconnectRest)})
	}
	if done.Withdrawn > 0 {
		widgets = append(widgets, chat.Widget{Text: say(words.DisconnectWithdrawn, done.Withdrawn)})
	}
	return card(say(title), widgets...)
}

// card is a private card with these widgets.
func card(title string, widgets ...chat.Widget) chat.Reply {
	return chat.Reply{Card: &chat.Card{Title: title, Sections: []chat.Section{{Widgets: widgets}}}}
}

// row is a row of buttons, if there are any.
func row(all []chat.Button) []chat.Widget {
	if len(all) == 0 {
		return nil
	}
	return []chat.Widget{{Buttons: all}}
}

// buttons is a row of them.
func buttons(row ...chat.Button) chat.Widget { return chat.Widget{Buttons: row} }
