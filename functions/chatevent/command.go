package chatevent

import (
	"cmp"
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/chat"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/words"
)

// command is a slash command or quick command. ID, name and description must match Chat's console, which limits name
// and description to 50 ASCII characters each.
type command struct {
	id          int
	name        string
	args        i18n.Text // the arguments, for /help; may be none
	description string
	help        i18n.Text
	needs       []capability.Capability // all that it might ask for
	run         handler
}

// isQuick reports whether this is a quick command, which people choose from a menu, and whose reply is a dialog.
func (c command) isQuick() bool { return c.name[0] != '/' }

const statusDescription = "Show your connection and who else acts as you"

// What commands need, with their buttons and the usual next steps: one prompt asks for all of it.
var (
	spaceNeeds = needs(capability.CreateSpaces, capability.EditSpaces, capability.DeleteSpaces, capability.ReadMembers,
		capability.ManageMembers)
	meetNeeds = needs(capability.Meet, capability.PostMessages, capability.ReadMembers, capability.ScheduleEvents)
)

// commands returns all commands. A variable would be an initialization cycle: /help is in the list and reads it.
func commands() []command {
	var none i18n.Text
	return []command{
		{1, "/connect", none, "Let Deputy act as you", words.HelpConnect, spaceNeeds, connect},
		{
			disconnectCommand, "/disconnect", none, "End Deputy's access to your account", words.HelpDisconnect, nil,
			askDisconnect,
		},
		{3, "/status", none, statusDescription, words.HelpStatus, nil, status},
		{4, "/help", none, "Show what Deputy can do", words.HelpHelp, nil, help},
		{
			5, "/createspace", words.ArgsCreatespace, "Create a space as you", words.HelpCreatespace, spaceNeeds,
			createSpace,
		},
		{
			6, "/invite", words.ArgsPeople, "Add people here as you",
			words.HelpInvite, needs(capability.ManageMembers), invite,
		},
		{7, "/spaces", words.ArgsWords, "Find your spaces", words.HelpSpaces, needs(capability.ReadSpaces), listSpaces},
		{
			8, "/say", words.ArgsText, "Post a message here as you", words.HelpSay, needs(capability.PostMessages),
			postMessage,
		},
		{9, "/meet", words.ArgsMeet, "Create a Meet meeting here as you", words.HelpMeet, meetNeeds, meet},
		{
			10, "/kickoff", words.ArgsWhen, "Schedule a meeting with everyone here", words.HelpKickoff, meetNeeds,
			kickoff,
		},
		{
			11, "/groupchat", words.ArgsPeople, "Start or find a group conversation",
			words.HelpGroupchat, needs(capability.CreateSpaces, capability.ReadMembers), groupChat,
		},
		{
			101, "Create a space", none, "Fill in a form to create a space as you",
			words.HelpCreateForm, createNeeds, openCreateForm,
		},
		{myConnection, "My connection", none, statusDescription, words.HelpStatus, nil, status},
	}
}

func needs(all ...capability.Capability) []capability.Capability { return all }

// ConsoleCommand is a command as configured in Chat's console.
type ConsoleCommand struct {
	ID                      int
	Name, Args, Description string
	OpensDialog             bool                    // "Open a dialog" must be selected
	Needs                   []capability.Capability // all that it might ask for
}

// ConsoleCommands returns the commands to configure in Chat's console.
func ConsoleCommands() []ConsoleCommand {
	var out []ConsoleCommand
	say := i18n.In("en")
	for _, c := range commands() {
		out = append(out, ConsoleCommand{c.id, c.name, say(c.args), c.description, c.isQuick(), c.needs})
	}
	return out
}

// invocation is the input of a command or button. It is complete, so that a button can run the command again later.
type invocation struct {
	Command   int                `json:"c"`
	Args      string             `json:"a,omitempty"` // for /say and /meet as typed, with the mentions
	Asked     string             `json:"n,omitempty"` // the name before Deputy added a number
	Mentions  []chat.Person      `json:"m,omitempty"`
	Key       resource.Key       `json:"s"` // idempotency key
	Thread    string             `json:"t,omitempty"`
	Markup    string             `json:"k,omitempty"` // syntax of Args
	Page      int                `json:"p,omitempty"` // of a list, from 0
	Form      string             `json:"f,omitempty"` // the form to open or send
	Space     resource.SpaceName `json:"x,omitempty"` // the space to change, if it differs from the event's
	Rest      spaces.FollowUp    `json:"r,omitzero"`  // the remaining steps for that space
	Caller    string             `json:"w,omitempty"` // whose approval to withdraw
	Authority vault.Authority    `json:"u,omitempty"` // of that approval
	ToAdd     []chat.Person      `json:"d,omitempty"` // the members of that space who are still to be added
	External  bool               `json:"e,omitempty"` // that space allows people outside the organization
	Outside   string             `json:"o,omitempty"` // who the person was told is outside it, or isn't a person
}

// takesVerbatim reports whether the command posts its text as typed.
func (c command) takesVerbatim() bool { return c.name == "/say" || c.name == "/meet" }

func newInvocation(e chat.Event) invocation {
	key := cmp.Or(resource.Key(e.Message), newKey())
	i := invocation{Command: e.Command, Args: e.Args, Mentions: e.Mentions, Key: key, Thread: e.Thread}
	if !e.Space.Named { // only named spaces accept a thread (messages.create)
		i.Thread = ""
	}
	c, ok := findCommand(e.Command)
	if ok && c.takesVerbatim() {
		i.Args, i.Mentions, i.Markup = e.Text, nil, e.Markup
	}
	// People pick a command and then type or paste it again.
	if first, rest, _ := strings.Cut(i.Args, " "); ok && strings.EqualFold(first, c.name) {
		i.Args = strings.TrimSpace(rest)
	}
	return i
}

// newKey returns an idempotency key for an event without a message. It is sealed into a card or form when Deputy draws
// it, so that two clicks on the same button run one operation.
func newKey() resource.Key { return resource.Key("once " + rand.Text()) }

func findCommand(id int) (command, bool) {
	all := commands()
	index := slices.IndexFunc(all, func(c command) bool { return c.id == id })
	if index < 0 {
		return command{}, false
	}
	return all[index], true
}

func runCommand(ctx context.Context, v *view, i invocation) (chat.Reply, error) {
	stateOf(ctx).retry = attempt{runButton, i}
	c, ok := findCommand(i.Command)
	if !ok {
		return chat.Reply{}, fault.New(fault.Invalid, words.ErrorUnknownCommand)
	}
	logging.AddAttrs(ctx, slog.String("command", c.name))
	return v.limitConcurrency(ctx, func() (chat.Reply, error) { return c.run(ctx, v, i) })
}

// limitConcurrency calls handle if the limiter admits the request. It admits a request once, even if handlers nest.
func (f function) limitConcurrency(ctx context.Context, handle func() (chat.Reply, error)) (chat.Reply, error) {
	state := stateOf(ctx)
	if state.admitted {
		return handle()
	}
	release, err := f.limiter.Acquire()
	if err != nil {
		return chat.Reply{}, err
	}
	defer release()
	state.admitted = true
	return handle()
}
