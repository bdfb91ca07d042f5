package operations_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/spaces"
)

// A repetition posts the room of the first attempt: the Meet API would create another.
func TestCreateMeeting_OneRoom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]operations.Call{
		"caller": call("a-key"), "person in Chat": operations.Self(resource.Person(ada.User()), "m1"),
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				say := i18n.In("en")
				fail(w, "chat.spaces.messages.create", 503)
				retro := spaces.Message{Space: team, Text: "Retrospective:"}
				_, err := w.CreateMeeting(t.Context(), c, retro, say)
				wantKind(t, "no answer", err, fault.Unavailable)
				var first spaces.PostedMessage
				for i := range 2 {
					posted, err := w.CreateMeeting(t.Context(), c, retro, say)
					check(t, err)
					if i == 0 {
						first = posted
					}
					if diff := cmp.Diff(first, posted); diff != "" {
						t.Error(diff)
					}
				}
				want := []string{"Retrospective: Meet: https://meet.google.com/aaa-bbbb-001"}
				if diff := cmp.Diff(want, messages(w, team)); diff != "" || w.Google.Count("meet.spaces.create") != 1 {
					t.Error(diff)
				}
				w.Google.Fail("meet.spaces.create", 403)
				other := c
				other.Key = "other-key"
				_, err = w.CreateMeeting(t.Context(), other, retro, say)
				wantKind(t, "no room", err, fault.Denied)
				if got := messages(w, team); len(got) != 1 {
					t.Errorf("posted %q", got)
				}
				_, err = w.CreateMeeting(t.Context(), other, spaces.Message{Space: team}, say)
				check(t, err)
				if got := messages(w, team)[1]; !strings.HasPrefix(got, "Meet: https://") {
					t.Errorf("without a text: %q", got)
				}
			})
		})
	}
}

// A meeting is posted, so it needs the right to post.
func TestCreateMeeting_NeedsBothActions(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		for _, action := range []string{callers.CreateMeetings, callers.CreateMessages} {
			c := call("a-key")
			c.Caller.Actions = without(callers.Actions(), action)
			_, err := w.CreateMeeting(t.Context(), c, spaces.Message{Space: team}, i18n.In("en"))
			wantKind(t, "without "+action, err, fault.Denied)
		}
	})
}
