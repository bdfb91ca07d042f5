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
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/emulator/google"
	"example.com/deputy/internal/seed"
	"example.com/deputy/internal/vaulttest"
	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/resource"
	"example.com/deputy/shared/vault/memory"
)

var (
	ada   = google.People()[0]
	grace = google.People()[1]
)

// world is a running program with its clock, store and log.
type world struct {
	*program
	docs  *vaulttest.Counting
	log   *logBuffer
	clock *clock
	twice bool // browsers fetch the addresses of a consent twice
}

type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) advance(d time.Duration) { c.ahead.Add(int64(d)) }

type logBuffer struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	onLine func(line string)
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.onLine != nil {
		l.onLine(string(p))
	}
	return l.buf.Write(p)
}

// watch calls f with each line before it is stored.
func (l *logBuffer) watch(f func(line string)) { l.mu.Lock(); defer l.mu.Unlock(); l.onLine = f }

func (l *logBuffer) String() string { l.mu.Lock(); defer l.mu.Unlock(); return l.buf.String() }

// newWorld returns a world whose Chat sends classic events.
func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldFormat(t, chatpage.Classic)
}

// inBothFormats runs a test with classic events and with add-on events.
func inBothFormats(t *testing.T, test func(*testing.T, *world)) {
	for _, format := range []chatpage.Format{chatpage.Classic, chatpage.AddOn} {
		t.Run(string(format), func(t *testing.T) {
			t.Parallel()
			test(t, newWorldFormat(t, format))
		})
	}
}

func newWorldFormat(t *testing.T, format chatpage.Format) *world {
	t.Helper()
	return newWorldWith(t, func(o *options) { o.format = format })
}

func newWorldWith(t *testing.T, change func(*options)) *world {
	t.Helper()
	w := &world{docs: &vaulttest.Counting{Docs: &memory.Docs{}}, log: &logBuffer{}, clock: &clock{}}
	strict := seed.Get(t)
	w.twice = strict != 0
	o := options{
		addr: "127.0.0.1:0", log: w.log, now: w.clock.now, docs: w.docs, base: googlecall.NewTransport(),
		secretMark: "MARKED", format: chatpage.Classic, strict: strict,
	}
	change(&o)
	p, err := start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	w.program = p
	return w
}

// count returns how often the functions called a Google method.
func (w *world) count(method string) int {
	n := 0
	for _, c := range w.google.Calls() {
		if c.Method == method || c.Method+" "+c.Detail == method {
			n++
		}
	}
	return n
}

// spaces returns the names of a person's spaces, without direct messages and the team's space.
func (w *world) spaces(p google.Person) []string {
	var out []string
	for _, s := range w.google.SpacesOf(p) {
		if !s.Direct && s.DisplayName != "Team" {
			out = append(out, s.DisplayName)
		}
	}
	return out
}

// browser is one person's browser. It keeps cookies and records every URL it requests.
type browser struct {
	t       *testing.T
	world   *world
	person  google.Person
	space   string // ID of the open space
	client  *http.Client
	visited []*url.URL
}

func (w *world) browser(t *testing.T, person google.Person) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{t: t, world: w, person: person, space: "DM" + person.Sub}
	b.client = &http.Client{Jar: jar, CheckRedirect: func(r *http.Request, _ []*http.Request) error {
		b.visited = append(b.visited, r.URL)
		return nil
	}}
	if w.twice {
		b.client.Transport = fetchTwice{}
	}
	return b
}

// fetchTwice fetches the addresses of a consent twice, as some browsers and extensions do, and shows the second answer.
type fetchTwice struct{}

func (fetchTwice) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodGet && consentAddress.MatchString(r.URL.Path) {
		first, err := http.DefaultTransport.RoundTrip(r.Clone(r.Context()))
		if err != nil {
			return nil, err
		}
		_ = first.Body.Close()
	}
	return http.DefaultTransport.RoundTrip(r)
}

var consentAddress = regexp.MustCompile(`^/oauthcallback/(start|callback)$`)

// page is a response as the browser shows it.
type page struct {
	url    *url.URL
	status int
	body   string
	header http.Header
}

func (b *browser) do(r *http.Request) page {
	b.t.Helper()
	b.visited = append(b.visited, r.URL)
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

// open opens an address. On Deputy's page before a first consent, it goes on with only what the command needs.
func (b *browser) open(address string) page {
	b.t.Helper()
	p := b.get(address)
	if strings.Contains(p.body, "&amp;ask=needed") {
		p = b.get(b.link(p, "Continue with only this"))
	}
	return p
}

func (b *browser) get(address string) page {
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

// chat opens the page that plays Chat.
func (b *browser) chat() page {
	b.t.Helper()
	return b.open(b.world.address + "/?as=" + b.person.Sub + "&in=" + b.space)
}

// say sends a message to the open space.
func (b *browser) say(text string) page {
	b.t.Helper()
	return b.post(b.world.address+"/send", url.Values{"as": {b.person.Sub}, "in": {b.space}, "text": {text}})
}

// press presses the last card button with this text.
func (b *browser) press(text string) page {
	b.t.Helper()
	form := regexp.MustCompile(`(?s)<form method="post" action="click" data-live>` +
		`((?:<input[^>]*>)*)<button>` + regexp.QuoteMeta(html.EscapeString(text)) + `</button>`)
	found := form.FindAllStringSubmatch(b.chat().body, -1)
	if found == nil {
		b.t.Fatalf("no button %q", text)
	}
	return b.post(b.world.address+"/click", parseInputs(found[len(found)-1][1]))
}

// quickCommand runs a quick command from the menu.
func (b *browser) quickCommand(id int) page {
	b.t.Helper()
	form := url.Values{"as": {b.person.Sub}, "in": {b.space}, "command": {strconv.Itoa(id)}}
	return b.post(b.world.address+"/quick", form)
}

// openHome opens the Home tab.
func (b *browser) openHome() page {
	b.t.Helper()
	return b.post(b.world.address+"/home", url.Values{"as": {b.person.Sub}, "in": {b.space}})
}

var (
	windowPattern   = regexp.MustCompile(`(?s)<form method="post" action="press" data-live class="window">(.*?)</form>`)
	buttonPattern   = regexp.MustCompile(`<button name="press" value="(\d+)"[^>]*>([^<]*)</button>`)
	textPattern     = regexp.MustCompile(`<input type="text" name="([^"]*)" value="([^"]*)"`)
	textareaPattern = regexp.MustCompile(`(?s)<textarea name="([^"]*)"[^>]*>(.*?)</textarea>`)
	checkedPattern  = regexp.MustCompile(`<input type="(?:checkbox|radio)" name="([^"]*)" value="([^"]*)" checked>`)
	selectPattern   = regexp.MustCompile(`(?s)<select name="([^"]*)">(.*?)</select>`)
	selectedPattern = regexp.MustCompile(`<option value="([^"]*)" selected>`)
)

// window returns the HTML and the field values of the open dialog or else of the Home tab.
func (b *browser) window(p page) (string, url.Values) {
	b.t.Helper()
	all := windowPattern.FindAllStringSubmatch(p.body, -1)
	if all == nil {
		b.t.Fatalf("no dialog or Home tab is open on\n%s", p.body)
	}
	body := all[len(all)-1][1] // the dialog comes after the Home tab
	form := parseInputs(strings.Join(regexp.MustCompile(`<input type="hidden"[^>]*>`).FindAllString(body, -1), ""))
	for _, kind := range []*regexp.Regexp{textPattern, textareaPattern, checkedPattern} {
		for _, m := range kind.FindAllStringSubmatch(body, -1) {
			form.Add(m[1], html.UnescapeString(m[2]))
		}
	}
	for _, m := range selectPattern.FindAllStringSubmatch(body, -1) {
		if selected := selectedPattern.FindStringSubmatch(m[2]); selected != nil {
			form.Set(m[1], html.UnescapeString(selected[1]))
		}
	}
	return body, form
}

// send sets fields of the dialog or Home tab on p and presses a button there. Other fields keep their values.
func (b *browser) send(p page, button string, fields url.Values) page {
	b.t.Helper()
	body, form := b.window(p)
	number := ""
	for _, m := range buttonPattern.FindAllStringSubmatch(body, -1) {
		if html.UnescapeString(m[2]) == button {
			number = m[1]
		}
	}
	if number == "" {
		b.t.Fatalf("no button %q in\n%s", button, body)
	}
	for name, values := range fields {
		form[name] = values
	}
	form.Set("press", number)
	return b.post(b.world.address+"/press", form)
}

var inputPattern = regexp.MustCompile(`<input[^>]* name="([^"]*)"[^>]* value="([^"]*)"`)

// parseInputs returns the names and values of the input elements in HTML.
func parseInputs(text string) url.Values {
	out := url.Values{}
	for _, m := range inputPattern.FindAllStringSubmatch(text, -1) {
		out.Add(m[1], html.UnescapeString(m[2]))
	}
	return out
}

// link returns the URL of the last link with this text.
func (b *browser) link(p page, text string) string {
	b.t.Helper()
	anchor := regexp.MustCompile(`<a [^>]*href="([^"]*)"[^>]*>` + regexp.QuoteMeta(text) + `</a>`)
	found := anchor.FindAllStringSubmatch(p.body, -1)
	if found == nil {
		b.t.Fatalf("no link %q on\n%s", text, p.body)
	}
	return html.UnescapeString(found[len(found)-1][1])
}

// decision is a person's choice on the consent page.
type decision struct {
	account google.Person
	deny    bool
	untick  string // suffixes of scopes to leave unselected
}

// consent opens a URL that leads to the consent page, and submits the choice there.
func (b *browser) consent(address string, d decision) page {
	b.t.Helper()
	return b.submit(b.open(address), d)
}

// submit submits the choice on the consent page p, and on the page that asks again.
func (b *browser) submit(p page, d decision) page {
	b.t.Helper()
	chooser := regexp.MustCompile(`account\?request=([A-Z0-9]+)`)
	if request := chooser.FindStringSubmatch(p.body); request != nil { // switch to the chosen account
		p = b.open(b.world.address + "/google/o/oauth2/v2/account?request=" + request[1] + "&account=" + d.account.Sub)
	}
	if !strings.Contains(p.body, "wants to access your account") {
		b.t.Fatalf("not a consent page: %d\n%s", p.status, p.body)
	}
	form := url.Values{"account": {d.account.Sub}, "decision": {"allow"}}
	if d.deny {
		form.Set("decision", "deny")
	}
	form.Set("request", parseInputs(p.body).Get("request"))
	for _, m := range regexp.MustCompile(`name="scope" value="([^"]*)"`).FindAllStringSubmatch(p.body, -1) {
		isLeft := func(suffix string) bool { return strings.HasSuffix(m[1], suffix) }
		if !slices.ContainsFunc(strings.Fields(d.untick), isLeft) {
			form.Add("scope", m[1])
		}
	}
	p = b.post(b.world.address+"/google/o/oauth2/v2/consent", form)
	// Deputy asks again if Google sent no refresh token, as for an account that consented before.
	if strings.Contains(p.body, "wants to access your account") {
		return b.submit(p, d)
	}
	return p
}

// connect connects the person for CreateSpaces alone, by a link as a system gets it.
func (b *browser) connect() {
	b.t.Helper()
	link, err := b.world.consent.Invite(b.t.Context(), resource.Named(b.person.User()), config.Secret{},
		capability.CreateSpaces)
	if err != nil {
		b.t.Fatal(err)
	}
	b.wantText(b.consent(link.Reveal(), decision{account: b.person}), "You're connected")
}

// wantChat fails the test unless the Chat page shows the texts.
func (b *browser) wantChat(texts ...string) page {
	b.t.Helper()
	return b.wantText(b.chat(), texts...)
}

// inspectorPattern matches the developers' part of the page, which Chat does not have.
var inspectorPattern = regexp.MustCompile(`(?s)<aside id="inspector".*</aside>`)

// visibleText returns the HTML that a person sees, unescaped.
func (p page) visibleText() string {
	return html.UnescapeString(inspectorPattern.ReplaceAllString(p.body, ""))
}

// wantText fails the test unless p shows the texts. It returns p.
func (b *browser) wantText(p page, texts ...string) page {
	b.t.Helper()
	for _, text := range texts {
		if !strings.Contains(p.visibleText(), text) {
			b.t.Fatalf("%q is not on the page:\n%s", text, p.body)
		}
	}
	return p
}

// wantNoText reports an error for each of the texts that p shows.
func (b *browser) wantNoText(p page, texts ...string) {
	b.t.Helper()
	for _, text := range texts {
		if strings.Contains(p.visibleText(), text) {
			b.t.Errorf("%q is on the page:\n%s", text, p.body)
		}
	}
}
