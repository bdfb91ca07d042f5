package chatevent_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
)

const expired = "This button has expired or isn't yours"

// isConnected reports whether Ada has a grant.
func (e *env) isConnected() bool {
	_, err := e.vault.Grant(e.t.Context(), resource.Person(ada.User()))
	return err == nil
}

func TestButton_Refused(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces)
		value := e.send(command(ada, direct(ada), 2, "")).buttons["Disconnect"]
		sealed, err := base64.RawURLEncoding.DecodeString(value)
		e.check(err)
		plain, err := e.keys.Open(sealed, seal.Place{Purpose: "button"})
		e.check(err)
		// reseal returns the value with a field changed, as if Deputy had sealed it.
		reseal := func(purpose, field string, v any) string {
			var fields object
			e.check(json.Unmarshal(plain, &fields))
			if fields[field] = v; v == nil {
				delete(fields, field)
			}
			text, err := json.Marshal(fields)
			e.check(err)
			out, err := e.keys.Seal(text, seal.Place{Purpose: purpose})
			e.check(err)
			return base64.RawURLEncoding.EncodeToString(out)
		}
		notJSON, err := e.keys.Seal([]byte("x"), seal.Place{Purpose: "button"})
		e.check(err)
		for name, event := range map[string]object{
			"another person":  click(grace, direct(ada), value),
			"another space":   click(ada, team, value),
			"altered":         click(ada, direct(ada), value[:len(value)-4]+"AAAA"),
			"shortened":       click(ada, direct(ada), value[:len(value)-1]),
			"not base64url":   click(ada, direct(ada), value+"="),
			"empty":           click(ada, direct(ada), ""),
			"another purpose": click(ada, direct(ada), reseal("invitation", "person", ada.User())),
			"not JSON":        click(ada, direct(ada), base64.RawURLEncoding.EncodeToString(notJSON)),
			"no person":       click(ada, direct(ada), reseal("button", "person", nil)),
			"no space":        click(ada, direct(ada), reseal("button", "space", nil)),
			"no expiry":       click(ada, direct(ada), reseal("button", "until", nil)),
			"unknown handler": click(ada, direct(ada), reseal("button", "act", "removed")),
			"home of another": click(grace, direct(grace), reseal("button", "home", true)),
		} {
			e.send(event).wantText(e.t, name, "Something didn't work", expired)
		}
		if !e.isConnected() {
			t.Error("a refused button disconnected Ada")
		}
	})
}

func TestButton_Lifetime(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces)
		value := e.send(command(ada, direct(ada), 2, "")).buttons["Disconnect"]
		time.Sleep(24*time.Hour - time.Nanosecond)
		e.send(click(ada, direct(ada), value)).wantText(t, "just within a day", "You're disconnected")
		time.Sleep(time.Nanosecond)
		e.send(click(ada, direct(ada), value)).wantText(t, "after a day", expired)
	})
}

// home is the event of Ada's Home tab.
func homeEvent() object {
	return object{"chat": object{
		"type": "APP_HOME", "user": object{"name": ada.User()}, "space": object{
			"name":            direct(ada),
			"singleUserBotDm": true,
		},
	}}
}

// homeClick is a click on the Home tab. Chat may name no space.
func homeClick(value string) object {
	return object{
		"chat":              object{"type": "SUBMIT_FORM", "user": object{"name": ada.User()}},
		"commonEventObject": object{"parameters": object{"value": value}},
	}
}

// Only the person sees their Home tab, so its buttons work in any space.
func TestButton_HomeTab(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connect(ada, capability.CreateSpaces, capability.ReadSpaces)
		home := e.send(homeEvent())
		if home.kind != "HOME" {
			t.Fatalf("%+v", home)
		}
		again := e.send(homeClick(home.buttons["Refresh"]))
		if again.wantText(t, "refresh", "Connected as: ada@example.com"); again.kind != "HOME" {
			t.Errorf("refresh: %s", again.kind)
		}
		form := e.send(homeClick(home.buttons["Create a space"]))
		if form.wantText(t, "form", "Create a space", "<name>", "[Create]"); form.kind != "HOME" {
			t.Errorf("form: %s", form.kind)
		}
		connection := e.send(homeClick(home.buttons["Your connection"]))
		connection.wantText(t, "connection", "Your connection", "Account: ada@example.com")
		// In a dialog of the Home tab no button opens another dialog.
		sent := homeClick(form.buttons["Create"])
		sent["commonEventObject"].(object)["formInputs"] = object{"name": object{"stringInputs": object{
			"value": []string{"Plan"},
		}}}
		created := e.send(sent)
		created.wantText(t, "created", "Space created: Plan", "[Rename]")
		if len(home.dialogs) != 2 || created.dialogs != nil {
			t.Errorf("open a dialog: %v on the tab, %v in its dialog", home.dialogs, created.dialogs)
		}
		done := e.send(homeClick(connection.buttons["Disconnect"]))
		done.wantText(t, "disconnect", "Disconnect?", "[Disconnect]")
	})
}

// Chat doesn't say for every click that it opens a dialog. The button's value does.
func TestButton_OpensDialog(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connectAll()
		created := e.send(command(ada, team, 5, "Plan"))
		r := e.send(click(ada, team, created.buttons["Rename"]))
		if r.wantText(t, "rename", "Rename space", "<name>"); r.kind != "DIALOG" {
			t.Errorf("no dialog: %s", r.kind)
		}
	})
}

// A text that is too long for a button has to be entered again.
func TestButton_LongInput(t *testing.T) {
	for length, want := range map[int]string{
		1_000:  "select Continue.\n[Connect]\n[Continue]",
		20_000: "enter the command again. It is too long to keep.\n[Connect]",
	} {
		inBubble(t, func(e *env) {
			r := e.send(command(ada, team, 8, strings.Repeat("x", length)))
			r.wantText(t, "in a space", "Connect your account", want)
			if _, ok := r.buttons["Continue"]; ok != (length < 16_000) || r.links["Connect"] == "" {
				t.Errorf("%d bytes: %v", length, r.text)
			}
		})
	}
}

// A transient error leaves a button that runs the command again, and no other error does.
func TestButton_TryAgain(t *testing.T) {
	inBubble(t, func(e *env) {
		e.connectAll()
		e.google.Fail("chat.spaces.messages.create", 500, 500, 500, 500)
		r := e.send(command(ada, team, 8, "Hello"))
		r.wantText(t, "transient", "Something didn't work", "Google Chat has a temporary problem", "[Try again]")
		again := e.send(click(ada, team, r.buttons["Try again"]))
		if again.wantText(t, "again", "Message posted"); again.kind != "UPDATE_MESSAGE" {
			t.Errorf("again: %s", again.kind)
		}
		e.google.Fail("chat.spaces.messages.create", 403)
		r = e.send(command(ada, team, 8, "Hello"))
		r.wantText(t, "permanent", "Google Chat denied this request")
		r.wantNoText(t, "permanent", "[Try again]")
		e.google.Fail("chat.spaces.messages.create", 500, 500, 500, 500)
		r = e.send(command(ada, team, 8, strings.Repeat("x", 20_000)))
		r.wantText(t, "too long", "temporary problem")
		r.wantNoText(t, "too long", "[Try again]")
	})
}
