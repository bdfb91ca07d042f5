package createspace_test

import (
	"strings"
	"testing"

	"example.com/deputy/emulator/google"
)

const hello = `{"actAs":"ada@example.com","text":"Hello"}`

// What Deputy posted can be changed and deleted by its name, and a repetition does nothing more.
func TestMessage_EditAndDelete(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		posted := e.want(201, "POST", team+"/messages", hello, "Idempotency-Key", "post-it-once")
		path := "/v1/" + posted.text("name")
		if !strings.HasPrefix(posted.text("thread"), "spaces/AAAAteam/threads/") {
			t.Errorf("no thread to reply to: %s", posted.Body)
		}
		for range 2 {
			edited := e.want(
				200,
				"PATCH",
				path,
				`{"actAs":"ada@example.com","text":"Better"}`,
				"Idempotency-Key",
				"edit-once",
			)
			if edited.text("text") != "Better" || "/v1/"+edited.text("name") != path {
				t.Errorf("%s", edited.Body)
			}
		}
		if got := e.texts(); len(got) != 1 || got[0] != "Better" {
			t.Errorf("%q", got)
		}
		for range 2 {
			e.want(204, "DELETE", path+asAda, "", "Idempotency-Key", "delete-once")
		}
		if got := e.texts(); len(got) != 0 {
			t.Errorf("left: %q", got)
		}
		e.refuse("not_found", "message was deleted", "DELETE", path+asAda, "", "Idempotency-Key", "delete-again")
	})
}

// texts returns the texts that people wrote in the team's space.
func (e *env) texts() (out []string) {
	space, _ := e.Google.SpaceByName("Team")
	for _, m := range space.Messages {
		if !m.Line {
			out = append(out, m.Text)
		}
	}
	return out
}

// Attack: a caller changes what the person wrote without Deputy, in another space, or what another person posted.
func TestAttack_ForeignMessage(t *testing.T) {
	inEnv(t, func(t *testing.T, e *env) {
		own := e.Google.Post("AAAAteam", google.Message{Sender: ada, Text: "Typed by hand"})
		posted := e.want(201, "POST", team+"/messages", hello).text("name")
		id := posted[strings.LastIndex(posted, "/")+1:]
		other := e.space("Other")
		madeUp := "client-" + strings.Repeat("0", 24) + id[len(id)-25:]
		for name, path := range map[string]string{
			"typed by hand": "/v1/" + own, "made up": team + "/messages/" + madeUp,
			"elsewhere": other + "/messages/" + id,
		} {
			edit := `{"actAs":"ada@example.com","text":"x"}`
			e.refuse("denied", "only the messages", "PATCH", path, edit, "Idempotency-Key", "edit "+name)
			e.refuse("denied", "only the messages", "DELETE", path+asAda, "", "Idempotency-Key", "delete "+name)
		}
		e.refuse("denied", "", "PATCH", "/v1/"+posted, `{"actAs":"alan@example.com","text":"x"}`,
			"Idempotency-Key", "as another person")
		if got := e.texts(); len(got) != 2 || got[0] != "Typed by hand" || got[1] != "Hello" {
			t.Errorf("%q", got)
		}
	})
}
