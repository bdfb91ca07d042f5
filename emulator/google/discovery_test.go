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

var update = flag.Bool("update", false, "rewrite the reduced discovery documents")

// supported are the methods that the emulator supports, bodySchemas the schemas that package chatpage uses, and
// fileNames the names of the reduced documents. Their keys are the discovery documents of google.golang.org/api.
var (
	supported = map[string][]string{
		"chat/v1/chat-api.json": {
			"chat.spaces.setup", "chat.spaces.list", "chat.spaces.search", "chat.spaces.findGroupChats",
			"chat.spaces.members.list", "chat.spaces.members.get", "chat.spaces.members.create",
			"chat.spaces.members.patch", "chat.spaces.members.delete", "chat.spaces.messages.create",
			"chat.spaces.messages.delete", "chat.spaces.messages.patch",
			"chat.spaces.patch", "chat.spaces.delete", "chat.spaces.get",
		},
		"cloudkms/v1/cloudkms-api.json": {kmsEncrypt, kmsDecrypt},
		"meet/v2/meet-api.json":         {"meet.spaces.create"},
		"calendar/v3/calendar-api.json": {"calendar.events.list", "calendar.events.insert", "calendar.events.get"},

		"iamcredentials/v1/iamcredentials-api.json": {iamSign},
		"cloudidentity/v1/cloudidentity-api.json":   {groupsLookup},
		"storage/v1/storage-api.json":               {storageGet, storageInsert},
	}
	bodySchemas = map[string][]string{"chat/v1/chat-api.json": {"Message", "DeprecatedEvent", "GoogleAppsCardV1Card"}}
	fileNames   = map[string]string{
		"chat/v1/chat-api.json":         "chat.json",
		"cloudkms/v1/cloudkms-api.json": "cloudkms.json",
		"meet/v2/meet-api.json":         "meet.json",
		"calendar/v3/calendar-api.json": "calendar.json",

		"iamcredentials/v1/iamcredentials-api.json": "iamcredentials.json",
		"cloudidentity/v1/cloudidentity-api.json":   "cloudidentity.json",
		"storage/v1/storage-api.json":               "storage.json",
	}
)

func TestTrimmedDiscovery(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		t.Fatal(err)
	}
	for source, name := range fileNames {
		text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), source))
		if err != nil {
			t.Fatal(err)
		}
		path, want := filepath.Join("discovery", name), reduce(t, text, supported[source], bodySchemas[source])
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
			t.Errorf("%s differs from the module's document: run go generate ./emulator/google", path)
		}
	}
}

// reduce removes the descriptions, and all methods and schemas but those named and the schemas that they use.
func reduce(t *testing.T, text []byte, methodIDs, schemaNames []string) []byte {
	t.Helper()
	var doc struct {
		Revision    string         `json:"revision"`
		ServicePath string         `json:"servicePath"`
		Parameters  map[string]any `json:"parameters"`
		Resources   map[string]any `json:"resources"`
		Schemas     map[string]any `json:"schemas"`
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	methods, schemas := map[string]any{}, map[string]any{}
	collectMethods(doc.Resources, methodIDs, methods)
	for _, name := range schemaNames {
		collectSchemas(map[string]any{"$ref": name}, doc.Schemas, schemas)
	}
	for _, m := range methods {
		collectSchemas(m, doc.Schemas, schemas)
	}
	out := map[string]any{
		"revision": doc.Revision, "servicePath": doc.ServicePath, "parameters": doc.Parameters,
		"methods": methods, "schemas": schemas,
	}
	removeProse(out)
	reduced, err := json.MarshalIndent(out, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return append(reduced, '\n')
}

// collectMethods copies the methods with these IDs from a tree of resources.
func collectMethods(resources map[string]any, ids []string, to map[string]any) {
	for _, r := range resources {
		resource := r.(map[string]any)
		methods, _ := resource["methods"].(map[string]any)
		for _, m := range methods {
			id := m.(map[string]any)["id"].(string)
			for _, want := range ids {
				if id == want {
					to[id] = m
				}
			}
		}
		if more, ok := resource["resources"].(map[string]any); ok {
			collectMethods(more, ids, to)
		}
	}
}

// collectSchemas copies every schema that value refers to, directly or indirectly.
func collectSchemas(value any, all, to map[string]any) {
	switch v := value.(type) {
	case map[string]any:
		if name, ok := v["$ref"].(string); ok && to[name] == nil {
			to[name] = all[name]
			collectSchemas(all[name], all, to)
		}
		for _, inner := range v {
			collectSchemas(inner, all, to)
		}
	case []any:
		for _, inner := range v {
			collectSchemas(inner, all, to)
		}
	}
}

// removeProse removes the descriptions, which are most of a document.
func removeProse(value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, name := range []string{"description", "enumDescriptions", "enumDeprecated"} {
			if _, prose := v[name].(map[string]any); !prose { // a field can be named description
				delete(v, name)
			}
		}
		for _, inner := range v {
			removeProse(inner)
		}
	case []any:
		for _, inner := range v {
			removeProse(inner)
		}
	}
}
