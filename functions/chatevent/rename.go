package chatevent

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// renameForm renames a space. The invocation's Args is the current name.
func renameForm() form {
	return form{
		title: words.RenameTitle, submit: words.ButtonRename, required: []string{nameField},
		needs:   needs(capability.EditSpaces),
		initial: func(i invocation) chat.Inputs { return chat.Inputs{nameField: {i.Args}} },
		draw: func(_ context.Context, _ function, e chat.Event, _ invocation, in chat.Inputs) ([]chat.Widget, error) {
			return []chat.Widget{nameWidget(i18n.In(e.Locale), in)}, nil
		},
		send: func(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
			name, err := f.Spaces.Rename(ctx, e.Person.Name, i.Space, e.Inputs.First(nameField))
			if err != nil {
				return chat.Reply{}, err
			}
			f.Log.InfoContext(ctx, "audit", slog.String("action", "rename"),
				slog.String("authority", "user"), slog.String("target", string(i.Space)))
			row, err := f.spaceButtons(e, i.Space, name, spaces.Address(i.Space))
			if err != nil {
				return chat.Reply{}, err
			}
			reply := cardReply(i18n.In(e.Locale)(words.RenameDone), buttons(row...))
			// KeepsCard: the card that opened the form lists the members of the space
			reply.Card.Subtitle, reply.ClosesDialog, reply.KeepsCard = name, true, true
			return reply, nil
		},
	}
}

func nameWidget(say i18n.Say, in chat.Inputs) chat.Widget {
	field := chat.Field{Name: nameField, Label: say(words.FormName), Limit: spaces.MaxName, Values: in[nameField]}
	return chat.Widget{Field: &field}
}
