package grants_test

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/internal/consenttest"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/seal"
	"example.com/deputy/shared/vault"
)

// exportLink returns the link parameter of a person's export.
func (w *world) exportLink(p resource.Person) config.Secret {
	w.t.Helper()
	link, err := w.ExportLink(p)
	check(w.t, err)
	text, found := strings.CutPrefix(link.Reveal(), consenttest.PublicURL+"/export?link=")
	if !found {
		w.t.Fatalf("not a link of Deputy: %s", link.Reveal())
	}
	return config.NewSecret(text)
}

func (w *world) storeOperation(p resource.Person, id, result string) {
	w.t.Helper()
	_, err := w.Deps.Vault.CreateOperation(w.t.Context(), vault.Operation{
		ID: id, Person: p, Caller: "tickets", Result: config.NewSecret(result),
	})
	check(w.t, err)
}

func TestExport(t *testing.T) {
	w := newWorld(t)
	w.unselect(membersScope, create, members)
	w.storeApprovals(ada, "tickets")
	w.storeOperation(adaID, "1", `{"name":"spaces/1"}`)
	w.storeOperation(graceID, "2", `{"name":"spaces/2"}`)
	activity := vault.Activity{Time: w.Now(), Caller: "Tickets", Action: "spaces.create", Resource: "spaces/1"}
	check(t, w.Deps.Vault.RecordActivity(t.Context(), adaID, "1", activity))
	link := w.exportLink(adaID)
	w.Advance(10*time.Minute - time.Microsecond)
	export, err := w.Export(t.Context(), link)
	check(t, err)
	got, err := json.Marshal(export)
	check(t, err)
	want := map[string]any{
		"person": ada.User(), "created": "2026-03-02T01:09:59.999999Z",
		"connection": map[string]any{
			"status": "connected", "email": ada.Email, "domain": ada.Domain,
			"scopes": []any{"email", createScope, "openid"}, "declinedScopes": []any{membersScope},
			"clientId": "client", "connected": "2026-03-02T01:00:00Z", "holdsRefreshToken": true,
			"holdsAccessToken": true, "accessTokenExpiry": "2026-03-02T02:00:00Z",
			"lastUsedDay": "2026-03-02T00:00:00Z", "refreshedDay": "2026-03-02T00:00:00Z",
		},
		"approvals": []any{map[string]any{"caller": "tickets", "authority": "user", "actions": []any{map[string]any{
			"action": "spaces.create", "connected": "2026-03-02T01:00:00Z", "given": "2026-03-02T01:00:00Z",
		}}}},
		"activity": []any{map[string]any{
			"when": "2026-03-02T01:00:00Z", "caller": "Tickets", "action": "spaces.create", "authority": "",
			"made": "spaces/1",
		}},
		"results": []any{map[string]any{
			"caller": "tickets", "result": map[string]any{"name": "spaces/1"}, "expires": "2026-03-09T01:00:00Z",
		}},
	}
	var parsed map[string]any
	check(t, json.Unmarshal(got, &parsed))
	if diff := cmp.Diff(want, parsed); diff != "" {
		t.Error(diff)
	}
	g, _ := w.StoredGrant(ada)
	for _, secret := range []config.Secret{g.RefreshToken, g.AccessToken} {
		if strings.Contains(string(got), secret.Reveal()) {
			t.Error("the export has a token")
		}
	}
	w.Advance(time.Microsecond)
	if _, err := w.Export(t.Context(), link); fault.KindOf(err) != fault.Invalid {
		t.Errorf("after ten minutes: %v", err)
	}
}

func TestExport_InvalidLink(t *testing.T) {
	w := newWorld(t)
	encode := func(keys *seal.Keys, purpose, text string) string {
		sealed, err := keys.Seal([]byte(text), seal.Place{Purpose: purpose})
		check(t, err)
		return base64.RawURLEncoding.EncodeToString(sealed)
	}
	const content = `{"p":"users/1","e":"2999-01-01T00:00:00Z"}`
	for name, c := range map[string]struct {
		text string
		kind fault.Kind
	}{
		"empty":         {"", fault.Invalid},
		"not base64url": {"%", fault.Invalid},
		"other purpose": {encode(w.Deps.Keys, "invitation", content), fault.Invalid},
		"other keyset":  {encode(consenttest.NewKeys(t), "export", content), fault.Invalid},
		"not JSON":      {encode(w.Deps.Keys, "export", "x"), fault.Internal},
	} {
		if _, err := w.Export(t.Context(), config.NewSecret(c.text)); fault.KindOf(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
	if strings.Contains(w.Log.String(), "alarm") {
		t.Errorf("a forged link raises an alarm: %s", w.Log)
	}
}

func TestExport_ManyResults(t *testing.T) {
	w := newWorld(t)
	for n := range 1000 {
		if n == 999 {
			export, err := w.ExportPerson(t.Context(), adaID)
			if err != nil || len(export.Results) != 999 || export.ResultsTruncated || export.Connection != nil {
				t.Errorf("%d results, truncated: %v, %v", len(export.Results), export.ResultsTruncated, err)
			}
		}
		w.storeOperation(adaID, strconv.Itoa(n), "")
	}
	export, err := w.ExportPerson(t.Context(), adaID)
	if err != nil || len(export.Results) != 1000 || !export.ResultsTruncated {
		t.Errorf("%d results, truncated: %v, %v", len(export.Results), export.ResultsTruncated, err)
	}
}

func TestErase(t *testing.T) {
	w := newWorld(t)
	w.SignIn(ada, create)
	w.storeOperation(adaID, "1", "{}")
	check(t, w.Deps.Vault.RecordActivity(t.Context(), adaID, "1", vault.Activity{Time: w.Now()}))
	if done, err := w.Erase(t.Context(), adaID); err != nil || done.Outcome != grants.Revoked {
		t.Errorf("%+v, %v", done, err)
	}
	left, err := w.ExportPerson(t.Context(), adaID)
	if err != nil || left.Connection != nil || len(left.Activity)+len(left.Results) != 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
}
