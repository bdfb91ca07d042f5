package chatevent

import (
	"cmp"
	"context"
	"log/slog"
	"strings"
	"time"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/words"
)

// kickoff schedules a meeting with the people of this space, at the time that
// is written behind the command, in the zone of the person's calendar.
func kickoff(ctx context.Context, f function, e chat.Event, i invocation) (chat.Reply, error) {
	if e.Space.Direct {
		return chat.Reply{}, fault.New(fault.Invalid, words.KickoffWhere)
	}
	// A time that cannot be read needs no consent to be said so.
	if _, err := meetings.ParseWhen(i.Args, time.Time{}); err != nil {
		return chat.Reply{}, err
	}
	zone, err := f.Meetings.Zone(ctx, e.Person.Name, capability.ReadMembers)
	if err != nil {
		return chat.Reply{}, err
	}
	when, err := meetings.ParseWhen(i.Args, f.Now().In(zone))
	if err != nil {
		return chat.Reply{}, err
	}
	there, err := f.Spaces.Participants(ctx, e.Person.Name, e.Space.Name, capability.ScheduleEvents)
	if err != nil {
		return chat.Reply{}, err
	}
	say := i18n.In(e.Locale)
	event := meetings.Event{Title: say(words.KickoffEventTitle, cmp.Or(e.Space.DisplayName, say(words.GroupTitle))), When: when}
	var guests, untold []string
	for _, p := range there {
		switch {
		case p.User == e.Person.Name:
		case p.Email == "":
			untold = append(untold, p.Label)
		default:
			guests, event.Guests = append(guests, p.Label), append(event.Guests, p.Email)
		}
	}
	made, err := f.Meetings.Schedule(ctx, e.Person.Name, i.Source, event)
	if err != nil {
		return chat.Reply{}, err
	}
	f.Log.InfoContext(ctx, "audit", slog.String("act", "kickoff"), slog.String("authority", "user"), slog.String("in", string(e.Space.Name)),
		slog.Int("guests", len(guests)), slog.Int("untold", len(untold)))
	widgets := []chat.Widget{{Label: say(words.KickoffWhen), Text: made.Start.In(zone).Format(say(words.TimeLayout))}}
	if len(guests) > 0 {
		widgets = append(widgets, chat.Widget{Label: say(words.CreatedInvited), Text: list(guests)})
	}
	if len(untold) > 0 {
		widgets = append(widgets, chat.Widget{Label: say(words.KickoffNotInvited), Text: list(untold)}, chat.Widget{Text: say(words.KickoffNoEmail)})
	}
	row := []chat.Button{{Text: say(words.ButtonOpenEvent), Link: config.NewSecret(made.Address), Strong: true}}
	if made.Room != "" {
		row = append(row, chat.Button{Text: say(words.ButtonJoin), Link: config.NewSecret(made.Room)})
	}
	reply := card(say(words.KickoffTitle), append(widgets, buttons(row...))...)
	reply.Card.Subtitle = event.Title
	return reply, nil
}

// list is as many names as a card can hold.
func list(names []string) string {
	const most = 50
	if len(names) > most {
		return strings.Join(names[:most], ", ") + " …"
	}
	return strings.Join(names, ", ")
}
