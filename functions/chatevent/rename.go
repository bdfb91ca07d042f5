package chatevent

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// renameForm renames a space. The invocation's Args is the current name.
func renameForm() form {
	return form{
		title: words.RenameTitle, submit: words.ButtonRename, required: []string{nameField},
		needs:   needs(capability.EditSpaces),
		initial: func(i invocation) chat.Inputs { return chat.Inputs{nameField: {i.Args}} },
		draw:    func(_ context.Context, v *view, _ invocation, in chat.Inputs) { v.addName(in) },
		send: func(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
			name, err := v.Spaces.Rename(ctx, v.event.Person.Name, i.Space, v.event.Inputs.First(nameField))
			if err != nil {
				return chat.Reply{}, err
			}
			v.Log.InfoContext(ctx, "audit", slog.String("action", "rename"),
				slog.String("authority", "user"), slog.String("target", string(i.Space)))
			v.row(v.spaceButtons(i.Space, name, spaces.Address(i.Space))...)
			// KeepsCard: the card that opened the form lists the members of the space
			v.out.Card.Subtitle, v.out.ClosesDialog, v.out.KeepsCard = name, true, true
			return v.reply(words.RenameDone)
		},
	}
}

func (v *view) addName(in chat.Inputs) {
	field := chat.Field{Name: nameField, Label: v.say(words.FormName), Limit: spaces.MaxName, Values: in[nameField]}
	v.add(chat.Widget{Field: &field})
}
