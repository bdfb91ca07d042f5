package chatevent

import (
	"cmp"
	"context"
	"log/slog"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// kickoff schedules a meeting with the members of the space, in the time zone of the person's calendar.
func kickoff(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	if v.event.Space.Direct {
		return chat.Reply{}, fault.New(fault.Invalid, words.KickoffWhere)
	}
	// Reject an invalid time, and one that is past everywhere, before asking for consent.
	if err := meetings.CheckTimeSlot(i.Args, v.Now()); err != nil {
		return chat.Reply{}, err
	}
	zone, err := v.Meetings.Zone(ctx, v.event.Person.Name, capability.ReadMembers)
	if err != nil {
		return chat.Reply{}, err
	}
	when, err := meetings.ParseTimeSlot(i.Args, v.Now().In(zone))
	if err != nil {
		return chat.Reply{}, err
	}
	participants, err := v.Spaces.Participants(ctx, v.event.Person.Name, v.event.Space.Name, capability.ScheduleEvents)
	if err != nil {
		return chat.Reply{}, err
	}
	title := v.say(words.KickoffEventTitle, cmp.Or(v.event.Space.DisplayName, v.say(words.GroupTitle)))
	event := meetings.Event{Title: title, When: when}
	var guests, withoutEmail []spaces.Member
	for _, p := range participants.People {
		switch {
		case p.User == v.event.Person.Name:
		case p.Email == "":
			withoutEmail = append(withoutEmail, spaces.Member{Label: p.Label})
		default:
			guests, event.Guests = append(guests, spaces.Member{Label: p.Label}), append(event.Guests, p.Email)
		}
	}
	if participants.More {
		return chat.Reply{}, fault.New(fault.Invalid, words.ErrorTooManyGuests, len(guests), meetings.MaxGuests)
	}
	scheduled, err := v.Meetings.Schedule(ctx, v.event.Person.Name, i.Key, event)
	if err != nil {
		return chat.Reply{}, err
	}
	v.Log.InfoContext(ctx, "audit", slog.String("action", "kickoff"), slog.String("authority", "user"),
		slog.String("target", string(v.event.Space.Name)),
		slog.Int("guests", len(guests)), slog.Int("without_email", len(withoutEmail)))
	v.labeled(words.KickoffWhen, scheduled.Start.In(zone).Format(v.say(words.TimeLayout)))
	v.labeled(words.CreatedInvited, memberNames(v.say, guests))
	if len(withoutEmail) > 0 {
		v.labeled(words.KickoffNotInvited, memberNames(v.say, withoutEmail))
		v.text(words.KickoffNoEmail)
	}
	if n := participants.Groups; n > 0 {
		v.labeled(words.KickoffNotInvited, v.say(words.KickoffGroups, n))
	}
	row := []chat.Button{{Text: v.say(words.ButtonOpenEvent), Link: config.NewSecret(scheduled.Address), Primary: true}}
	switch {
	case scheduled.Room != "":
		row = append(row, chat.Button{Text: v.say(words.ButtonJoin), Link: config.NewSecret(scheduled.Room)})
	case scheduled.Pending:
		v.text(words.KickoffRoomPending)
	default:
		v.text(words.KickoffNoRoom)
	}
	v.row(row...)
	v.out.Card.Subtitle = event.Title
	return v.reply(words.KickoffTitle)
}
