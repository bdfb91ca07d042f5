package operations_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/consent"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/logging"
	"example.com/deputy/shared/meetings"
	"example.com/deputy/shared/operations"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/spaces"
	"example.com/deputy/shared/vault"
	"example.com/deputy/shared/vault/memory"
)

// program is a third way in, beside Chat and HTTP: each JSON value on in is a
// space to create, with a member to add and a text to post.
func program(ctx context.Context, do *operations.Operations, ci callers.Caller, in io.Reader, out io.Writer) error {
	for lines := json.NewDecoder(in); lines.More(); {
		var asked struct{ Key, As, Create, Member, Text string }
		if err := lines.Decode(&asked); err != nil {
			return err
		}
		call := func(step string) operations.Call {
			return operations.Call{Caller: ci, Person: resource.Named(asked.As), Authority: callers.ByUser, Key: resource.Key(asked.Key + step)}
		}
		space, err := do.CreateSpace(ctx, call("/space"), operations.NewSpace{Request: spaces.Request{DisplayName: asked.Create}})
		if err != nil {
			return err
		}
		user, _ := resource.ParseUser(asked.Member)
		added, err := do.AddMembers(ctx, call("/member"), operations.NewMembers{Space: space.Name, Members: []spaces.Member{{User: user, Label: asked.Member}}})
		if err != nil {
			return err
		}
		posted, err := do.CreateMessage(ctx, call("/message"), spaces.Message{Space: space.Name, Text: asked.Text})
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(out, space.DisplayName, added.Members[0].Member, added.Members[0].State, posted.Text)
	}
	return nil
}

func TestAThirdWayInNeedsNoChangeElsewhere(t *testing.T) {
	t.Parallel()
	g := google.New(google.Config{ClientID: "client", ProjectNumber: "1", ChatAddress: "http://chat.example/", Now: time.Now})
	at := httptest.NewServer(g.Handler())
	defer at.Close()
	keyset, lookup, err := seal.Generate()
	if err != nil {
		t.Fatal(err)
	}
	keys, err := seal.New(keyset, lookup, "project", "client")
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	v := vault.New(&memory.Docs{}, keys, time.Now)
	deps := grants.Deps{Vault: v, Keys: keys, ClientID: "client", Log: logging.NewText(&log), Now: time.Now}
	auth := grants.New(deps)
	chat, err := spaces.New(t.Context(), auth, keys, spaces.Endpoints{Chat: at.URL + "/", Identity: at.URL + "/"}, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := meetings.New(t.Context(), auth, keys, meetings.Google, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	do := operations.New(operations.Deps{Vault: v, Grants: auth, Consent: consent.New(auth, deps), Spaces: chat, Meetings: rooms, Log: logging.NewText(&log), Now: time.Now})

	ada, grace := google.People()[0], google.People()[1]
	needed := capability.Scopes(capability.CreateSpaces, capability.ManageMembers, capability.PostMessages)
	refresh, access := g.Connect(ada, needed...)
	grant := vault.Grant{
		Person: resource.Person(ada.User()), ClientID: "client", Scopes: needed, RefreshToken: config.NewSecret(refresh), AccessToken: config.NewSecret(access), AccessExpiry: time.Now().Add(time.Hour),
		Status: vault.Connected, Email: config.NewSecret(ada.Email), EmailAt: time.Now(), SignedIn: time.Now(), Refreshed: time.Now(),
	}
	ci := callers.Caller{ID: "ci", Name: "CI", Actions: callers.Actions(), People: []string{ada.Email}, Authorities: []vault.Authority{vault.Authority(string(callers.ByUser))}}
	grant.Approve(ci.ID, callers.ByUser, []string{callers.CreateSpaces, callers.WriteMembers, callers.CreateMessages}, time.Now())
	if _, err := v.SaveGrant(t.Context(), grant); err != nil {
		t.Fatal(err)
	}

	if _, err := do.CreateSpace(t.Context(), operations.Call{Person: resource.Named(ada.User()), Authority: callers.ByUser}, operations.NewSpace{Request: spaces.Request{DisplayName: "x"}}); fault.KindOf(err) != fault.Denied {
		t.Errorf("a call that names no caller: %v", err)
	}
	input := fmt.Sprintf(`{"key": "a-key", "as": %q, "create": "Incident 7", "member": %q, "text": "Hello"}`, ada.Email, grace.Email)
	for range 2 { // the second time, nothing is done
		var out strings.Builder
		if err := program(t.Context(), do, ci, strings.NewReader(input), &out); err != nil || out.String() != "Incident 7 "+grace.Email+" JOINED Hello\n" {
			t.Fatalf("%q, %v\n%s", out.String(), err, log.String())
		}
	}
	made := 0
	for _, c := range g.Calls() {
		if c.Method != "chat.spaces.members.list" {
			made++
		}
	}
	if made != 3 || strings.Count(log.String(), "repeated=true") != 3 {
		t.Errorf("%d calls of Google: %v\n%s", made, g.Calls(), log.String())
	}
}
