package chatevent

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/words"
)

func askDisconnect(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	c, err := v.Grants.Connection(ctx, v.event.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	text := words.DisconnectText
	if !c.Connected {
		text = words.DisconnectNothingUsable
	}
	v.text(text)
	v.row(v.button(words.ButtonDisconnect, disconnectButton, i))
	return v.reply(words.DisconnectTitle)
}

// disconnect ends the grant after the confirmation. The button Try again asks for confirmation again.
func disconnect(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	stateOf(ctx).retry = attempt{runButton, i}
	result, err := v.Grants.Disconnect(ctx, v.event.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	v.Log.InfoContext(ctx, "audit", slog.String("action", "disconnect"),
		slog.String("outcome", string(result.Outcome)), slog.Int("withdrawn", result.Withdrawn))
	return v.disconnectedCard(words.DisconnectDone, result)
}

func askErase(_ context.Context, v *view, i invocation) (chat.Reply, error) {
	v.text(words.EraseText)
	v.row(v.button(words.ButtonErase, eraseButton, i))
	return v.reply(words.EraseTitle)
}

// eraseAll ends the grant and erases all other records about the person. It is safe to repeat.
func eraseAll(ctx context.Context, v *view, _ invocation) (chat.Reply, error) {
	result, err := v.Grants.Erase(ctx, v.event.Person.Name)
	if err != nil {
		return chat.Reply{}, err
	}
	v.Log.InfoContext(ctx, "audit", slog.String("action", "disconnect"), slog.Bool("erased", true),
		slog.String("outcome", string(result.Outcome)), slog.Int("withdrawn", result.Withdrawn))
	return v.disconnectedCard(words.EraseDone, result)
}

func (v *view) disconnectedCard(title i18n.Text, result grants.Disconnection) (chat.Reply, error) {
	v.text(map[grants.Outcome]i18n.Text{
		grants.NotConnected: words.DisconnectWasNotConnected,
		grants.Revoked:      words.DisconnectRevoked,
		grants.RevokeLater:  words.DisconnectRevokeFailed,
		grants.Erased:       words.DisconnectErased,
	}[result.Outcome])
	if result.Incomplete {
		v.text(words.DisconnectRest)
	}
	if result.Withdrawn > 0 {
		v.text(words.DisconnectWithdrawn, result.Withdrawn)
	}
	return v.reply(title)
}
