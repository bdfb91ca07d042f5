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
	"example.com/deputy/functions/chatevent"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault"
)

// Here every command meets every state a person can be in and every mood of
// Google's, in a direct message, a space and a group conversation, in both
// formats: each time there has to be an answer that Chat takes, in time, that
// says what it is.

// chats sends a form of the page that plays Chat, as Ada.
func (tr *trial) chats(path, in string, form url.Values) string {
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

// allowed connects Ada for some capabilities.
func (tr *trial) allowed(capabilities ...capability.Capability) {
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
	back := tr.do(http.MethodPost, "/google/o/oauth2/v2/consent", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	done := tr.do(http.MethodGet, strings.TrimPrefix(back.Header().Get("Location"), tr.address), "")
	if g, ok := tr.grant(); done.Code != http.StatusSeeOther || !ok || g.Status != vault.Connected {
		tr.t.Fatalf("connecting: %d %s", done.Code, done.Body)
	}
}

func say(text string) func(*trial, string) string {
	return func(tr *trial, in string) string { return tr.chats("/send", in, url.Values{"text": {text}}) }
}

func choose(id int) func(*trial, string) string {
	return func(tr *trial, in string) string {
		return tr.chats("/quick", in, url.Values{"command": {fmt.Sprint(id)}})
	}
}

// sendForm fills in the form of the quick command and sends it.
func sendForm(tr *trial, in string) string {
	body := choose(101)(tr, in)
	if !strings.Contains(body, `name="description"`) {
		return body // somebody has to connect first
	}
	number := ""
	for _, m := range buttonPattern.FindAllStringSubmatch(body, -1) {
		if m[2] == "Create" {
			number = m[1]
		}
	}
	return tr.chats("/press", in, url.Values{"surface": {"dialog"}, "press": {number}, "name": {"Launch plan"}, "description": {"Kept"}})
}

// gesture is one thing a person does in Chat, and what it is answered by.
type gesture struct {
	do      func(*trial, string) string
	needs   bool           // a consent
	dialog  bool           // it is answered in a dialog
	form    bool           // ... by a form that keeps what it holds
	home    bool           // it is the Home tab, which is in the direct message only
	method  string         // of Google's, the first it needs; empty for none
	path    string         // the end of that method's
	done    string         // when all is well
	nothing bool           // ... there is nothing to show, because all can see it
	direct  string         // what it says in a direct message instead
	says    map[int]string // for what Google answers, where it is not what it is for all
}

var gestures = map[string]gesture{
	"/connect":             {do: say("/connect"), needs: true, done: "You're connected"},
	"/disconnect":          {do: say("/disconnect"), done: "Disconnect?"},
	"/status":              {do: say("/status"), done: "Erase everything"},
	"/help":                {do: say("/help"), done: "What Deputy can do"},
	"/createspace":         {do: say("/createspace Launch plan"), needs: true, method: "chat.spaces.setup", path: "/spaces:setup", done: "Space created", says: map[int]string{409: `A space named "Launch plan" already exists`}},
	"/createspace no name": {do: say("/createspace"), done: "open the form"},
	"/invite":              {do: say("/invite @Grace Hopper"), needs: true, method: "chat.spaces.members.create", path: "/members", done: "People added", direct: "Only you and Deputy are here", says: map[int]string{403: "denied adding this person", 409: "People added"}},
	"/spaces":              {do: say("/spaces"), needs: true, method: "chat.spaces.list", path: "/v1/spaces", done: "Your spaces"},
	"/say":                 {do: say("/say Hello"), needs: true, method: "chat.spaces.messages.create", path: "/messages", done: "via Deputy", nothing: true, direct: "Only you and Deputy are here"},
	"/meet":                {do: say("/meet"), needs: true, method: "meet.spaces.create", path: "/v2/spaces", done: "https://meet.google.com/", says: map[int]string{403: "Google Meet denied this request", 404: "Google Meet didn't respond as expected", 409: "Google Meet didn't respond as expected", 429: "Google Meet is receiving too many requests"}},
	"/kickoff":             {do: say("/kickoff tomorrow 10:00"), needs: true, method: "calendar.events.list", path: "/events", done: "Meeting scheduled", direct: "Only you and Deputy are here", says: map[int]string{403: "Google Calendar denied this request", 404: "Google Calendar didn't respond as expected", 409: "Google Calendar didn't respond as expected", 429: "Google Calendar is receiving too many requests"}},
	"/groupchat":           {do: say("/groupchat @Grace Hopper @Alan Turing"), needs: true, method: "chat.spaces.findGroupChats", path: "/spaces:findGroupChats", done: "Group conversation"},
	"the form":             {do: choose(101), needs: true, dialog: true, done: "E-mail addresses, or groups as"},
	"the form, sent":       {do: sendForm, needs: true, dialog: true, form: true, method: "chat.spaces.setup", path: "/spaces:setup", done: "Space created", says: map[int]string{409: `A space named "Launch plan" already exists`}},
	"my connection":        {do: choose(102), dialog: true, done: "Erase everything"},
	"Home":                 {do: func(tr *trial, in string) string { return tr.chats("/home", in, url.Values{}) }, home: true, method: "chat.spaces.list", path: "/v1/spaces", done: "Your newest spaces"},
}

// mood is a state of the person or of Google.
type mood struct {
	before func(*trial, gesture)
	// says is what the answer says; retry that it offers Try again.
	says func(gesture, string) (want string, retry bool)
}

// chatSays is what Google Chat's refusals are called, for whoever says nothing of
// their own.
var chatSays = map[int]string{
	403: "Google Chat denied this request", 404: "Google Chat configuration is missing", 409: "Something went wrong", 429: "Google Chat is receiving too many requests",
}

func refused(status int, message string) mood {
	return mood{
		func(tr *trial, g gesture) {
			tr.allowed(capability.All()...)
			for range 4 { // as often as it is tried
				tr.google.FailWith(g.method, status, message)
			}
		},
		func(g gesture, _ string) (string, bool) {
			switch {
			case g.method == "":
				return g.done, false
			case g.home:
				return "Deputy can't show your spaces right now", false
			case g.says[status] != "":
				return g.says[status], status == 429 || strings.Contains(g.says[status], "didn't respond")
			}
			return chatSays[status], (status == 429 || status == 404) && !g.form
		},
	}
}

// asked is a mood in which whatever needs a consent asks for it: in these
// words, or in Chat's own way. home is what the Home tab says.
func asked(before func(*trial, gesture), text, home string) mood {
	return mood{before, func(g gesture, in string) (string, bool) {
		switch {
		case !g.needs && !g.home:
			return g.done, false
		case text != "":
			return text, false
		case g.home:
			return home, false
		case strings.HasPrefix(in, "DM") && !g.dialog:
			return "requires configuration", false
		default:
			return "Connect your account", false
		}
	}}
}

var moods = map[string]mood{
	"connected": {
		func(tr *trial, _ gesture) { tr.allowed(capability.All()...) },
		func(g gesture, _ string) (string, bool) { return g.done, false },
	},
	"not connected": asked(func(*trial, gesture) {}, "", "Deputy acts in Google Chat as you"),
	"a scope missing": asked(func(tr *trial, g gesture) {
		if g.method == "meet.spaces.create" {
			tr.allowed(capability.CreateSpaces)
		} else {
			tr.allowed(capability.Meet)
		}
	}, "", "To show your spaces here, allow Deputy"),
	"a dead grant": asked(func(tr *trial, _ gesture) {
		tr.allowed(capability.All()...)
		tr.google.RevokeGrant(ada)
		tr.clock.advance(2 * time.Hour)
	}, "Google ended Deputy's access", ""),
	"Google slow": {
		func(tr *trial, g gesture) { tr.allowed(capability.All()...); tr.slowPath = g.path },
		func(g gesture, _ string) (string, bool) {
			switch {
			case g.path == "":
				return g.done, false
			case g.home:
				return "Deputy can't show your spaces right now", false
			case strings.HasPrefix(g.method, "meet"):
				return "Google Meet didn't respond", true
			case strings.HasPrefix(g.method, "calendar"):
				return "Google Calendar didn't respond", true
			}
			return "didn't respond in time", !g.form
		},
	},
	"refused":           refused(403, ""),
	"app not found":     refused(404, "Google Chat app not found. To create a Chat app, you must turn on the Chat API and configure the app in the Google Cloud console."),
	"already exists":    refused(409, ""),
	"too many requests": refused(429, ""),
}

func TestEveryCommandAnswersRightWhateverStateThePersonAndGoogleAreIn(t *testing.T) {
	quick := map[int]string{101: "the form", 102: "my connection"}
	for _, e := range chatevent.ConsoleCommands() {
		if _, there := gestures[cmp.Or(quick[e.ID], e.Name)]; !there {
			t.Errorf("no gesture gives the command %s (%d)", e.Name, e.ID)
		}
	}
	for _, format := range []chatpage.Format{chatpage.Classic, chatpage.AddOn} {
		for place, in := range map[string]func(*trial) string{
			"in a direct message": func(*trial) string { return "DM" + ada.Sub },
			"in a space":          func(*trial) string { return "AAAAteam" },
			"in a group":          func(tr *trial) string { return tr.google.CreateGroupChat(ada, grace).ID },
		} {
			t.Run(string(format)+" "+place, func(t *testing.T) {
				t.Parallel()
				for name, g := range gestures {
					for feeling, m := range moods {
						if g.home && place != "in a direct message" {
							continue // it is there only
						}
						synctest.Test(t, func(t *testing.T) { meet(t, format, in, name+", "+feeling, g, m) })
					}
				}
			})
		}
	}
}

// meet lets one gesture meet one mood.
func meet(t *testing.T, format chatpage.Format, place func(*trial) string, name string, g gesture, m mood) {
	tr := newTrialAs(t, format, "", nil, false)
	in := place(tr)
	m.before(tr, g)
	begun := time.Now()
	shown := g.do(tr, in)
	if took := time.Since(begun); took > 25*time.Second {
		t.Errorf("%s: the answer took %v", name, took)
	}
	want, retry := m.says(g, in)
	if g.direct != "" && strings.HasPrefix(in, "DM") {
		want, retry = g.direct, false
	}
	if !strings.Contains(shown, want) {
		t.Errorf("%s: %q is not on the page:\n%s", name, want, text(shown))
	}
	if got := strings.Contains(shown, ">Try again<"); got != retry {
		t.Errorf("%s: Try again: got %v, want %v:\n%s", name, got, retry, text(shown))
	}
	if strings.Contains(shown, "is not responding") {
		t.Errorf("%s: Chat does not take the answer:\n%s", name, text(shown))
	}
	if g.form && want != g.done && !strings.Contains(shown, "Kept</textarea>") && strings.Contains(shown, `name="description"`) {
		t.Errorf("%s: the form does not keep what it held:\n%s", name, text(shown))
	}
	if g.nothing && want == g.done && strings.Contains(shown, `class="card"`) {
		t.Errorf("%s: there is a card:\n%s", name, text(shown))
	}
	tr.private(name)
}

// private tells that nobody else sees a card or a prompt.
func (tr *trial) private(name string) {
	tr.t.Helper()
	for _, space := range tr.google.SpacesOf(grace) {
		for _, m := range space.Messages {
			if m.JSON != nil || m.Prompt != "" {
				tr.t.Errorf("%s: somebody else sees %s%s", name, m.JSON, m.Prompt)
			}
		}
	}
}

func TestNoCommandAsksForMoreThanItsLineOfTheTableSays(t *testing.T) {
	typed := map[string]string{
		"/createspace": "/createspace Launch plan @Grace Hopper", "/invite": "/invite @Grace Hopper", "/say": "/say Hello",
		"/groupchat": "/groupchat @Grace Hopper @Alan Turing", "/spaces": "/spaces plan",
	}
	for _, c := range chatevent.ConsoleCommands() {
		synctest.Test(t, func(t *testing.T) {
			tr := newTrialAs(t, chatpage.Classic, "", nil, false)
			var shown string
			if c.OpensDialog {
				shown = choose(c.ID)(tr, team)
			} else {
				shown = say(cmp.Or(typed[c.Name], c.Name))(tr, team)
			}
			start := regexp.MustCompile(`href="([^"]*/start\?invitation=[^"]*)"`).FindStringSubmatch(shown)
			if (start == nil) != (len(c.Needs) == 0 && c.ID != 3 && c.ID != 4 && c.ID != 102) {
				t.Errorf("%s: a link to a consent: %v", c.Name, start != nil)
			}
			if start == nil || len(c.Needs) == 0 {
				return
			}
			started := tr.do(http.MethodGet, strings.TrimPrefix(start[1], tr.address), "")
			page := tr.do(http.MethodGet, strings.TrimPrefix(started.Header().Get("Location"), tr.address), "").Body.String()
			asked := regexp.MustCompile(`name="scope" value="([^"]*)"`).FindAllStringSubmatch(page, -1)
			for _, m := range asked {
				if !slices.ContainsFunc(c.Needs, func(n capability.Capability) bool { return n.Scope() == m[1] }) {
					t.Errorf("%s asks for %s", c.Name, m[1])
				}
			}
			if len(asked) == 0 {
				t.Errorf("%s asks for nothing", c.Name)
			}
		})
	}
}

var tags = regexp.MustCompile(`(?s)<style.*?</style>|<[^>]*>`)

// text is what a page says.
func text(page string) string {
	lines := strings.Split(tags.ReplaceAllString(page, "\n"), "\n")
	lines = slices.DeleteFunc(lines, func(l string) bool { return strings.TrimSpace(l) == "" })
	return strings.Join(lines[min(20, len(lines)):], "\n")
}
