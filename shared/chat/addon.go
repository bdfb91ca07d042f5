package chat

import (
	"encoding/json"
	"strings"

	"example.com/deputy/shared/config"
)

// addOnEvent is an event in add-on format (workspace/add-ons/concepts/event-objects). The name of its payload says its
// kind.
type addOnEvent struct {
	Type   looseText `json:"type"` // only in classic events
	Common common    `json:"commonEventObject"`
	Chat   addOnChat `json:"chat"`
}

type addOnChat struct {
	Type      looseText `json:"type"` // only in Home tab events of classic apps
	User      user      `json:"user"`
	Space     space     `json:"space"`
	EventTime looseText `json:"eventTime"`
	Message   *payload  `json:"messagePayload"`
	Added     *payload  `json:"addedToSpacePayload"`
	Removed   *payload  `json:"removedFromSpacePayload"`
	Clicked   *payload  `json:"buttonClickedPayload"`
	Command   *payload  `json:"appCommandPayload"`

	hasPayload bool // of any kind, known or not
}

// UnmarshalJSON implements json.Unmarshaler. It also detects payloads of unknown kinds, because an event with a payload
// is not from the Home tab.
func (c *addOnChat) UnmarshalJSON(text []byte) error {
	type withoutMethods addOnChat
	err := json.Unmarshal(text, (*withoutMethods)(c))
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) == nil {
		for name := range fields {
			c.hasPayload = c.hasPayload || strings.HasSuffix(name, "Payload")
		}
	}
	return err
}

type payload struct {
	Space    space     `json:"space"`
	Message  message   `json:"message"`
	Thread   thread    `json:"thread"`
	Metadata metadata  `json:"appCommandMetadata"`
	Complete looseText `json:"configCompleteRedirectUri"`
	// InteractionAdd means that a second event, with the message, follows.
	InteractionAdd looseBool `json:"interactionAdd"`
	dialogEvent
}

func (e addOnEvent) event() Event {
	out := Event{
		Kind: Unknown, Time: parseTime(e.Chat.EventTime), Person: e.Chat.User.person(),
		Space: e.Chat.Space.toSpace(), Locale: string(e.Common.Locale),
	}
	var p *payload
	switch {
	case e.Chat.Command != nil:
		out.Kind, p = Command, e.Chat.Command
	case e.Chat.Message != nil:
		out.Kind, p = Message, e.Chat.Message
	case e.Chat.Clicked != nil:
		out.Kind, p = Click, e.Chat.Clicked
	case e.Chat.Added != nil:
		out.Kind, p = Added, e.Chat.Added
		if e.Chat.Added.InteractionAdd {
			out.Kind = Adding
		}
	case e.Chat.Removed != nil:
		out.Kind, p = Removed, e.Chat.Removed
	case e.Chat.Type == "SUBMIT_FORM", e.Chat.Type == "CARD_CLICKED": // Google's guide names both
		out.Kind, out.OnHomeTab, p = Click, true, &payload{}
	case e.Chat.Type == "APP_HOME", e.Chat.Type == "" && e.Chat.User.Name != "" && !e.Chat.hasPayload:
		// An add-on's Home tab event contains only the person (workspace/add-ons/chat/convert).
		out.Kind, out.OnHomeTab, p = Home, true, &payload{}
	default:
		return out
	}
	if out.Kind == Click {
		out.Value, out.Inputs = config.NewSecret(e.Common.Parameters[valueKey]), e.Common.Inputs.inputs()
	}
	if p.Space.Name != "" {
		out.Space = p.Space.toSpace()
	}
	out.CompletionURL = config.NewSecret(p.Complete)
	p.Message.add(&out, p.Metadata, p.Thread)
	out.Dialog = p.dialog(out.Kind)
	return out
}

// addOnReply contains the actions that Deputy uses (workspace/add-ons/chat/convert).
type addOnReply struct {
	HostApp struct {
		Chat struct {
			Create messageAction `json:"createMessageAction,omitzero"`
			Update messageAction `json:"updateMessageAction,omitzero"`
		} `json:"chatDataAction"`
	} `json:"hostAppDataAction,omitzero"`
	Action struct {
		Navigations []navigation `json:"navigations"`
	} `json:"action,omitzero"`
	Prompt struct {
		URL      string `json:"authorization_url"`
		Resource string `json:"resource"`
	} `json:"basic_authorization_prompt,omitzero"`
}

type messageAction struct {
	Message *wireMessage `json:"message"`
}

type navigation struct {
	Push   *wireCard `json:"pushCard,omitempty"`
	Update *wireCard `json:"updateCard,omitempty"`
	End    struct {
		Action string `json:"action"`
	} `json:"endNavigation,omitzero"`
}

// navigate returns a reply that navigates between cards. Classic apps use it too, on the Home tab.
func navigate(n navigation) (out addOnReply) {
	out.Action.Navigations = []navigation{n}
	return out
}

// encodeAddOn returns the reply in add-on format. Its buttons must name the endpoint, or Chat never calls the app
// (workspace/add-ons/chat/convert, workspace/chat/receive-respond-interactions).
func (r Reply) encodeAddOn(e Event, endpoint string) any {
	var out addOnReply
	if !r.ConnectURL.Empty() {
		out.Prompt.URL, out.Prompt.Resource = r.ConnectURL.Reveal(), "Deputy"
		return out
	}
	var n navigation
	switch target := r.target(e); target {
	case targetNone:
		return out
	case targetReplaceCard:
		out.HostApp.Chat.Update.Message = r.message(e, endpoint)
		return out
	case targetNewMessage:
		out.HostApp.Chat.Create.Message = r.message(e, endpoint)
		return out
	case targetCloseDialog:
		n.End.Action = "CLOSE_DIALOG"
	case targetHomeTab, targetDialog:
		n.Push = r.Card.wire(endpoint)
		if target == targetHomeTab && e.Kind != Home {
			n.Push, n.Update = nil, n.Push
		}
	}
	return navigate(n)
}
