package main

import (
	"html"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"example.com/deputy/shared/vault"
)

// tokenErrorRow is a row of the table in docs/operate.md of what Google's token endpoint answers.
type tokenErrorRow struct{ answer, page, card, operator, grant string }

func (r tokenErrorRow) String() string {
	return "| " + strings.Join([]string{r.answer, r.page, r.card, r.operator, r.grant}, " | ") + " |"
}

var (
	tokenErrorCode = regexp.MustCompile(`(?m)^\t"([a-z_]+)": +\{fault`)
	shownText      = regexp.MustCompile(`(?s)"(?:text|title|subtitle)":"((?:[^"\\]|\\.)*)"`)
	alarmText      = regexp.MustCompile(`alarm="([^"]*)"`)
	outcomeText    = regexp.MustCompile(`outcome=(\w+)`)
)

// tokenErrorCodes returns the codes that shared/googleauth knows, and one that it doesn't.
func tokenErrorCodes(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../shared/googleauth/tokenerror.go")
	if err != nil {
		t.Fatal(err)
	}
	var codes []string
	for _, m := range tokenErrorCode.FindAllStringSubmatch(string(text), -1) {
		codes = append(codes, m[1])
	}
	if len(codes) < 15 {
		t.Fatalf("only %v", codes)
	}
	return append(codes, "any_other_code")
}

// TestManual_TokenErrors tries every answer of the token endpoint at a consent, at a use, and in the sweep, if Google
// repeats it. What people and the operator read, and what becomes of the grant, must be in docs/operate.md.
func TestManual_TokenErrors(t *testing.T) {
	text, err := os.ReadFile("../../docs/operate.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows []tokenErrorRow
	for _, code := range tokenErrorCodes(t) {
		var row tokenErrorRow
		synctest.Test(t, func(t *testing.T) { row = observeTokenError(t, code) })
		same := slices.IndexFunc(rows, func(r tokenErrorRow) bool { r.answer = row.answer; return r == row })
		if same < 0 {
			rows = append(rows, row)
		} else {
			rows[same].answer += ", " + row.answer
		}
	}
	var table strings.Builder
	for _, row := range rows {
		table.WriteString(row.String() + "\n")
	}
	if !strings.Contains(string(text), "|---|---|---|---|---|\n"+table.String()+"\n") {
		t.Errorf("docs/operate.md lacks this table:\n%s", &table)
	}
}

func observeTokenError(t *testing.T, code string) tokenErrorRow {
	t.Helper()
	body := `{"error":"` + code + `"}`
	if strings.Contains(code, "rapt") {
		body = `{"error":"invalid_grant","error_subtype":"` + code + `"}`
	}
	answer := func(r *http.Request, emulator http.RoundTripper) (*http.Response, error) {
		if strings.HasSuffix(r.URL.Path, "/token") {
			return newResponse(r, http.StatusBadRequest, body), nil
		}
		return emulator.RoundTrip(r)
	}
	newFailing := func() *trial { return newTrial(t, &failure{name: code, wire: answer}, true) }
	row := tokenErrorRow{answer: "`" + code + "`"}

	tr := newFailing()
	tr.saved["path"] = tr.consentCallback()
	tr.arm(1)
	page := tr.finishConsent()
	row.page = pageText(page)
	if _, stored := tr.grant(); stored {
		t.Errorf("%s: a grant is stored", code)
	}

	tr = newFailing()
	tr.connect()
	tr.clock.advance(2 * time.Hour) // the access token is over
	before, logged := mustGrant(tr), len(tr.log.String())
	tr.arm(1)
	row.card = cardText(tr.sendCreate())
	if row.card == row.page {
		row.card = "the same"
	}
	row.operator = operatorText(tr.log.String()[logged:])
	row.grant = grantText(before, mustGrant(tr))

	tr = newFailing()
	tr.connect()
	tr.clock.advance(151 * 24 * time.Hour) // idle, and due
	before = mustGrant(tr)
	tr.arm(1)
	if got := tr.sweep(); got.Code != http.StatusOK {
		t.Errorf("%s: the sweep answers %d %s", code, got.Code, got.Body)
	}
	if got := grantText(before, mustGrant(tr)); got != row.grant {
		t.Errorf("%s: after the sweep: %s; after a use: %s", code, got, row.grant)
	}
	return row
}

func mustGrant(tr *trial) vault.Grant {
	tr.t.Helper()
	g, ok := tr.grant()
	if !ok {
		tr.t.Fatal("no grant")
	}
	return g
}

// grantText says what became of a grant.
func grantText(before, after vault.Grant) string {
	switch {
	case after.Status == vault.Suspended && after.RefreshToken.Equal(before.RefreshToken):
		return "suspended"
	case after.Status != before.Status || !after.RefreshToken.Equal(before.RefreshToken):
		return "changed"
	case after.NeedsSignIn:
		return "kept; asks to sign in"
	}
	return "kept"
}

// pageText returns the heading of a page and its first paragraph.
func pageText(w *httptest.ResponseRecorder) string {
	_, rest, _ := strings.Cut(w.Body.String(), "<h1>")
	title, rest, _ := strings.Cut(rest, "</h1>")
	_, rest, _ = strings.Cut(rest, "<p>")
	text, _, _ := strings.Cut(rest, "</p>")
	return withoutReference(html.UnescapeString(title + ". " + text))
}

// cardText returns the title of a card and its first text.
func cardText(w *httptest.ResponseRecorder) string {
	var texts []string
	for _, m := range shownText.FindAllStringSubmatch(w.Body.String(), -1) {
		if s := strings.NewReplacer(`\"`, `"`, `\u0026`, "&").Replace(m[1]); !slices.Contains(texts, s) {
			texts = append(texts, html.UnescapeString(s))
		}
	}
	return withoutReference(strings.Join(texts[:min(len(texts), 2)], ". "))
}

var reference = regexp.MustCompile(`reference: \w+`)

func withoutReference(text string) string { return reference.ReplaceAllString(text, "reference: ...") }

// operatorText returns the alarm in a log, and the outcome of the request.
func operatorText(log string) string {
	var out []string
	if m := alarmText.FindStringSubmatch(log); m != nil {
		out = append(out, "alarm: "+m[1])
	}
	if m := outcomeText.FindStringSubmatch(log); m != nil {
		out = append(out, "outcome `"+m[1]+"`")
	}
	return strings.Join(out, "; ")
}
