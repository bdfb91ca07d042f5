package main

import (
	"cmp"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/emulator/google"
	"example.com/deputy/functions/chatevent"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// The tests here run each command in each condition of the person and of Google, in each kind of conversation, and in
// both formats. Chat must accept each answer, and the answer must be in time and have the right text.

// postForm sends a form of the page that emulates Chat, as Ada, and returns the page.
func (tr *trial) postForm(path, in string, form url.Values) string {
	tr.t.Helper()
	form.Set("as", ada.Sub)
	form.Set("in", in)
	tr.do(http.MethodPost, path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	at := "/?as=" + ada.Sub + "&in=" + in
	if path == "/home" {
		at += "&tab=home"
	}
	return html.UnescapeString(tr.do(http.MethodGet, at, "").Body.String())
}

// allow connects Ada with these capabilities.
func (tr *trial) allow(capabilities ...capability.Capability) {
	tr.t.Helper()
	link, err := tr.consent.Invite(tr.t.Context(), resource.Named(ada.User()), config.Secret{}, capabilities...)
	if err != nil {
		tr.t.Fatal(err)
	}
	started := tr.do(http.MethodGet, strings.TrimPrefix(link.Reveal(), tr.address), "")
	page := tr.do(http.MethodGet, strings.TrimPrefix(started.Header().Get("Location"), tr.address), "").Body.String()
	form := url.Values{"request": {parseInputs(page).Get("request")}, "account": {ada.Sub}, "decision": {"allow"}}
	for _, m := range regexp.MustCompile(`name="scope" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		form.Add("scope", m[1])
	}
	back := tr.do(http.MethodPost, "/google/o/oauth2/v2/consent", form.Encode(),
		"Content-Type", "application/x-www-form-urlencoded")
	done := tr.do(http.MethodGet, strings.TrimPrefix(back.Header().Get("Location"), tr.address), "")
	if g, ok := tr.grant(); done.Code != http.StatusSeeOther || !ok || g.Status != vault.Connected {
		tr.t.Fatalf("connecting: %d %s", done.Code, done.Body)
	}
}

// say returns a function that types a text in a space.
func say(text string) func(*trial, string) string {
	return func(tr *trial, in string) string { return tr.postForm("/send", in, url.Values{"text": {text}}) }
}

// choose returns a function that runs a quick command in a space.
func choose(id int) func(*trial, string) string {
	return func(tr *trial, in string) string {
		return tr.postForm("/quick", in, url.Values{"command": {fmt.Sprint(id)}})
	}
}

// sendForm fills in the form of the quick command and sends it.
func sendForm(tr *trial, in string) string {
	body := choose(101)(tr, in)
	if !strings.Contains(body, `name="description"`) {
		return body // Ada must connect first
	}
	number := ""
	for _, m := range buttonPattern.FindAllStringSubmatch(body, -1) {
		if m[2] == "Create" {
			number = m[1]
		}
	}
	return tr.postForm("/press", in, url.Values{
		"surface": {"dialog"}, "press": {number}, "name": {"Launch plan"},
		"description": {"Kept"},
	})
}

// interaction is one thing that a person does in Chat, with the expected answer.
type interaction struct {
	do           func(*trial, string) string
	needsConsent bool
	inDialog     bool           // the answer is a dialog
	keepsForm    bool           // the dialog is a form, and an error keeps its input
	isHome       bool           // the Home tab, which only the direct message has
	method       string         // the first Google method that it needs, or empty
	path         string         // how the path of that method ends
	success      string         // the text on success
	inDM         string         // the text in a direct message, if different
	onStatus     map[int]string // texts for HTTP statuses of Google that differ from chatErrors
}

var interactions = map[string]interaction{
	"/connect":    {do: say("/connect"), needsConsent: true, success: "You're connected"},
	"/disconnect": {do: say("/disconnect"), success: "Disconnect?"},
	"/status":     {do: say("/status"), success: "Erase everything"},
	"/help":       {do: say("/help"), success: "What Deputy can do"},
	"/createspace": {
		do: say("/createspace Launch plan"), needsConsent: true, method: "chat.spaces.setup",
		path: "/spaces:setup", success: "Space created",
		onStatus: map[int]string{409: `A space named "Launch plan" already exists`},
	},
	"/createspace no name": {do: say("/createspace"), success: "open the form"},
	"/invite": {
		do: say("/invite @Grace Hopper"), needsConsent: true, method: "chat.spaces.members.create",
		path: "/members", success: "People added", inDM: "Only you and Deputy are here",
		onStatus: map[int]string{403: "didn't allow adding this person", 409: "People added"},
	},
	"/spaces": {
		do: say("/spaces"), needsConsent: true, method: "chat.spaces.list", path: "/v1/spaces",
		success: "Your spaces",
	},
	"/say": {
		do: say("/say Hello"), needsConsent: true, method: "chat.spaces.messages.create",
		path: "/messages", success: "via Deputy", inDM: "Only you and Deputy are here",
	},
	"/meet": {
		do: say("/meet"), needsConsent: true, method: "meet.spaces.create", path: "/v2/spaces",
		success: "https://meet.google.com/", onStatus: map[int]string{
			403: "Google Meet denied this request",
			404: "Google Meet didn't respond as expected", 409: "Google Meet didn't respond as expected",
			429: "Google Meet is receiving too many requests",
		},
	},
	"/kickoff": {
		do: say("/kickoff tomorrow 10:00"), needsConsent: true, method: "calendar.events.list",
		path: "/events", success: "Meeting scheduled", inDM: "Only you and Deputy are here",
		onStatus: map[int]string{
			403: "Google Calendar denied this request",
			404: "Google Calendar didn't respond as expected", 409: "Google Calendar didn't respond as expected",
			429: "Google Calendar is receiving too many requests",
		},
	},
	"/groupchat": {
		do: say("/groupchat @Grace Hopper @Alan Turing"), needsConsent: true,
		method: "chat.spaces.findGroupChats", path: "/spaces:findGroupChats", success: "Group conversation",
	},
	"the form": {
		do: choose(101), needsConsent: true, inDialog: true,
		success: "Email addresses of people",
	},
	"the form, sent": {
		do: sendForm, needsConsent: true, inDialog: true, keepsForm: true, method: "chat.spaces.setup",
		path: "/spaces:setup", success: "Space created",
		onStatus: map[int]string{409: `A space named "Launch plan" already exists`},
	},
	"my connection": {do: choose(102), inDialog: true, success: "Erase everything"},
	"Home": {
		do:     func(tr *trial, in string) string { return tr.postForm("/home", in, url.Values{}) },
		isHome: true, method: "chat.spaces.list", path: "/v1/spaces", success: "Your newest spaces",
	},
}

// condition is a state of the person or of Google.
type condition struct {
	prepare func(*trial, interaction)
	// want returns the expected text, and whether the answer offers Try again.
	want func(g interaction, in string) (text string, retry bool)
}

// chatErrors are the texts for errors of Google Chat, by HTTP status.
var chatErrors = map[int]string{
	403: "Google Chat denied this request", 404: "Google Chat configuration is missing",
	409: "Something went wrong", 429: "Google Chat is receiving too many requests",
}

// googleError is the condition that Google answers with an HTTP status and a message.
func googleError(status int, message string) condition {
	return condition{
		func(tr *trial, g interaction) {
			tr.allow(capability.All()...)
			for range 4 { // once for each attempt
				tr.google.FailAs(g.method, google.Fault{Status: status, Message: message})
			}
		},
		func(g interaction, _ string) (string, bool) {
			switch {
			case g.method == "":
				return g.success, false
			case g.isHome:
				return "Deputy can't show your spaces right now", false
			case g.onStatus[status] != "":
				return g.onStatus[status], status == 429 || strings.Contains(g.onStatus[status], "didn't respond")
			}
			return chatErrors[status], (status == 429 || status == 404) && !g.keepsForm
		},
	}
}

// consentRequired is a condition in which an interaction that needs consent asks for
// it. If text is empty, it uses Chat's own prompt. The Home tab shows home.
func consentRequired(prepare func(*trial, interaction), text, home string) condition {
	return condition{prepare, func(g interaction, in string) (string, bool) {
		switch {
		case !g.needsConsent && !g.isHome:
			return g.success, false
		case g.isHome && home != "":
			return home, false
		case text != "":
			return text, false
		case strings.HasPrefix(in, "DM") && !g.inDialog:
			return "requires configuration", false
		default:
			return "Connect your account", false
		}
	}}
}

var conditions = map[string]condition{
	"connected": {
		func(tr *trial, _ interaction) { tr.allow(capability.All()...) },
		func(g interaction, _ string) (string, bool) { return g.success, false },
	},
	"not connected": consentRequired(func(*trial, interaction) {}, "", "Deputy acts in Google Chat as you"),
	"scope missing": consentRequired(func(tr *trial, g interaction) {
		if g.method == "meet.spaces.create" {
			tr.allow(capability.CreateSpaces)
		} else {
			tr.allow(capability.Meet)
		}
	}, "Deputy needs your permission", "To show your spaces here, allow Deputy"),
	"grant revoked": consentRequired(func(tr *trial, _ interaction) {
		tr.allow(capability.All()...)
		tr.google.RevokeGrant(ada)
		tr.clock.advance(2 * time.Hour)
	}, "Google ended Deputy's access", ""),
	"Google slow": {
		func(tr *trial, g interaction) { tr.allow(capability.All()...); tr.slowPath = g.path },
		func(g interaction, _ string) (string, bool) {
			switch {
			case g.path == "":
				return g.success, false
			case g.isHome:
				return "Deputy can't show your spaces right now", false
			case strings.HasPrefix(g.method, "meet"):
				return "Google Meet didn't respond", true
			case strings.HasPrefix(g.method, "calendar"):
				return "Google Calendar didn't respond", true
			}
			return "didn't respond in time", !g.keepsForm
		},
	},
	"refused": googleError(403, ""),
	"app not found": googleError(404,
		"Google Chat app not found. To create a Chat app, you must turn on the Chat API and configure the app in "+
			"the Google Cloud console."),
	"already exists":    googleError(409, ""),
	"too many requests": googleError(429, ""),
}

func TestCommands_AllStates(t *testing.T) {
	quickCommands := map[int]string{101: "the form", 102: "my connection"}
	for _, e := range chatevent.ConsoleCommands() {
		if _, ok := interactions[cmp.Or(quickCommands[e.ID], e.Name)]; !ok {
			t.Errorf("no interaction for the command %s (%d)", e.Name, e.ID)
		}
	}
	for _, format := range []chatpage.Format{chatpage.Classic, chatpage.AddOn} {
		for place, in := range map[string]func(*trial) string{
			"direct message":     func(*trial) string { return "DM" + ada.Sub },
			"space":              func(*trial) string { return "AAAAteam" },
			"group conversation": func(tr *trial) string { return tr.google.CreateGroupChat(ada, grace).ID },
		} {
			t.Run(string(format)+" "+place, func(t *testing.T) {
				t.Parallel()
				for name, g := range interactions {
					for condition, m := range conditions {
						if g.isHome && place != "direct message" {
							continue // a space has no Home tab
						}
						synctest.Test(t, func(t *testing.T) {
							checkInteraction(t, format, in, name+", "+condition, g, m)
						})
					}
				}
			})
		}
	}
}

// checkInteraction runs an interaction in a condition and checks the answer.
func checkInteraction(t *testing.T, format chatpage.Format, place func(*trial) string, name string, g interaction,
	m condition,
) {
	tr := newTrialAs(t, format, "", nil, false)
	in := place(tr)
	m.prepare(tr, g)
	start := time.Now()
	shown := g.do(tr, in)
	if took := time.Since(start); took > 25*time.Second {
		t.Errorf("%s: the answer took %v", name, took)
	}
	want, retry := m.want(g, in)
	if g.inDM != "" && strings.HasPrefix(in, "DM") {
		want, retry = g.inDM, false
	}
	if !strings.Contains(shown, want) {
		t.Errorf("%s: %q is not on the page:\n%s", name, want, visibleText(shown))
	}
	if got := strings.Contains(shown, ">Try again<"); got != retry {
		t.Errorf("%s: Try again: got %v, want %v:\n%s", name, got, retry, visibleText(shown))
	}
	if strings.Contains(shown, "is not responding") {
		t.Errorf("%s: Chat rejects the answer:\n%s", name, visibleText(shown))
	}
	if g.keepsForm && want != g.success && !strings.Contains(shown, "Kept</textarea>") &&
		strings.Contains(shown, `name="description"`) {
		t.Errorf("%s: the form does not keep its input:\n%s", name, visibleText(shown))
	}
	tr.checkPrivate(name)
}

// checkPrivate checks that Grace sees no card and no prompt.
func (tr *trial) checkPrivate(name string) {
	tr.t.Helper()
	for _, space := range tr.google.SpacesOf(grace) {
		for _, m := range space.Messages {
			if m.JSON != nil || m.Prompt != "" {
				tr.t.Errorf("%s: Grace sees %s%s", name, m.JSON, m.Prompt)
			}
		}
	}
}

func TestCommands_OnlyListedScopes(t *testing.T) {
	commands := map[string]string{
		"/createspace": "/createspace Launch plan @Grace Hopper", "/invite": "/invite @Grace Hopper",
		"/say":       "/say Hello",
		"/groupchat": "/groupchat @Grace Hopper @Alan Turing", "/spaces": "/spaces plan",
	}
	for _, c := range chatevent.ConsoleCommands() {
		synctest.Test(t, func(t *testing.T) {
			tr := newTrialAs(t, chatpage.Classic, "", nil, false)
			var shown string
			if c.OpensDialog {
				shown = choose(c.ID)(tr, team)
			} else {
				shown = say(cmp.Or(commands[c.Name], c.Name))(tr, team)
			}
			link := regexp.MustCompile(`href="([^"]*/start\?invitation=[^"]*)"`).FindStringSubmatch(shown)
			if (link == nil) != (len(c.Needs) == 0 && c.ID != 3 && c.ID != 4 && c.ID != 102) {
				t.Errorf("%s: link to a consent: %v", c.Name, link != nil)
			}
			if link == nil || len(c.Needs) == 0 {
				return
			}
			started := tr.do(http.MethodGet, strings.TrimPrefix(link[1], tr.address)+"&ask=needed", "")
			page := tr.do(http.MethodGet, strings.TrimPrefix(started.Header().Get("Location"), tr.address),
				"").Body.String()
			scopes := regexp.MustCompile(`name="scope" value="([^"]*)"`).FindAllStringSubmatch(page, -1)
			for _, m := range scopes {
				if !slices.ContainsFunc(c.Needs, func(n capability.Capability) bool { return n.Scope() == m[1] }) {
					t.Errorf("%s asks for %s", c.Name, m[1])
				}
			}
			if len(scopes) == 0 {
				t.Errorf("%s asks for nothing", c.Name)
			}
		})
	}
}

var tags = regexp.MustCompile(`(?s)<style.*?</style>|<[^>]*>`)

// visibleText returns the visible text of a page, without its first 20 lines.
func visibleText(page string) string {
	lines := strings.Split(tags.ReplaceAllString(page, "\n"), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.TrimSpace(l) == "" })
	return strings.Join(lines[min(20, len(lines)):], "\n")
}
