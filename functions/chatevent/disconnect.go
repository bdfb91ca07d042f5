package chatevent

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/userauth"
)

// disconnect asks once more before it ends anything.
func disconnect(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	c, err := f.Auth.Connection(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	text := words.reallyLeave
	if !c.Connected {
		text = words.nothingUsable
	}
	yes, err := f.button(words.leave, confirmLeave, e, i)
	if err != nil {
		return chat.Reply{}, err
	}
	return say(words.leaveTitle, chat.Widget{Text: text}, buttons(yes)), nil
}

// leave is the confirmed end.
func leave(ctx context.Context, f function, e chat.Event) (chat.Reply, error) {
	done, err := f.Auth.Disconnect(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	f.Log.InfoContext(ctx, "audit", slog.String("act", "disconnect"), slog.String("outcome", done.Outcome.String()), slog.Int("withdrawn", done.Withdrawn))
	text := map[userauth.Disconnected]string{
		userauth.NotConnected: words.wasNotConnected,
		userauth.Revoked:      words.revoked,
		userauth.RevokeLater:  words.revokeLater,
		userauth.Erased:       words.erased,
	}[done.Outcome]
	widgets := []chat.Widget{{Text: text}}
	if done.Rest {
		widgets = append(widgets, chat.Widget{Text: words.rest})
	}
	if done.Withdrawn > 0 {
		widgets = append(widgets, chat.Widget{Text: words.withdrawn})
	}
	return say(words.left, widgets...), nil
}

// say is a private card with these widgets.
func say(title string, widgets ...chat.Widget) chat.Reply {
	return chat.Reply{Card: &chat.Card{Title: title, Sections: []chat.Section{{Widgets: widgets}}}}
}

// buttons is a row of them.
func buttons(row ...chat.Button) chat.Widget { return chat.Widget{Buttons: row} }
