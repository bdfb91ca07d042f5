package chatpage

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// pressButton returns the request that a browser sends when its person changed nothing and pressed the button of this
// text on a page.
func pressButton(ctx context.Context, page *url.URL, text, button string) (*http.Request, error) {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	for form := range root.Descendants() {
		if form.DataAtom != atom.Form {
			continue
		}
		for b := range form.Descendants() {
			if b.DataAtom != atom.Button || strings.TrimSpace(textOf(b)) != button {
				continue
			}
			values := fieldsOf(form)
			values.Add(attribute(b, "name"), attribute(b, "value"))
			action, err := page.Parse(attribute(form, "action"))
			if err != nil {
				return nil, err
			}
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, action.String(),
				strings.NewReader(values.Encode()))
			if err != nil {
				return nil, err
			}
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			return r, nil
		}
	}
	return nil, fmt.Errorf("the page has no button %q", button)
}

// findLink returns the address of the link with a text on a page; of the first link if the text is empty. A page
// without links has none.
func findLink(page *url.URL, text, wanted string) (*url.URL, error) {
	root, err := html.Parse(strings.NewReader(text))
	if err != nil {
		return nil, err
	}
	for n := range root.Descendants() {
		if n.DataAtom == atom.A && (wanted == "" || strings.TrimSpace(textOf(n)) == wanted) {
			return page.Parse(attribute(n, "href"))
		}
	}
	if wanted != "" {
		return nil, fmt.Errorf("the page has no link %q", wanted)
	}
	return nil, nil //nolint:nilnil // the page has none
}

// fieldsOf returns what a form sends without its buttons: hidden fields and ticked boxes.
func fieldsOf(form *html.Node) url.Values {
	out := url.Values{}
	for n := range form.Descendants() {
		isBox := slices.Contains([]string{"checkbox", "radio"}, attribute(n, "type"))
		ticked := slices.ContainsFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "checked" })
		if n.DataAtom == atom.Input && (!isBox || ticked) {
			out.Add(attribute(n, "name"), attribute(n, "value"))
		}
	}
	return out
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func textOf(n *html.Node) string {
	var b strings.Builder
	for d := range n.Descendants() {
		if d.Type == html.TextNode {
			b.WriteString(d.Data)
		}
	}
	return b.String()
}

// readPage returns a response's text, and closes it.
func readPage(res *http.Response) (string, error) {
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return string(text), err
}
