package chatevent

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"slices"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/words"
)

// command is one line of the table in the design's section 7. ID, name and
// description stand in Chat's console too (at most 50 ASCII characters each).
type command struct {
	id          int
	name        string
	args        i18n.Text // how to call it, for /help; may be none
	description string
	help        i18n.Text
	needs       []capability.Capability // all that it may ask for
	run         act
}

// quick tells that a command is chosen from a menu, and answered by a dialog.
func (c command) quick() bool { return c.name[0] != '/' }

// commands are all there are. It is a function because /help reads it, and is
// in it.
func commands() []command {
	var none i18n.Text
	return []command{
		{1, "/connect", none, "Let Deputy act as you", words.HelpConnect, needs(capability.CreateSpaces), connect},
		{2, "/disconnect", none, "End Deputy's access to your account", words.HelpDisconnect, nil, disconnect},
		{3, "/status", none, "Show how you are connected, and who acts as you", words.HelpStatus, nil, status},
		{4, "/help", none, "Show what Deputy can do", words.HelpHelp, nil, help},
		{5, "/createspace", words.ArgsCreatespace, "Create a space as you", words.HelpCreatespace, createNeeds, createSpace},
		{6, "/invite", words.ArgsPeople, "Add people here as you", words.HelpInvite, needs(capability.ManageMembers), invite},
		{7, "/spaces", words.ArgsWords, "Find your spaces", words.HelpSpaces, needs(capability.ReadSpaces), listSpaces},
		{8, "/say", words.ArgsText, "Write here as you", words.HelpSay, needs(capability.PostMessages), speak},
		{9, "/meet", words.ArgsMeet, "Open a Meet room here as you", words.HelpMeet, needs(capability.Meet, capability.PostMessages), meet},
		{10, "/kickoff", words.ArgsWhen, "Schedule a meeting with all people here", words.HelpKickoff, needs(capability.ReadMembers, capability.ScheduleEvents), kickoff},
		{11, "/groupchat", words.ArgsPeople, "Begin or find a group conversation", words.HelpGroupchat, needs(capability.CreateSpaces, capability.ReadMembers), groupChat},
		{101, "Create a space", none, "Fill in a form to create a space as you", words.HelpCreateForm, createNeeds, createForm},
		{102, "My connection", none, "Show how you are connected, and who acts as you", words.HelpStatus, nil, status},
	}
}

func needs(all ...capability.Capability) []capability.Capability { return all }

// Entry is a command as Chat's console wants it typed in.
type Entry struct {
	ID                      int
	Name, Args, Description string
	Dialog                  bool                    // "Open a dialog" has to be ticked
	Needs                   []capability.Capability // all that it may ask for
}

// Console are the commands to configure in Chat's console.
func Console() []Entry {
	var out []Entry
	say := i18n.In("en")
	for _, c := range commands() {
		out = append(out, Entry{c.id, c.name, say(c.args), c.description, c.quick(), c.needs})
	}
	return out
}

// invocation is a command with all it needs to be run again later: by Chat
// after a consent, by Continue, by Try again.
type invocation struct {
	Command  int                `json:"c"`
	Args     string             `json:"a,omitempty"` // for /say and /meet with the mentions in it, as typed
	Mentions []chat.Person      `json:"m,omitempty"`
	Source   resource.Key       `json:"s"` // what makes a repetition the same act
	Thread   string             `json:"t,omitempty"`
	Page     int                `json:"p,omitempty"` // of a list; the first is 0
	Form     string             `json:"f,omitempty"` // that is opened or sent
	Space    resource.SpaceName `json:"x,omitempty"` // that it is about, when it is not the one it happens in
	Rest     spaces.Rest        `json:"r,omitzero"`  // of making that space
	External bool               `json:"e,omitempty"` // people from outside may be in it
}

// speaks are the commands that write what was typed, as it was typed.
func (c command) speaks() bool { return c.name == "/say" || c.name == "/meet" }

// asked is the invocation of a command as it has just been typed.
func asked(e chat.Event) invocation {
	i := invocation{Command: e.Command, Args: e.Args, Mentions: e.Mentions, Source: cmp.Or(resource.Key(e.Message), once()), Thread: e.Thread}
	if !e.Space.Named { // only named spaces take a thread (messages.create)
		i.Thread = ""
	}
	if c, ok := find(e.Command); ok && c.speaks() {
		i.Args, i.Mentions = e.Text, nil
	}
	return i
}

// once is a source for what has no message of its own: sealed into a card or a
// form when that is drawn, it makes two clicks on the same button one act.
func once() resource.Key { return resource.Key("once " + rand.Text()) }

// find is the command with an id.
func find(id int) (command, bool) {
	all := commands()
	at := slices.IndexFunc(all, func(c command) bool { return c.id == id })
	if at < 0 {
		return command{}, false
	}
	return all[at], true
}

func (f function) run(ctx context.Context, e chat.Event, i invocation) (chat.Reply, error) {
	of(ctx).tried = attempt{runAgain, i}
	c, ok := find(i.Command)
	if !ok {
		return chat.Reply{}, fault.New(fault.Invalid, words.ErrorUnknownCommand)
	}
	logging.Note(ctx, slog.String("command", c.name))
	return f.within(ctx, func() (chat.Reply, error) { return c.run(ctx, f, e, i) })
}

// within does an act if there is room for it.
func (f function) within(ctx context.Context, act func() (chat.Reply, error)) (chat.Reply, error) {
	h := of(ctx)
	if h.inside {
		return act()
	}
	leave, err := f.limiter.Enter()
	if err != nil {
		return chat.Reply{}, err
	}
	defer leave()
	h.inside = true
	return act()
}
