package chatevent

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

// askToForget asks once more before all is erased.
func askToForget(_ context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	say := i18n.In(e.Locale)
	yes, err := f.button(words.ButtonErase, confirmErase, e, i)
	if err != nil {
		return chat.Reply{}, err
	}
	return card(say(words.EraseTitle), chat.Widget{Text: say(words.EraseText)}, buttons(yes)), nil
}

// eraseAll ends the grant, and erases whatever else Deputy holds about a person.
// It can be repeated.
func eraseAll(ctx context.Context, f function, e chat.Event, _ invocation) (chat.Reply, error) {
	done, err := f.Grants.Erase(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	f.Log.InfoContext(ctx, "audit", slog.String("act", "disconnect"), slog.Bool("erased", true), slog.String("outcome", done.Outcome.String()), slog.Int("withdrawn", done.Withdrawn))
	return disconnection(e, words.EraseDone, done), nil
}
