package chatevent

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/words"
)

func askErase(_ context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	v := f.newView(e)
	v.text(words.EraseText)
	v.row(v.button(words.ButtonErase, eraseButton, i))
	return v.reply(words.EraseTitle)
}

// eraseAll ends the grant and erases all other records about the person. It is safe to repeat.
func eraseAll(ctx context.Context, f function, e chat.Event, _ invocation) (chat.Reply, error) {
	result, err := f.Grants.Erase(ctx, e.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	f.Log.InfoContext(ctx, "audit", slog.String("action", "disconnect"), slog.Bool("erased", true),
		slog.String("outcome", result.Outcome.String()), slog.Int("withdrawn", result.Withdrawn))
	return f.disconnectedCard(e, words.EraseDone, result)
}
