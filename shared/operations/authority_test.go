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

// runBatch is a third frontend, besides Chat and HTTP. Each JSON value of in is
// a space to create, with a member to add and a text to post.
func runBatch(ctx context.Context, ops *operations.Operations, ci callers.Caller, in io.Reader, out io.Writer) error {
	for decoder := json.NewDecoder(in); decoder.More(); {
		var job struct{ Key, As, Create, Member, Text string }
		if err := decoder.Decode(&job); err != nil {
			return err
		}
		call := func(step string) operations.Call {
			return operations.Call{
				Caller: ci, Person: resource.Named(job.As), Authority: callers.AuthorityUser,
				Key: resource.Key(job.Key + step),
			}
		}
		space, err := ops.CreateSpace(ctx, call("/space"), newSpace(job.Create))
		if err != nil {
			return err
		}
		user, _ := resource.ParseUser(job.Member)
		added, err := ops.AddMembers(ctx, call("/member"), operations.NewMembers{
			Space: space.Name, Members: []spaces.Member{{User: user, Label: job.Member}},
		})
		if err != nil {
			return err
		}
		posted, err := ops.CreateMessage(ctx, call("/message"), spaces.Message{Space: space.Name, Text: job.Text})
		if err != nil {
			return err
		}
		_, _ = fmt.Fprintln(out, space.DisplayName, added.Members[0].Member, added.Members[0].State, posted.Text)
	}
	return nil
}

func newSpace(name string) operations.NewSpace {
	return operations.NewSpace{Request: spaces.Request{DisplayName: name}}
}

// A third frontend needs no change in another package.
func TestOperations_NewFrontend(t *testing.T) {
	t.Parallel()
	g := google.New(google.Config{
		ClientID: "client", ProjectNumber: "1", ChatAddress: "http://chat.example/", Now: time.Now,
	})
	server := httptest.NewServer(g.Handler())
	defer server.Close()
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
	endpoints := spaces.Endpoints{Chat: server.URL + "/", Identity: server.URL + "/"}
	chat, err := spaces.New(t.Context(), auth, keys, endpoints, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	rooms, err := meetings.New(t.Context(), auth, keys, meetings.Google, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	ops := operations.New(operations.Deps{
		Vault: v, Grants: auth, Consent: consent.New(auth, deps), Spaces: chat, Meetings: rooms,
		Log: logging.NewText(&log), Now: time.Now,
	})

	ada, grace := google.People()[0], google.People()[1]
	needed := capability.Scopes(capability.CreateSpaces, capability.ManageMembers, capability.PostMessages)
	refresh, access := g.Connect(ada, needed...)
	grant := vault.Grant{
		Person: resource.Person(ada.User()), ClientID: "client", Scopes: needed,
		RefreshToken: config.NewSecret(refresh),
		AccessToken:  config.NewSecret(access), AccessExpiry: time.Now().Add(time.Hour),
		Status: vault.Connected, Email: config.NewSecret(ada.Email), EmailAt: time.Now(),
		SignedInAt: time.Now(), RefreshedAt: time.Now(),
	}
	ci := callers.Caller{
		ID: "ci", Name: "CI", Actions: callers.Actions(), People: []string{ada.Email},
		Authorities: []vault.Authority{vault.Authority(string(callers.AuthorityUser))},
	}
	actions := []string{callers.CreateSpaces, callers.WriteMembers, callers.CreateMessages}
	grant.Approve(ci.ID, callers.AuthorityUser, actions, time.Now())
	if _, err := v.SaveGrant(t.Context(), grant); err != nil {
		t.Fatal(err)
	}

	anonymous := operations.Call{Person: resource.Named(ada.User()), Authority: callers.AuthorityUser}
	if _, err := ops.CreateSpace(t.Context(), anonymous, newSpace("x")); fault.KindOf(err) != fault.Denied {
		t.Errorf("a call without a caller: %v", err)
	}
	input := fmt.Sprintf(`{"key": "a-key", "as": %q, "create": "Incident 7", "member": %q, "text": "Hello"}`,
		ada.Email, grace.Email)
	want := "Incident 7 " + grace.Email + " JOINED Hello\n"
	for range 2 { // the second run only reads stored results
		var out strings.Builder
		err := runBatch(t.Context(), ops, ci, strings.NewReader(input), &out)
		if err != nil || out.String() != want {
			t.Fatalf("%q, %v\n%s", out.String(), err, log.String())
		}
	}
	writes := 0
	for _, c := range g.Calls() {
		if c.Method != "chat.spaces.members.list" {
			writes++
		}
	}
	if writes != 3 || strings.Count(log.String(), "repeated=true") != 3 {
		t.Errorf("%d calls to Google: %v\n%s", writes, g.Calls(), log.String())
	}
}
