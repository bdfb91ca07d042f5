package main

import (
	"bytes"
	"context"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/vault/memory"
)

var (
	ada   = google.People()[0]
	grace = google.People()[1]
)

// world is a running program with its clock, its store and all it logged.
type world struct {
	*program
	docs  *vaulttest.Counting
	log   *lines
	clock *clock
}

type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

type lines struct {
	mu   sync.Mutex
	buf  bytes.Buffer
	each func(line string)
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.each != nil {
		l.each(string(p))
	}
	return l.buf.Write(p)
}

// watch lets each be told of every line, before it is kept.
func (l *lines) watch(each func(line string)) { l.mu.Lock(); defer l.mu.Unlock(); l.each = each }

func (l *lines) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

func begin(t *testing.T) *world {
	t.Helper()
	return beginAs(t, chatpage.Classic)
}

// inBothFormats runs a test for an app of each kind.
func inBothFormats(t *testing.T, test func(*testing.T, *world)) {
	for _, format := range []chatpage.Format{chatpage.Classic, chatpage.AddOn} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			test(t, beginAs(t, format))
		})
	}
}

func beginAs(t *testing.T, format chatpage.Format) *world {
	t.Helper()
	w := &world{docs: &vaulttest.Counting{Docs: &memory.Docs{}}, log: &lines{}, clock: &clock{}}
	p, err := start(t.Context(), options{addr: "127.0.0.1:0", log: w.log, now: w.clock.now, docs: w.docs, base: googleauth.NewTransport(), mark: "MARKED", format: format})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	w.program = p
	return w
}

// count is how many calls of a method the functions made.
func (w *world) count(method string) int {
	n := 0
	for _, c := range w.google.Calls() {
		if c.Method == method || c.Method+" "+c.Detail == method {
			n++
		}
	}
	return n
}

// spaces are the names of a person's spaces, without direct messages.
func (w *world) spaces(p google.Person) []string {
	var out []string
	for _, s := range w.google.SpacesOf(p) {
		if !s.Direct && s.DisplayName != "Team" {
			out = append(out, s.DisplayName)
		}
	}
	return out
}

// browser is one person's browser; it keeps cookies and remembers every
// address it was at.
type browser struct {
	t      *testing.T
	world  *world
	who    google.Person
	in     string // the space that is open
	client *http.Client
	seen   []*url.URL
}

func (w *world) browser(t *testing.T, who google.Person) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, world: w, who: who, in: "DM" + who.Sub}
	b.client = &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		b.seen = append(b.seen, r.URL)
		return nil
	}}
	return b
}

// page is what the browser shows.
type page struct {
	url    *url.URL
	status int
	body   string
	header http.Header
}

func (b *browser) do(r *http.Request) page {
	b.t.Helper()
	b.seen = append(b.seen, r.URL)
	res, err := b.client.Do(r.WithContext(context.WithoutCancel(b.t.Context())))
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return page{res.Request.URL, res.StatusCode, string(body), res.Header}
}

func (b *browser) open(address string) page {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.do(r)
}

func (b *browser) post(address string, form url.Values) page {
	b.t.Helper()
	r, err := http.NewRequest(http.MethodPost, address, strings.NewReader(form.Encode()))
	if err != nil {
		b.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(r)
}

// chat is the page that plays Chat, as it is now.
func (b *browser) chat() page {
	b.t.Helper()
	return b.open(b.world.address + "/?as=" + b.who.Sub + "&in=" + b.in)
}

func (b *browser) say(text string) page {
	b.t.Helper()
	return b.post(b.world.address+"/send", url.Values{"as": {b.who.Sub}, "in": {b.in}, "text": {text}})
}

// press presses the last button of a card with this text.
func (b *browser) press(text string) page {
	b.t.Helper()
	form := regexp.MustCompile(`(?s)<form method="post" action="click" data-live>((?:<input[^>]*>)*)<button>` + regexp.QuoteMeta(html.EscapeString(text)) + `</button>`)
	found := form.FindAllStringSubmatch(b.chat().body, -1)
	if found == nil {
		b.t.Fatalf("there is no button %q", text)
	}
	return b.post(b.world.address+"/click", inputs(found[len(found)-1][1]))
}

// quick chooses a quick command from the menu.
func (b *browser) quick(id int) page {
	b.t.Helper()
	return b.post(b.world.address+"/quick", url.Values{"as": {b.who.Sub}, "in": {b.in}, "command": {strconv.Itoa(id)}})
}

// home opens the Home tab.
func (b *browser) home() page {
	b.t.Helper()
	return b.post(b.world.address+"/home", url.Values{"as": {b.who.Sub}, "in": {b.in}})
}

var (
	windows = regexp.MustCompile(`(?s)<form method="post" action="press" data-live class="window">(.*?)</form>`)
	presses = regexp.MustCompile(`<button name="press" value="(\d+)"[^>]*>([^<]*)</button>`)
	typed   = regexp.MustCompile(`<input type="text" name="([^"]*)" value="([^"]*)"`)
	areas   = regexp.MustCompile(`(?s)<textarea name="([^"]*)"[^>]*>(.*?)</textarea>`)
	ticked  = regexp.MustCompile(`<input type="(?:checkbox|radio)" name="([^"]*)" value="([^"]*)" checked>`)
	menus   = regexp.MustCompile(`(?s)<select name="([^"]*)">(.*?)</select>`)
	chosen  = regexp.MustCompile(`<option value="([^"]*)" selected>`)
)

// window is the form of the dialog, or of the Home tab, as the browser holds
// it.
func (b *browser) window(p page) (string, url.Values) {
	b.t.Helper()
	all := windows.FindAllStringSubmatch(p.body, -1)
	if all == nil {
		b.t.Fatalf("neither a dialog nor the Home tab is open on\n%s", p.body)
	}
	body := all[len(all)-1][1] // the dialog is behind the Home tab
	form := inputs(strings.Join(regexp.MustCompile(`<input type="hidden"[^>]*>`).FindAllString(body, -1), ""))
	for _, kind := range []*regexp.Regexp{typed, areas, ticked} {
		for _, m := range kind.FindAllStringSubmatch(body, -1) {
			form.Add(m[1], html.UnescapeString(m[2]))
		}
	}
	for _, m := range menus.FindAllStringSubmatch(body, -1) {
		if one := chosen.FindStringSubmatch(m[2]); one != nil {
			form.Set(m[1], html.UnescapeString(one[1]))
		}
	}
	return body, form
}

// send presses a button of the dialog or the Home tab on p, with these fields
// filled in besides what is in the others.
func (b *browser) send(p page, button string, fields url.Values) page {
	b.t.Helper()
	body, form := b.window(p)
	number := ""
	for _, m := range presses.FindAllStringSubmatch(body, -1) {
		if html.UnescapeString(m[2]) == button {
			number = m[1]
		}
	}
	if number == "" {
		b.t.Fatalf("there is no button %q in\n%s", button, body)
	}
	for name, values := range fields {
		form[name] = values
	}
	form.Set("press", number)
	return b.post(b.world.address+"/press", form)
}

var input = regexp.MustCompile(`<input[^>]* name="([^"]*)"[^>]* value="([^"]*)"`)

func inputs(text string) url.Values {
	out := url.Values{}
	for _, m := range input.FindAllStringSubmatch(text, -1) {
		out.Add(m[1], html.UnescapeString(m[2]))
	}
	return out
}

// link is where the last link with this text leads.
func (b *browser) link(p page, text string) string {
	b.t.Helper()
	found := regexp.MustCompile(`<a [^>]*href="([^"]*)"[^>]*>`+regexp.QuoteMeta(text)+`</a>`).FindAllStringSubmatch(p.body, -1)
	if found == nil {
		b.t.Fatalf("there is no link %q on\n%s", text, p.body)
	}
	return html.UnescapeString(found[len(found)-1][1])
}

// decide is what one does on the consent page.
type decide struct {
	as     google.Person
	deny   bool
	untick string // scope, by its end
}

// consent opens an address that leads to the consent page, and decides there.
func (b *browser) consent(address string, d decide) page {
	b.t.Helper()
	return b.submit(b.open(address), d)
}

func (b *browser) submit(p page, d decide) page {
	b.t.Helper()
	if request := regexp.MustCompile(`account\?request=([A-Z0-9]+)`).FindStringSubmatch(p.body); request != nil { // also to another account
		p = b.open(b.world.address + "/google/o/oauth2/v2/account?request=" + request[1] + "&account=" + d.as.Sub)
	}
	if !strings.Contains(p.body, "wants to access your account") {
		b.t.Fatalf("no consent page, but %d:\n%s", p.status, p.body)
	}
	form := url.Values{"account": {d.as.Sub}, "decision": {"allow"}}
	if d.deny {
		form.Set("decision", "deny")
	}
	form.Set("request", inputs(p.body).Get("request"))
	for _, m := range regexp.MustCompile(`name="scope" value="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
		if d.untick == "" || !strings.HasSuffix(m[1], d.untick) {
			form.Add("scope", m[1])
		}
	}
	p = b.post(b.world.address+"/google/o/oauth2/v2/consent", form)
	if strings.Contains(p.body, "wants to access your account") { // what was given before is asked for anew, for a refresh token
		return b.submit(p, d)
	}
	return p
}

// connect goes through the whole consent from a direct message.
func (b *browser) connect() {
	b.t.Helper()
	b.consent(b.link(b.say("/connect"), "Configure"), decide{as: b.who})
	b.sees("You're connected")
}

func (b *browser) sees(texts ...string) page {
	b.t.Helper()
	return b.has(b.chat(), texts...)
}

// inspector is the part of the page that is for developers: it shows what
// nobody sees in Chat.
var inspector = regexp.MustCompile(`(?s)<aside id="inspector".*</aside>`)

// shows is what a person can read.
func (p page) shows() string { return html.UnescapeString(inspector.ReplaceAllString(p.body, "")) }

func (b *browser) has(p page, texts ...string) page {
	b.t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.shows(), text) {
			b.t.Fatalf("%q is not on the page:\n%s", text, p.body)
		}
	}
	return p
}

func (b *browser) missing(p page, texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		if strings.Contains(p.shows(), text) {
			b.t.Errorf("%q is on the page:\n%s", text, p.body)
		}
	}
}
