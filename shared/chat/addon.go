package chat

import (
	"encoding/json"
	"strings"

	"example.com/deputy/shared/config"
)

// addOnEvent is chat-protocol.md 2.1: the key of the payload is the kind.
type addOnEvent struct {
	Type   looseText `json:"type"` // only classic events have one
	Common struct {
		Locale     looseText            `json:"userLocale"`
		Parameters map[string]looseText `json:"parameters"`
		Inputs     formInputs           `json:"formInputs"`
	} `json:"commonEventObject"`
	Chat addOnChat `json:"chat"`
}

type addOnChat struct {
	Type      looseText `json:"type"` // for the Home tab of classic apps alone
	User      user      `json:"user"`
	Space     space     `json:"space"`
	EventTime looseText `json:"eventTime"`
	Message   *payload  `json:"messagePayload"`
	Added     *payload  `json:"addedToSpacePayload"`
	Removed   *payload  `json:"removedFromSpacePayload"`
	Clicked   *payload  `json:"buttonClickedPayload"`
	Command   *payload  `json:"appCommandPayload"`
	payloads  bool      // it has another one, which we do not know
}

// UnmarshalJSON implements json.Unmarshaler. It notes payloads of kinds that
// Chat may invent later: an event with one is not the Home tab's.
func (c *addOnChat) UnmarshalJSON(text []byte) error {
	type plain addOnChat
	err := json.Unmarshal(text, (*plain)(c))
	var all map[string]json.RawMessage
	if json.Unmarshal(text, &all) == nil {
		for name := range all {
			c.payloads = c.payloads || strings.HasSuffix(name, "Payload")
		}
	}
	return err
}

// other reports whether there is a payload of any kind.
func (c addOnChat) other() bool { return c.payloads }

type payload struct {
	Space    space     `json:"space"`
	Message  message   `json:"message"`
	Thread   thread    `json:"thread"`
	Metadata metadata  `json:"appCommandMetadata"`
	Complete looseText `json:"configCompleteRedirectUri"`
	// ByMessage says that a second event, with the message, follows.
	ByMessage looseBool `json:"interactionAdd"`
	dialogEvent
}

func (e addOnEvent) event() Event {
	out := Event{Kind: Unknown, Time: moment(e.Chat.EventTime), Person: e.Chat.User.person(), Space: e.Chat.Space.place(), Locale: string(e.Common.Locale)}
	var p *payload
	switch {
	case e.Chat.Command != nil:
		out.Kind, p = Command, e.Chat.Command
	case e.Chat.Message != nil:
		out.Kind, p = Message, e.Chat.Message
	case e.Chat.Clicked != nil:
		out.Kind, p = Click, e.Chat.Clicked
	case e.Chat.Added != nil && !bool(e.Chat.Added.ByMessage):
		out.Kind, p = Added, e.Chat.Added
	case e.Chat.Removed != nil:
		out.Kind, p = Removed, e.Chat.Removed
	case e.Chat.Type == "SUBMIT_FORM":
		out.Kind, out.Home, p = Click, true, &payload{}
	case e.Chat.Type == "APP_HOME", e.Chat.Type == "" && e.Chat.User.Name != "" && !e.Chat.other():
		// Add-ons are told of their Home tab by the person and nothing else
		// (chat-protocol.md 11).
		out.Kind, out.Home, p = Home, true, &payload{}
	default:
		return out
	}
	if out.Kind == Click {
		out.Value, out.Inputs = config.NewSecret(e.Common.Parameters[valueKey]), e.Common.Inputs.inputs()
	}
	out.Dialog = p.dialog(out.Kind)
	if p.Space.Name != "" {
		out.Space = p.Space.place()
	}
	out.Message, out.Command, out.Complete = string(p.Message.Name), p.Message.command(p.Metadata), config.NewSecret(p.Complete)
	out.Thread, out.Own = p.Message.replyThread(p.Thread), p.Message.own()
	out.Args, out.Mentions = p.Message.arguments()
	out.Text = p.Message.verbatim()
	return out
}

// addOnReply are the actions of chat-protocol.md 2.2 that Deputy uses.
type addOnReply struct {
	HostApp *hostApp `json:"hostAppDataAction,omitempty"`
	Action  *action  `json:"action,omitempty"`
	Prompt  *prompt  `json:"basic_authorization_prompt,omitempty"`
}

type hostApp struct {
	Chat chatAction `json:"chatDataAction"`
}

type chatAction struct {
	Create *messageAction `json:"createMessageAction,omitempty"`
	Update *messageAction `json:"updateMessageAction,omitempty"`
}

type messageAction struct {
	Message *wireMessage `json:"message"`
}

// action is also how classic apps answer on the Home tab.
type action struct {
	Navigations []navigation `json:"navigations"`
}

type navigation struct {
	Push   *wireCard      `json:"pushCard,omitempty"`
	Update *wireCard      `json:"updateCard,omitempty"`
	End    *endNavigation `json:"endNavigation,omitempty"`
}

type endNavigation struct {
	Action string `json:"action"`
}

func navigate(n navigation) *action { return &action{[]navigation{n}} }

type prompt struct {
	URL      string `json:"authorization_url"`
	Resource string `json:"resource"`
}

// addOn is the reply as an add-on gives it. Its buttons name the endpoint
// itself: any other name, and Chat never calls (chat-protocol.md 2.2, trap 1).
func (r Reply) addOn(e Event, endpoint string) any {
	if !r.Connect.Empty() {
		return addOnReply{Prompt: &prompt{URL: r.Connect.Reveal(), Resource: "Deputy"}}
	}
	switch r.place(e) {
	case nowhere:
		return addOnReply{}
	case closed:
		return addOnReply{Action: navigate(navigation{End: &endNavigation{"CLOSE_DIALOG"}})}
	case homeTab:
		if e.Kind != Home {
			return addOnReply{Action: navigate(navigation{Update: r.Card.api(endpoint)})}
		}
		fallthrough
	case dialog:
		return addOnReply{Action: navigate(navigation{Push: r.Card.api(endpoint)})}
	case replaced:
		return addOnReply{HostApp: &hostApp{chatAction{Update: &messageAction{r.message(e, endpoint)}}}}
	default:
		return addOnReply{HostApp: &hostApp{chatAction{Create: &messageAction{r.message(e, endpoint)}}}}
	}
}
