package main

import (
	"encoding/json"
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/internal/apitest"
)

// referenceOrder is an order in which a reader can run the examples of the reference.
var referenceOrder = []string{
	"connectPerson", "getConnection", "invitePerson", "planSpace", "createSpace", "listSpaces", "getSpace",
	"updateSpace", "addMembers", "listMembers", "getMember", "updateMember", "createMessage", "updateMessage",
	"deleteMessage",
	"createMeeting", "removeMember", "putTemplate", "getTemplate", "listTemplates", "deleteTemplate", "requestApproval",
	"getApproval", "sweep", "deleteSpace", "disconnectPerson",
}

// Every curl command of the reference works, once the reader has put in the names that earlier responses gave. Each
// response has the fields of the document's example, and no others.
func TestReference_Examples(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("NOT TESTED: the commands of the reference. No curl was found; ./test.sh --all installs it")
	}
	w := newSandbox(t)
	w.google.SetStrict(0) // the usual shapes of answers
	examples, commands := documentedExamples(), w.referenceCommands(t)
	if diff := cmp.Diff(slices.Sorted(maps.Keys(commands)), slices.Sorted(slices.Values(referenceOrder))); diff != "" {
		t.Fatal(diff)
	}
	_, token := w.callScript(t, "GET", "/script/token", "")
	token = strings.TrimSpace(token)
	w.approveSandbox(t, "ada@example.com", token)
	_, code := w.callScript(t, "GET", "/script/code?as=ada@example.com", "")
	known := []string{
		"$TOKEN", token, "$DEPUTY", w.address + "/createspace",
		"4/0Acode", strings.TrimSpace(code),
	}
	for _, id := range referenceOrder {
		command := strings.NewReplacer(known...).Replace(commands[id])
		out, err := exec.CommandContext(t.Context(), "bash", "-c", command).Output() //nolint:gosec // ours
		if err != nil {
			t.Fatalf("%s: %v\n%s", id, err, out)
		}
		var body any
		if len(out) > 0 {
			if err := json.Unmarshal(out, &body); err != nil {
				t.Fatalf("%s: %v: %s", id, err, out)
			}
		}
		if testing.Verbose() {
			t.Logf("%s: %s", id, out)
		}
		want := slices.Sorted(maps.Keys(paths("", examples[id])))
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(paths("", body)))); diff != "" {
			t.Errorf("%s: the response and its example differ: %s\n%s", id, diff, out)
		}
		fields, _ := body.(map[string]any)
		switch name := fmt.Sprint(fields["name"]); id {
		case "createSpace":
			known = append(known, "AAAAexample", strings.TrimPrefix(name, "spaces/"))
		case "createMessage":
			known = append(known, "client-example", name[strings.LastIndex(name, "/")+1:])
		case "requestApproval":
			known = append(known, strings.Repeat("0", 64), strings.TrimPrefix(name, "approvals/"))
		}
	}
}

// approveSandbox lets the sandbox's caller do everything as a person, who opens its link and selects Allow.
func (w *world) approveSandbox(t *testing.T, person, token string) {
	t.Helper()
	body := fmt.Sprintf(`{"actAs":%q,"actions":["spaces.create","spaces.read","spaces.update","spaces.delete",
		"members.read","members.write","messages.create","messages.update","messages.delete","meetings.create"]}`,
		person)
	asked := w.api(t, "POST", "/v1/approvals", body, "Authorization", "Bearer "+token)
	consent := fmt.Sprintf(`{"as":%q,"address":%q,"press":"Allow"}`, person, asked.body["invitation"])
	if status, text := w.callScript(t, "POST", "/script/consents", consent); status != http.StatusOK {
		t.Fatalf("%d %s\n%s", status, text, asked.text)
	}
}

// referenceCommands returns the curl command of each operation.
func (w *world) referenceCommands(t *testing.T) map[string]string {
	t.Helper()
	res, err := http.Get(w.address + "/createspace/")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	page, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	article := regexp.MustCompile(`(?s)<article id="(\w+)">(.*?)</article>`)
	command := regexp.MustCompile(`(?s), with curl">(.*?)</pre>`)
	for _, a := range article.FindAllStringSubmatch(string(page), -1) {
		if c := command.FindStringSubmatch(a[2]); c != nil {
			out[a[1]] = html.UnescapeString(c[1])
		}
	}
	return out
}

// documentedExamples returns the example of the successful response of each operation.
func documentedExamples() map[string]any {
	out := map[string]any{}
	doc, _ := apitest.Document()
	for _, item := range doc.Paths.Map() {
		for _, o := range item.Operations() {
			for _, status := range []string{"201", "200"} {
				if r := o.Responses.Value(status); r != nil && r.Value.Content["application/json"] != nil {
					out[o.OperationID] = r.Value.Content["application/json"].Example
				}
			}
		}
	}
	return out
}

// paths returns the paths of all fields of a JSON value. All elements of a list count as one.
func paths(at string, value any) map[string]bool {
	out := map[string]bool{}
	switch v := value.(type) {
	case map[string]any:
		for name, field := range v {
			out[at+"/"+name] = true
			maps.Copy(out, paths(at+"/"+name, field))
		}
	case []any:
		for _, element := range v {
			maps.Copy(out, paths(at+"/*", element))
		}
	}
	return out
}
