// Command local runs the whole of Deputy on this machine: the functions as they
// are deployed, against stand-ins for Google's accounts, the Chat API and Chat
// itself. It needs no Google account and no network, listens on loopback only,
// and forgets everything when it ends.
//
// main.go has the flags, program.go puts the parts together.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
	"time"

	"example.com/deputy/emulator/chatpage"
	"example.com/deputy/emulator/google"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/vault/memory"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "local: "+err.Error())
		os.Exit(1)
	}
}

// run serves until ctx ends. The address goes to out, log lines to log.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(log)
	addr := flags.String("addr", "127.0.0.1:8765", "loopback `address` to listen on; port 0 takes a free one")
	format := chatpage.Classic
	flags.TextVar(&format, "format", format, "`form` of Chat's events: classic or addon")
	behind := flags.String("google", "", "put Google itself behind the page, with the web client of this client_secrets.json `file`")
	other := flags.String("app", "", "send Chat's events to the app that this JSON `file` describes, in place of Deputy; see docs/local.md")
	var on []string
	flags.Func("fault", "switch a trouble on from the start, by its `name`; may be given again; see docs/local.md", func(name string) error {
		on = append(on, name)
		return nil
	})
	open := flags.Bool("open", true, "open the page in the browser")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; see -help", flags.Arg(0))
	}
	o := options{addr: *addr, log: log, now: time.Now, docs: &memory.Docs{}, base: googleauth.NewTransport(), format: format, callers: []byte(firstCallers)}
	var err error
	if *other != "" {
		o.app, err = readApp(*other)
	}
	if *behind != "" && err == nil {
		o.cloud, err = realGoogle(*behind)
	}
	if err != nil {
		return err
	}
	p, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer p.close()
	for _, name := range on {
		if err := p.google.SetSwitch(name, true); err != nil {
			return fmt.Errorf("-fault %s: %w; there are %s", name, err, switches())
		}
	}
	_, _ = fmt.Fprintf(out, "%s runs at %s (Ctrl-C ends it)\n%s", p.page.App, p.address, differs(o, p))
	if *open {
		browse(ctx, p.address)
	}
	<-ctx.Done()
	return nil
}

// differs says what is not as usual in this run.
func differs(o options, p *program) string {
	out := ""
	if o.cloud != nil {
		out += `Google itself is behind the page: who you are, the consent, the Chat API. What differs from Google Chat: the page plays
Chat, so that spaces and messages made at Google are seen in Google Chat only; events come from this page; tokens are
kept in memory, and forgotten at the end. This was never tried against live Google.
`
	}
	if o.app != nil {
		out += "Google's endpoints for the app are below " + p.address + "/google: /o/oauth2/v2/auth, /token, /revoke, /v1/spaces and so on.\n" +
			"Its OAuth client is " + p.google.ClientID + " with the secret " + p.google.ClientSecret + "; its project number is " + projectNumber + ".\n"
	}
	return out
}

// switches are the names of all troubles that can be switched on.
func switches() string {
	var names []string
	for _, s := range google.Switches() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// firstCallers is what an operator could have written, so that the form can be
// seen with a template.
const firstCallers = `# Who may call Deputy here, and the templates of its forms: docs/api.md
callers: []
templates:
  - name: Incident
    description: What is broken, since when, and who is on it
    guidelines: Facts first. One thread for each lead. Say when you leave.
    members: [grace@example.com]
    history: HISTORY_ON
    firstMessage: This is the place for the incident. What do we know?
    addTheApp: true
`

// listen opens a loopback address and no other: the stand-ins let anybody be
// anybody.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("-addr %q: it must look like 127.0.0.1:8765", addr)
	}
	if !config.Loopback(host) {
		return nil, fmt.Errorf("-addr %q: only addresses of this machine itself are allowed, such as 127.0.0.1:8765, since the stand-ins let anybody be anybody", addr)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program; choose another port, for example -addr 127.0.0.1:0 for a free one", addr)
	}
	return listener, err
}

// browse opens address in the person's browser; who has none reads the line.
func browse(ctx context.Context, address string) {
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // names of ours, and an address we listen on
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }() // whatever came of it, the address is printed
	}
}
