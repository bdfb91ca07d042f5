package chatevent_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/vault"
)

// wantReasons fails the test unless a prompt to a connected person names what is missing, and why.
func (r reply) wantReasons(t *testing.T, name string, reasons ...string) {
	t.Helper()
	r.wantNoText(t, name, "Connect your account")
	r.wantText(t, name, slices.Concat([]string{"Deputy needs your permission"}, reasons,
		[]string{"Select Allow, then come back and select Continue.", "[Allow]", "[Continue]"})...)
}

// A prompt to a connected person names each missing permission and its reason, in a space and in a direct message.
func TestPermission_NamesTheReason(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces)
		e.send(command(ada, team, 5, "Plan", grace)).wantReasons(t, "/createspace",
			"To see who is in a space, Deputy needs to read its members.",
			"You can leave them out:\n• To rename a space")
		e.send(command(ada, team, 6, "", grace)).wantReasons(t, "/invite",
			"To add people to Team, Deputy needs to manage its members.")
		e.send(command(ada, team, 10, "tomorrow 10:00")).wantReasons(t, "/kickoff",
			"To schedule a meeting, Deputy needs to create events in your calendar.",
			"To see who is in Team, Deputy needs to read its members.")
		e.send(completing(command(ada, direct(ada), 7, ""))).wantReasons(t, "/spaces",
			"To list your spaces, Deputy needs to see them.")
		e.send(completing(command(ada, direct(ada), 9, ""))).wantReasons(t, "/meet",
			"To create a Meet meeting, Deputy needs to create meetings as you.")
	})
}

// What a person left unselected is asked for by a command that needs it. Nothing else offers it for a week.
func TestPermission_DeclinedIsRespected(t *testing.T) {
	inBubble(t, func(e *env) {
		asked := func() []capability.Capability {
			t.Helper()
			r := e.send(command(ada, team, 10, "tomorrow 10:00"))
			address, err := e.consent.Start(t.Context(), e.invitation(r.links["Allow"]), e.invitation("x"), false)
			e.check(err)
			google, err := url.Parse(address.Reveal())
			e.check(err)
			scopes := strings.Fields(google.Query().Get("scope"))
			isAbsent := func(c capability.Capability) bool { return !slices.Contains(scopes, c.Scope()) }
			return slices.DeleteFunc(capability.All(), isAbsent)
		}
		decline := func(at time.Time) {
			e.save(ada, []capability.Capability{capability.CreateSpaces}, func(g *vault.Grant) {
				g.Declined = capability.Scopes(capability.Meet, capability.ScheduleEvents, capability.EditSpaces)[2:]
				g.DeclinedAt = at
			})
			time.Sleep(2 * time.Minute) // the old grant is no longer cached
		}
		decline(time.Now())
		// Who declined a wider scope may still allow a narrower one.
		home := e.send(homeEvent())
		home.wantText(t, "Home", "To show your spaces here, allow Deputy to see them.", "[Allow]")
		if diff := cmp.Diff([]capability.Capability{
			capability.ReadMembers, capability.PostMessages, capability.ScheduleEvents,
		}, asked()); diff != "" {
			t.Errorf("declined lately: %s", diff)
		}
		decline(time.Now().Add(-8 * 24 * time.Hour))
		if !slices.Contains(asked(), capability.Meet) {
			t.Error("a week later, it isn't offered")
		}
		e.save(ada, nil, func(g *vault.Grant) { // a new sign-in asks for no more
			g.Declined, g.DeclinedAt = capability.Scopes(capability.DeleteSpaces)[2:], time.Now()
			g.NeedsSignIn, g.AccessExpiry = true, time.Now()
		})
		e.check(e.google.SetSwitch("reauth", true))
		time.Sleep(2 * time.Minute)
		signIn := e.send(command(ada, team, 5, "Plan"))
		signIn.wantText(t, "sign in", "Your organization requires you to sign in to Google again", "[Connect]")
		if choice, err := e.consent.Choice(e.invitation(signIn.links["Connect"])); err != nil || choice != nil {
			t.Errorf("a new sign-in: %+v, %v", choice, err)
		}
		e.check(e.google.SetSwitch("reauth", false))
		e.save(ada, nil, func(g *vault.Grant) { // Google ended it
			g.Declined, g.DeclinedAt = capability.Scopes(capability.DeleteSpaces)[2:], time.Now()
			g.Status = vault.Suspended
		})
		time.Sleep(2 * time.Minute)
		ended := e.send(command(ada, team, 5, "Plan"))
		if slices.Contains(e.choice(ended.links["Connect"]).Needed, capability.DeleteSpaces) {
			t.Error("after the grant ended, it is offered again")
		}
		e.save(ada, nil, func(g *vault.Grant) {
			g.Declined, g.DeclinedAt = capability.Scopes(capability.ReadSpaces)[2:], time.Now()
		})
		time.Sleep(2 * time.Minute)
		e.send(homeEvent()).wantNoText(t, "Home, declined", "[Allow]")
	})
}

// What is wrong is said before anything is asked, and before anything is done.
func TestOrder_FaultsBeforeConsent(t *testing.T) {
	inBubble(t, func(e *env) {
		time.Sleep(30 * 24 * time.Hour) // the emulator's year 2000 begins
		for name, c := range map[string]struct {
			event object
			want  string
		}{
			"a past date":            {command(ada, team, 10, "2000-01-01 10:00"), "That time is in the past"},
			"no time":                {command(ada, team, 10, "soon"), "or 2000-02-06 14:00 45m"}, // next week
			"a long name":            {command(ada, team, 5, strings.Repeat("x", 200), kim), "The name has 200"},
			"a typed name":           {command(ada, team, 5, "Plan @Grace"), "@Grace isn't a person that Google"},
			"a meeting of one":       {command(ada, direct(ada), 10, "tomorrow 10:00"), "Only you and Deputy are here"},
			"people in the app's DM": {command(ada, direct(ada), 6, "", grace), "Only you and Deputy are here"},
			"nobody to invite":       {command(ada, team, 6, ""), "Enter the people after the command"},
			"a group of one":         {command(ada, team, 11, "", grace), "Enter at least two people"},
			"nothing to say":         {command(ada, team, 8, ""), "Enter your message after the command"},
			"no name":                {command(ada, team, 5, "", grace), "Enter the space's name after the command"},
		} {
			r := e.send(c.event)
			r.wantText(t, name, c.want)
			r.wantNoText(t, name, "[Connect]")
		}
	})
}

// A person outside the organization is named before the space is created, which could not admit them later.
func TestOrder_OutsideAddress(t *testing.T) {
	inFriendlyBubble(t, func(e *env) {
		e.connectAll()
		const outside = "Outside example.com: kim@partner.example."
		r := e.submit(e.openForm(), "Create", fields{"name": {"Plan"}, "others": {"kim@partner.example"}})
		r.wantText(t, "the form", "⚠️ "+outside, "<others>")
		if n := e.google.Count("chat.spaces.setup"); n != 0 {
			t.Errorf("created %d spaces", n)
		}
		r = e.submit(r, "Create", fields{"name": {"Plan"}, "others": {"kim@partner.example"}, "external": {"on"}})
		r.wantText(t, "with the switch", "Space created: Plan")
		mention := func(e object) {
			user := e["message"].(object)["annotations"].([]any)[0].(object)["userMention"].(object)["user"].(object)
			user["email"] = kim.Email
		}
		typed := command(ada, team, 5, "Other", kim)
		mention(typed)
		r = e.send(typed)
		r.wantText(t, "the command", "Outside example.com: Kim Park.", "[Open the form]\n[Create anyway]")
		if n := e.google.Count("chat.spaces.setup"); n != 1 {
			t.Errorf("created %d spaces", n)
		}
		e.send(click(ada, team, r.buttons["Create anyway"])).wantText(t, "anyway", "Space created", "Kim Park")
	})
}
