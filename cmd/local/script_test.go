package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/emulator/google"
)

var update = flag.Bool("update", false, "write the conversations anew")

// conversations are readable: a headline says what a person does, and below
// it stands the event that Chat sends, what Deputy asks of Google, and its
// reply. The headlines are the script; the rest is checked against it.
const conversations = "../../functions/chatevent/testdata"

func TestTheConversationsGoAsTheyAreWritten(t *testing.T) {
	files, err := filepath.Glob(conversations + "/*.md")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d conversations, %v", len(files), err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			synctest.Test(t, func(t *testing.T) { got = play(t, string(want)) })
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil { //nolint:gosec // to be read
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(want), got); diff != "" && !*update {
				t.Errorf("go test ./cmd/local -run Conversations -args -update writes it anew, if it is right:\n%s", diff)
			}
		})
	}
}

// play does what the headlines of a conversation say, and writes it with what
// came of it.
func play(t *testing.T, script string) string {
	t.Helper()
	head, _, _ := strings.Cut(script, "\n## ")
	format, locale := chatpage.Classic, ""
	if strings.Contains(head, "as an add-on") {
		format = chatpage.AddOn
	}
	if strings.Contains(head, "in Chinese") {
		locale = "zh-CN"
	}
	tr := newTrialAs(t, format, locale, nil, false)
	out := &strings.Builder{}
	out.WriteString(strings.TrimRight(head, "\n") + "\n")
	for _, line := range strings.Split(script, "\n") {
		if step, ok := strings.CutPrefix(line, "## "); ok {
			events, calls := len(tr.events), len(tr.google.Calls())
			tr.step(step)
			fmt.Fprintf(out, "\n## %s\n", step)
			for i := events; i < len(tr.events); i += 2 {
				fmt.Fprintf(out, "\nChat sends\n\n```json\n%s\n```\n", tr.readable(tr.events[i]))
				if i == events {
					out.WriteString(toGoogle(tr.google.Calls()[calls:]))
				}
				fmt.Fprintf(out, "\nDeputy replies\n\n```json\n%s\n```\n", tr.readable(tr.events[i+1]))
			}
			if len(tr.events) == events {
				out.WriteString(toGoogle(tr.google.Calls()[calls:]))
			}
		}
	}
	return out.String()
}

// toGoogle are the calls to Google, but for its own keys.
func toGoogle(calls []google.Call) string {
	out := ""
	for _, c := range calls {
		if !strings.Contains(c.Method, "certs") {
			out += fmt.Sprintf("- %s -> %d\n", strings.TrimSpace(c.Method+" "+c.Detail), c.Status)
		}
	}
	if out == "" {
		return ""
	}
	return "\nGoogle is asked\n\n" + out
}

var (
	types    = regexp.MustCompile(`^Ada, in (\S+), types: (.*)$`)
	chooses  = regexp.MustCompile(`^Ada, in (\S+), chooses: (.*)$`)
	opens    = regexp.MustCompile(`^Ada opens the Home tab$`)
	clicks   = regexp.MustCompile(`^Ada presses "(.*?)"(?:, with (.*))?$`)
	adds     = regexp.MustCompile(`^Ada adds the app$`)
	consents = regexp.MustCompile(`^Ada consents(?:, without (\S+))?$`)
	refuses  = regexp.MustCompile(`^Google refuses (\S+) with (\d+), (\d+) times?$`)
	revokes  = regexp.MustCompile(`^Google ends the grant, and two hours go by$`)
	repeats  = regexp.MustCompile(`^Chat sends the last event again$`)
)

// step does one thing that a headline says.
func (tr *trial) step(line string) {
	tr.t.Helper()
	if m := types.FindStringSubmatch(line); m != nil {
		tr.saved["in"] = tr.place(m[1])
		tr.shown(say(m[2])(tr, tr.saved["in"]))
		return
	}
	if m := chooses.FindStringSubmatch(line); m != nil {
		tr.saved["in"] = tr.place(m[1])
		tr.shown(choose(map[string]int{"Create a space": 101, "My connection": 102}[m[2]])(tr, tr.saved["in"]))
		return
	}
	if m := clicks.FindStringSubmatch(line); m != nil {
		fields := url.Values{}
		for _, field := range strings.Split(m[2], "; ") {
			if name, value, ok := strings.Cut(field, " = "); ok {
				fields.Add(name, strings.ReplaceAll(value, "Grace", grace.User()))
			}
		}
		tr.shown(tr.press(tr.saved["shown"], m[1], tr.saved["in"], fields))
		return
	}
	if m := consents.FindStringSubmatch(line); m != nil {
		links := regexp.MustCompile(`href="([^"]*/start\?invitation=[^"]*)"`).FindAllStringSubmatch(tr.saved["shown"], -1)
		if links == nil {
			tr.t.Fatalf("nobody asks for a consent:\n%s", tr.saved["shown"])
		}
		tr.through(strings.TrimPrefix(links[len(links)-1][1], tr.address), m[1])
		tr.shown(tr.look())
		return
	}
	if m := refuses.FindStringSubmatch(line); m != nil {
		var status, times int
		_, _ = fmt.Sscan(m[2]+" "+m[3], &status, &times)
		for range times {
			tr.google.Fail(m[1], status)
		}
		return
	}
	switch {
	case opens.MatchString(line):
		tr.saved["in"] = "DM" + ada.Sub
		tr.shown(tr.chats("/home", tr.saved["in"], url.Values{}))
	case adds.MatchString(line):
		tr.saved["in"] = "DM" + ada.Sub
		tr.shown(tr.chats("/add", tr.saved["in"], url.Values{}))
	case revokes.MatchString(line):
		tr.google.RevokeGrant(ada)
		tr.clock.advance(2 * time.Hour)
	case repeats.MatchString(line):
		token := tr.google.ChatToken()
		if strings.Contains(tr.events[len(tr.events)-2], `"commonEventObject"`) {
			token = tr.google.AddOnToken(tr.address + "/chatevent")
		}
		r, err := http.NewRequestWithContext(tr.t.Context(), http.MethodPost, tr.address+"/chatevent", strings.NewReader(tr.events[len(tr.events)-2]))
		if err != nil {
			tr.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		tr.deliver(r)
	default:
		tr.t.Fatalf("nobody knows how to: %s", line)
	}
}

func (tr *trial) shown(page string) {
	tr.saved["shown"] = page
	if strings.Contains(page, "is not responding") {
		tr.t.Errorf("Chat does not take the answer:\n%s", text(page))
	}
}

func (tr *trial) place(name string) string {
	if name == "Team" {
		return team
	}
	return "DM" + ada.Sub
}

func (tr *trial) look() string { return tr.chats("/nothing", tr.saved["in"], url.Values{}) }

// through goes the whole way of a consent, and on to where it leads.
func (tr *trial) through(start, without string) {
	tr.t.Helper()
	started := tr.do(http.MethodGet, start, "")
	page := tr.do(http.MethodGet, strings.TrimPrefix(started.Header().Get("Location"), tr.address), "").Body.String()
	form := url.Values{"request": {parseInputs(page).Get("request")}, "account": {ada.Sub}, "decision": {"allow"}}
	for _, m := range regexp.MustCompile(`name="scope" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if without == "" || !strings.HasSuffix(m[1], without) {
			form.Add("scope", m[1])
		}
	}
	at := tr.do(http.MethodPost, "/google/o/oauth2/v2/consent", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	for at.Code == http.StatusSeeOther || at.Code == http.StatusFound {
		at = tr.do(http.MethodGet, strings.TrimPrefix(at.Header().Get("Location"), tr.address), "")
	}
}

var secrets = []struct{ find, put string }{
	{`(start\?invitation=|export\?link=|complete\?token=)[A-Za-z0-9_-]+`, "$1(sealed)"},
	{`"(value|systemIdToken)":"[A-Za-z0-9_.-]{60,}"`, `"$1":"(sealed)"`},
	{`"eventTime":"[^"]*"`, `"eventTime":"2000-01-01T00:00:00Z"`},
	{`(eid=|meet\.google\.com/event-)[a-v0-9]+`, "$1(id)"},
	{`http://127\.0\.0\.1:1/`, "https://deputy.example/"},
}

// readable is JSON without what is long and different each time, and short
// where that fits into a line.
func (tr *trial) readable(body string) string {
	tr.t.Helper()
	for _, s := range secrets {
		body = regexp.MustCompile(s.find).ReplaceAllString(body, s.put)
	}
	decoder := json.NewDecoder(strings.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		tr.t.Fatalf("%v: %s", err, body)
	}
	return written(value, "")
}

func written(value any, indent string) string {
	var flat bytes.Buffer
	encoder := json.NewEncoder(&flat)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // it came as JSON
	line := strings.TrimSpace(flat.String())
	if len(indent)+len(line) <= 120 {
		return line
	}
	inner := indent + "  "
	var parts []string
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, fmt.Sprintf("%s%q: %s", inner, key, written(v[key], inner)))
		}
		return "{\n" + strings.Join(parts, ",\n") + "\n" + indent + "}"
	case []any:
		for _, item := range v {
			parts = append(parts, inner+written(item, inner))
		}
		return "[\n" + strings.Join(parts, ",\n") + "\n" + indent + "]"
	default:
		return line
	}
}
