package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"example.com/deputy/internal/chromiumtest"
	"example.com/deputy/shared/i18n"
)

// pseudo is a made-up language: English with accents, in brackets, and longer.
const pseudo = "en-XA"

// TestPseudoLocale checks that one file is enough to add a language. It builds this test with that file added, and the
// inner run looks at each page: nothing is untranslated and nothing is cut.
func TestPseudoLocale(t *testing.T) {
	t.Parallel()
	if i18n.Language(pseudo) == pseudo {
		lookAtPages(t)
		return
	}
	chromiumtest.Tab(t, "the pages in another language") // skips if there is no browser
	folder := t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	locales := filepath.Join(root, "shared", "i18n", "locales")
	overlay := map[string]map[string]string{"Replace": {
		filepath.Join(locales, pseudo+".json"): filepath.Join(folder, pseudo+".json"),
	}}
	write(t, filepath.Join(folder, "overlay.json"), overlay)
	write(t, filepath.Join(folder, pseudo+".json"), pseudoTexts(t, filepath.Join(locales, "en.json")))

	program := filepath.Join(folder, "local.test")
	build := exec.CommandContext(t.Context(), "go", "test", "-c", "-overlay", filepath.Join(folder, "overlay.json"),
		"-o", program, ".")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	run := exec.CommandContext(t.Context(), program, "-test.run", "^TestPseudoLocale$", "-test.v", "-pictures",
		*screenshotDir)
	out, err := run.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestPseudoLocale/approval") {
		t.Errorf("%v: %s", err, out)
	}
}

func write(t *testing.T, file string, value any) {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// pseudoTexts translates the English texts.
func pseudoTexts(t *testing.T, file string) map[string]any {
	t.Helper()
	source, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var texts map[string]any
	if err := json.Unmarshal(source, &texts); err != nil {
		t.Fatal(err)
	}
	for key, value := range texts {
		switch value := value.(type) {
		case string:
			if key != "time.layout" { // no text, but how to write a time
				texts[key] = accented(value)
			}
		case map[string]any:
			for form, text := range value {
				value[form] = accented(text.(string))
			}
		}
	}
	return texts
}

var (
	verb    = regexp.MustCompile(`%(\[\d+\])?[a-z]|$`)
	accents = strings.NewReplacer(
		"a", "á", "e", "é", "i", "í", "o", "ó", "u", "ú", "c", "ç", "n", "ñ", "s", "š", "t", "ţ",
		"A", "Á", "E", "É", "I", "Í", "O", "Ó", "U", "Ú", "C", "Ç", "N", "Ñ", "S", "Š", "T", "Ţ",
	)
)

// accented makes a text a third longer.
func accented(text string) string {
	var b strings.Builder
	b.WriteString("⟦")
	rest := 0
	for _, at := range verb.FindAllStringIndex(text, -1) {
		b.WriteString(accents.Replace(text[rest:at[0]]) + text[at[0]:at[1]])
		rest = at[1]
	}
	return b.String() + strings.Repeat("·", 1+len(text)/3) + "⟧"
}

// setLanguage sets the language that the browser asks for.
func (c *chromium) setLanguage(language string) {
	c.t.Helper()
	c.do(chromedp.Func(func(ctx context.Context, tab *chromedp.Target) error {
		_, err := cdp.Call(ctx, tab, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{
			UserAgent: "Mozilla/5.0", AcceptLanguage: language,
		})
		return err
	}))
}

// lookAtPages runs in the build that has the language.
func lookAtPages(t *testing.T) {
	w := newUnapprovedWorld(t)
	c := openChromium(t)
	c.setLanguage(pseudo)
	t.Run("permission missing", func(t *testing.T) {
		c.open(w, "")
		c.do(c.typeMessage("/createspace Launch plan"), chromedp.WaitVisible(chromedp.CSS("a.configure")))
		c.do(chromedp.Click(chromedp.CSS("a.configure")))
		c.chooseNeeded()
		const clear = "document.querySelectorAll('[name=scope][type=checkbox]').forEach(e => e.checked = false)"
		evaluate[bool](c, clear+" === undefined")
		c.do(chromedp.Click(chromedp.ID("allow")), chromedp.WaitVisible(chromedp.CSS("main .app")))
		c.translated(t, "pseudo-permission-missing", "main")
	})
	t.Run("connected", func(t *testing.T) {
		w.browser(t, ada).connect() // finds its way by the English texts
		settings := request(t, http.MethodPut, w.address+"/script/settings",
			[]byte(`{"format": "classic", "locale": "`+pseudo+`"}`))
		if got, err := http.DefaultClient.Do(settings); err != nil || got.StatusCode != http.StatusOK {
			t.Fatalf("%v, %v", got, err)
		}
		c.do(chromedp.Navigate(w.address+"/oauthcallback/connected"), chromedp.WaitVisible(chromedp.CSS("main.good")))
		c.translated(t, "pseudo-connected", "main")
	})
	t.Run("home", func(t *testing.T) {
		c.open(w, "")
		c.do(chromedp.Click(chromedp.CSS(".tabs button")), chromedp.WaitVisible(chromedp.CSS(".home .card")))
		c.translated(t, "pseudo-home", ".home .card")
	})
	t.Run("form", func(t *testing.T) {
		c.open(w, "")
		c.do(chromedp.Click(chromedp.CSS(".quick form button")),
			chromedp.WaitVisible(chromedp.CSS(".dialog input[name=name]")))
		c.translated(t, "pseudo-form", ".dialog .card")
	})
	t.Run("approval", func(t *testing.T) {
		c.do(chromedp.Navigate(w.invitation(t, "approval_required")), chromedp.WaitVisible(chromedp.ID("allow")))
		c.do(chromedp.Click(chromedp.ID("allow")))
		c.allowAgain() // the link asks for more than she is connected for
		c.do(chromedp.WaitVisible(chromedp.CSS("form[action$=approve]")))
		c.translated(t, "pseudo-approval", "main")
	})
}

// What a page shows that is no text of Deputy's: names, addresses, commands, and what a person typed.
var data = regexp.MustCompile(`\S+@\S+|/[a-z]+|Deputy|Incidents?|Ada Lovelace|Grace Hopper|Alan Turing|` +
	`Launch plan|Create a space|My connection`)

// translated takes a picture of a part of the page, and complains about text
// outside the brackets and about text that does not fit.
func (c *chromium) translated(t *testing.T, name, part string) {
	t.Helper()
	c.screenshot(name)
	texts := evaluate[[]string](c, `(() => {
		const texts = [], root = document.querySelector(`+"`"+part+"`"+`);
		const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
		while (walk.nextNode()) texts.push(walk.currentNode.textContent.trim());
		for (const e of root.querySelectorAll('[placeholder],[title],[aria-label]'))
			texts.push(e.placeholder || '', e.title, e.getAttribute('aria-label') || '');
		return texts.filter(t => t);
	})()`)
	plain, brackets := 0, 0
	for _, text := range texts {
		if strings.Contains(text, "⟦") {
			brackets++
		}
		if outside := strings.Trim(data.ReplaceAllString(outsideBrackets(text), ""), " ./"); outside != "" {
			plain++
			t.Errorf("%s: %q of %q is not translated", name, outside, text)
		}
	}
	if brackets < 3 {
		t.Errorf("%s: only %d texts: %q", name, brackets, texts)
	}
	cut := evaluate[[]string](c, `[document.documentElement, ...document.querySelectorAll(`+"`"+part+", "+part+" *`"+`)]
		.filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)
		.filter(e => getComputedStyle(e).display !== 'inline' && !/^(INPUT|TEXTAREA|SELECT)$/.test(e.tagName))
		.map(e => e.tagName + ': ' + e.textContent.slice(0, 80))`)
	for _, text := range cut {
		t.Errorf("%s: does not fit: %s", name, text)
	}
}

// outsideBrackets returns what is not in brackets, which may be nested.
func outsideBrackets(text string) string {
	var b strings.Builder
	depth := 0
	for _, r := range text {
		switch {
		case r == '⟦':
			depth++
		case r == '⟧':
			depth--
		case depth == 0 && strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@/. ", r):
			b.WriteRune(r)
		}
	}
	return b.String()
}
