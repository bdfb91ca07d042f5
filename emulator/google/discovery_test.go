package google

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the trimmed discovery document anew")

// played are the methods that the stand-in plays, by document of the module
// google.golang.org/api; spoken are the bodies of Chat that go over the page.
var (
	played = map[string][]string{
		"chat/v1/chat-api.json": {
			"chat.spaces.setup", "chat.spaces.list", "chat.spaces.search", "chat.spaces.findGroupChats",
			"chat.spaces.members.list", "chat.spaces.members.get", "chat.spaces.members.create", "chat.spaces.messages.create",
			"chat.spaces.patch", "chat.spaces.delete", "chat.spaces.get", "chat.spaces.members.patch", "chat.spaces.members.delete",
		},
		"cloudkms/v1/cloudkms-api.json": {kmsEncrypt, kmsDecrypt},
		"meet/v2/meet-api.json":         {"meet.spaces.create"},
		"calendar/v3/calendar-api.json": {"calendar.events.list", "calendar.events.insert", "calendar.events.get"},

		"iamcredentials/v1/iamcredentials-api.json": {iamSign},
		"cloudidentity/v1/cloudidentity-api.json":   {groupsLookup},
		"storage/v1/storage-api.json":               {storageGet, storageInsert},
	}
	spoken  = map[string][]string{"chat/v1/chat-api.json": {"Message", "DeprecatedEvent", "GoogleAppsCardV1Card"}}
	trimmed = map[string]string{
		"chat/v1/chat-api.json": "chat.json", "cloudkms/v1/cloudkms-api.json": "cloudkms.json", "meet/v2/meet-api.json": "meet.json", "calendar/v3/calendar-api.json": "calendar.json",
		"iamcredentials/v1/iamcredentials-api.json": "iamcredentials.json", "cloudidentity/v1/cloudidentity-api.json": "cloudidentity.json", "storage/v1/storage-api.json": "storage.json",
	}
)

func TestTheTrimmedDiscoveryDocumentsAreGoogles(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	for whole, name := range trimmed {
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), whole))
		if err != nil {
			t.Fatal(err)
		}
		path, want := filepath.Join("discovery", name), trim(t, text, played[whole], spoken[whole])
		if *update {
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s is not what the module has: run go generate ./emulator/google", path)
		}
	}
}

func trim(t *testing.T, whole []byte, played, spoken []string) []byte {
	t.Helper()
	var doc struct {
		Revision    string         `json:"revision"`
		ServicePath string         `json:"servicePath"`
		Parameters  map[string]any `json:"parameters"`
		Resources   map[string]any `json:"resources"`
		Schemas     map[string]any `json:"schemas"`
	}
	if err := json.Unmarshal(whole, &doc); err != nil {
		t.Fatal(err)
	}
	methods, schemas := map[string]any{}, map[string]any{}
	collect(doc.Resources, played, methods)
	for _, name := range spoken {
		reach(map[string]any{"$ref": name}, doc.Schemas, schemas)
	}
	for _, m := range methods {
		reach(m, doc.Schemas, schemas)
	}
	out := map[string]any{"revision": doc.Revision, "servicePath": doc.ServicePath, "parameters": doc.Parameters, "methods": methods, "schemas": schemas}
	undescribe(out)
	text, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(text, '\n')
}

// collect finds the played methods in the tree of resources.
func collect(resources map[string]any, played []string, into map[string]any) {
	for _, r := range resources {
		resource := r.(map[string]any)
		methods, _ := resource["methods"].(map[string]any)
		for _, m := range methods {
			id := m.(map[string]any)["id"].(string)
			for _, name := range played {
				if id == name {
					into[id] = m
				}
			}
		}
		if more, ok := resource["resources"].(map[string]any); ok {
			collect(more, played, into)
		}
	}
}

// reach collects every schema that value refers to, over any number of steps.
func reach(value any, all, into map[string]any) {
	switch v := value.(type) {
	case map[string]any:
		if name, ok := v["$ref"].(string); ok && into[name] == nil {
			into[name] = all[name]
			reach(all[name], all, into)
		}
		for _, inner := range v {
			reach(inner, all, into)
		}
	case []any:
		for _, inner := range v {
			reach(inner, all, into)
		}
	}
}

// undescribe takes out the prose, which is most of the document.
func undescribe(value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range []string{"description", "enumDescriptions", "enumDeprecated"} {
			if _, prose := v[name].(map[string]any); !prose { // a field may be called description
				delete(v, name)
			}
		}
		for _, inner := range v {
			undescribe(inner)
		}
	case []any:
		for _, inner := range v {
			undescribe(inner)
		}
	}
}
