package chatevent

import (
	"context"
	"log/slog"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/text"
	"example.com/deputy/shared/words"
)

// deleteForm deletes a space after the person typed its name, which is the invocation's Args.
func deleteForm() form {
	return form{
		title: words.DeleteTitle, submit: words.ButtonDelete, required: []string{nameField},
		needs:   needs(capability.DeleteSpaces),
		initial: func(invocation) chat.Inputs { return nil },
		draw: func(_ context.Context, v *view, i invocation, in chat.Inputs) {
			v.text(words.DeleteText, i.Args)
			v.addName(in)
		},
		send: func(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
			if text.Comparable(v.event.Inputs.First(nameField)) != text.Comparable(i.Args) {
				return chat.Reply{}, fault.New(fault.Invalid, words.DeleteNameDiffers)
			}
			title, body := words.DeleteDone, words.DeleteDoneText
			err := v.Spaces.Delete(ctx, v.event.Person.Name, i.Space)
			switch {
			case err != nil && fault.KindOf(err) == fault.NotFound:
				title, body = words.DeleteNothing, words.DeleteNothingText
			case err != nil:
				return chat.Reply{}, err
			}
			v.Log.InfoContext(ctx, "audit", slog.String("action", "delete"),
				slog.String("authority", "user"), slog.String("target", string(i.Space)))
			v.text(body)
			v.out.Card.Subtitle, v.out.ClosesDialog = i.Args, true
			return v.reply(title)
		},
	}
}
