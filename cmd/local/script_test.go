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

var update = flag.Bool("update", false, "rewrite the recorded conversations and events")

// conversationsDir holds the recorded conversations. Each headline is a step; below it are Chat's events, Deputy's
// calls to Google, and its replies. The test runs the steps and compares the rest.
const conversationsDir = "../../functions/chatevent/testdata"

func TestConversations(t *testing.T) {
	files, err := filepath.Glob(conversationsDir + "/*.md")
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
				err := os.WriteFile(path, []byte(got), 0o644) //nolint:gosec // a source file, readable by all
				if err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(want), got); diff != "" && !*update {
				t.Errorf(
					"go test ./cmd/local -run Conversations -args -update rewrites the file, if this is right:\n%s",
					diff)
			}
		})
	}
}

// play runs the steps of a conversation and returns it with the events, calls, and replies of this run.
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
					out.WriteString(formatCalls(tr.google.Calls()[calls:]))
				}
				fmt.Fprintf(out, "\nDeputy replies\n\n```json\n%s\n```\n", tr.readable(tr.events[i+1]))
			}
			if len(tr.events) == events {
				out.WriteString(formatCalls(tr.google.Calls()[calls:]))
			}
		}
	}
	return out.String()
}

// formatCalls lists calls to Google, without fetches of its keys.
func formatCalls(calls []google.Call) string {
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
	typeStep      = regexp.MustCompile(`^Ada, in (\S+), types: (.*)$`)
	chooseStep    = regexp.MustCompile(`^Ada, in (\S+), chooses: (.*)$`)
	openHomeStep  = regexp.MustCompile(`^Ada opens the Home tab$`)
	pressStep     = regexp.MustCompile(`^Ada presses "(.*?)"(?:, with (.*))?$`)
	addStep       = regexp.MustCompile(`^Ada adds the app$`)
	consentStep   = regexp.MustCompile(`^Ada consents(?:, without (\S+))?$`)
	refusalStep   = regexp.MustCompile(`^Google refuses (\S+) with (\d+), (\d+) times?$`)
	revokeStep    = regexp.MustCompile(`^Google ends the grant, and two hours go by$`)
	redeliverStep = regexp.MustCompile(`^Chat sends the last event again$`)
)

// step runs the step of a headline.
func (tr *trial) step(line string) {
	tr.t.Helper()
	if m := typeStep.FindStringSubmatch(line); m != nil {
		tr.saved["in"] = tr.spaceID(m[1])
		tr.setPage(say(m[2])(tr, tr.saved["in"]))
		return
	}
	if m := chooseStep.FindStringSubmatch(line); m != nil {
		tr.saved["in"] = tr.spaceID(m[1])
		tr.setPage(choose(map[string]int{"Create a space": 101, "My connection": 102}[m[2]])(tr, tr.saved["in"]))
		return
	}
	if m := pressStep.FindStringSubmatch(line); m != nil {
		fields := url.Values{}
		for _, field := range strings.Split(m[2], "; ") {
			if name, value, ok := strings.Cut(field, " = "); ok {
				fields.Add(name, strings.ReplaceAll(value, "Grace", grace.User()))
			}
		}
		tr.setPage(tr.press(tr.saved["shown"], m[1], tr.saved["in"], fields))
		return
	}
	if m := consentStep.FindStringSubmatch(line); m != nil {
		page := tr.saved["shown"]
		links := regexp.MustCompile(`href="([^"]*/start\?invitation=[^"]*)"`).FindAllStringSubmatch(page, -1)
		if links == nil {
			tr.t.Fatalf("no link to a consent:\n%s", page)
		}
		tr.consentAt(strings.TrimPrefix(links[len(links)-1][1], tr.address), m[1])
		tr.setPage(tr.reload())
		return
	}
	if m := refusalStep.FindStringSubmatch(line); m != nil {
		var status, times int
		_, _ = fmt.Sscan(m[2]+" "+m[3], &status, &times)
		for range times {
			tr.google.Fail(m[1], status)
		}
		return
	}
	switch {
	case openHomeStep.MatchString(line):
		tr.saved["in"] = "DM" + ada.Sub
		tr.setPage(tr.postForm("/home", tr.saved["in"], url.Values{}))
	case addStep.MatchString(line):
		tr.saved["in"] = "DM" + ada.Sub
		tr.setPage(tr.postForm("/add", tr.saved["in"], url.Values{}))
	case revokeStep.MatchString(line):
		tr.google.RevokeGrant(ada)
		tr.clock.advance(2 * time.Hour)
	case redeliverStep.MatchString(line):
		token := tr.google.ChatToken()
		if strings.Contains(tr.events[len(tr.events)-2], `"commonEventObject"`) {
			token = tr.google.AddOnToken(tr.address + "/chatevent")
		}
		r, err := http.NewRequestWithContext(tr.t.Context(), http.MethodPost, tr.address+"/chatevent",
			strings.NewReader(tr.events[len(tr.events)-2]))
		if err != nil {
			tr.t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		tr.deliver(r)
	default:
		tr.t.Fatalf("unknown step: %s", line)
	}
}

// setPage keeps the page for later steps.
func (tr *trial) setPage(page string) {
	tr.saved["shown"] = page
	if strings.Contains(page, "is not responding") {
		tr.t.Errorf("Chat rejects the answer:\n%s", visibleText(page))
	}
}

func (tr *trial) spaceID(name string) string {
	if name == "Team" {
		return team
	}
	return "DM" + ada.Sub
}

func (tr *trial) reload() string { return tr.postForm("/nothing", tr.saved["in"], url.Values{}) }

// consentAt consents at a link, without the scope that ends in without, and follows all redirects.
func (tr *trial) consentAt(start, without string) {
	tr.t.Helper()
	started := tr.do(http.MethodGet, start, "")
	if started.Code == http.StatusOK { // Deputy's page before a first consent
		started = tr.do(http.MethodGet, start+"&ask=needed", "")
	}
	page := tr.do(http.MethodGet, strings.TrimPrefix(started.Header().Get("Location"), tr.address), "").Body.String()
	form := url.Values{"request": {parseInputs(page).Get("request")}, "account": {ada.Sub}, "decision": {"allow"}}
	for _, m := range regexp.MustCompile(`name="scope" value="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		isLeft := func(suffix string) bool { return strings.HasSuffix(m[1], suffix) }
		if !slices.ContainsFunc(strings.Fields(without), isLeft) {
			form.Add("scope", m[1])
		}
	}
	at := tr.do(http.MethodPost, "/google/o/oauth2/v2/consent", form.Encode(),
		"Content-Type", "application/x-www-form-urlencoded")
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

// readable formats JSON. It replaces values that are long or differ each time, and
// keeps on one line what fits into 120 columns.
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
	return formatJSON(value, "")
}

func formatJSON(value any, indent string) string {
	var flat bytes.Buffer
	encoder := json.NewEncoder(&flat)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value) // value was decoded from JSON
	line := strings.TrimSpace(flat.String())
	if len(indent)+len(line) <= 120 {
		return line
	}
	inner := indent + "  "
	var parts []string
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			parts = append(parts, fmt.Sprintf("%s%q: %s", inner, key, formatJSON(v[key], inner)))
		}
		return "{\n" + strings.Join(parts, ",\n") + "\n" + indent + "}"
	case []any:
		for _, item := range v {
			parts = append(parts, inner+formatJSON(item, inner))
		}
		return "[\n" + strings.Join(parts, ",\n") + "\n" + indent + "]"
	default:
		return line
	}
}
