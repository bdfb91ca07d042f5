package chatevent

import (
	"context"
	"log/slog"
	"slices"

	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/words"
)

// command is one line of the table in the design's section 7. ID, name and
// description stand in Chat's console too (at most 50 ASCII characters each).
type command struct {
	id          int
	name        string
	args        string // how to call it, for /help
	description string
	help        words.Text
	run         func(context.Context, function, chat.Event, invocation) (chat.Reply, error)
}

// commands are all there are. It is a function because /help reads it, and is
// in it.
func commands() []command {
	return []command{
		{1, "/connect", "", "Let Deputy act as you", words.HelpConnect, connect},
		{2, "/disconnect", "", "End Deputy's access to your account", words.HelpDisconnect, disconnect},
		{3, "/status", "", "Show how you are connected", words.HelpStatus, status},
		{4, "/help", "", "Show what Deputy can do", words.HelpHelp, help},
		{5, "/createspace", "name [@people]", "Create a space as you", words.HelpCreateSpace, createSpace},
		{6, "/invite", "@people", "Add people here as you", words.HelpInvite, invite},
		{7, "/spaces", "[words]", "Find your spaces", words.HelpSpaces, listSpaces},
		{8, "/say", "text", "Write here as you", words.HelpSay, speak},
		{9, "/meet", "[text]", "Open a Meet room here as you", words.HelpMeet, meet},
		{11, "/groupchat", "@people", "Begin or find a group conversation", words.HelpGroupChat, groupChat},
	}
}

// Entry is a command as Chat's console wants it typed in.
type Entry struct {
	ID                      int
	Name, Args, Description string
}

// Console are the commands to configure in Chat's console.
func Console() []Entry {
	var out []Entry
	for _, c := range commands() {
		out = append(out, Entry{c.id, c.name, c.args, c.description})
	}
	return out
}

// invocation is a command with all it needs to be run again later: by Chat
// after a consent, by Continue, by Try again.
type invocation struct {
	Command  int           `json:"c"`
	Args     string        `json:"a,omitempty"` // for /say and /meet with the mentions in it, as typed
	Mentions []chat.Person `json:"m,omitempty"`
	Source   string        `json:"s"` // what makes a repetition the same act
	Thread   string        `json:"t,omitempty"`
	Page     int           `json:"p,omitempty"` // of a list; the first is 0
}

// speaks are the commands that write what was typed, as it was typed.
func (c command) speaks() bool { return c.name == "/say" || c.name == "/meet" }

// asked is the invocation of a command as it has just been typed.
func asked(e chat.Event) invocation {
	i := invocation{Command: e.Command, Args: e.Args, Mentions: e.Mentions, Source: e.Message, Thread: e.Thread}
	if c, ok := find(e.Command); ok && c.speaks() {
		i.Args, i.Mentions = e.Text, nil
	}
	return i
}

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
	of(ctx).done = i
	c, ok := find(i.Command)
	if !ok {
		return chat.Reply{}, fault.New(fault.Invalid, words.UnknownCommand)
	}
	logging.Note(ctx, slog.String("command", c.name))
	return c.run(ctx, f, e, i)
}
