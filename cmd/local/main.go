// Command local runs all of Deputy's functions on this machine, against emulators of Google's accounts, the Chat API
// and Chat itself. It needs no Google account and no network, listens on loopback only, and keeps its data in memory.
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
	"example.com/deputy/shared/googlecall"
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

// run serves until ctx ends. It prints the page's address to out and logs to log.
func run(ctx context.Context, args []string, out, log io.Writer) error {
	flags := flag.NewFlagSet("local", flag.ContinueOnError)
	flags.SetOutput(log)
	addr := flags.String("addr", "127.0.0.1:8765", "loopback `address` to listen on; port 0 picks a free one")
	format := chatpage.Classic
	flags.TextVar(&format, "format", format, "`format` of Chat's events: classic or addon")
	clientFile := flags.String("google", "", "use real Google, with the web client in this client_secrets.json `file`")
	appFile := flags.String("app", "", "send Chat's events to the app in this JSON `file`, not Deputy: docs/local.md")
	var faults []string
	flags.Func("fault", "turn on the fault with this `name`; repeatable; see docs/local.md", func(name string) error {
		faults = append(faults, name)
		return nil
	})
	strict := flags.Uint64("strict", 0, "`seed` of the hardest shapes of Google's answers; see docs/local.md")
	open := flags.Bool("open", true, "open the page in the browser")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unexpected argument %q; see -help", flags.Arg(0))
	}
	o := options{addr: *addr, log: log, now: time.Now, docs: &memory.Docs{}, format: format, strict: *strict}
	o.base, o.callersYAML, o.sandbox = googlecall.NewTransport(), []byte(sampleCallers), true
	var err error
	if *appFile != "" {
		o.app, err = readApp(*appFile)
	}
	if *clientFile != "" && err == nil {
		o.realGoogle, err = loadGoogleBackend(*clientFile)
	}
	if err != nil {
		return err
	}
	p, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer p.close()
	for _, name := range faults {
		if err := p.google.SetSwitch(name, true); err != nil {
			return fmt.Errorf("-fault %s: %w; the names are %s", name, err, faultNames())
		}
	}
	_, _ = fmt.Fprintf(out, "%s runs at %s (press Ctrl-C to stop)\n%s", p.page.App, p.address, startupNotes(o, p))
	if *open {
		openBrowser(ctx, p.address)
	}
	<-ctx.Done()
	return nil
}

// startupNotes explains how to call the HTTP API, or a run with real Google or another app.
func startupNotes(o options, p *program) string {
	if o.realGoogle == nil && o.app == nil {
		return p.apiNotes()
	}
	out := ""
	if o.realGoogle != nil {
		out += `This page uses real Google. Spaces and messages that you create appear in Google Chat, not on this page.
Tokens are kept in memory until you stop the program. This mode was never tested against live Google.
`
	}
	if o.app != nil {
		out += "Google's endpoints for the app are under " + p.address + "/google, such as /o/oauth2/v2/auth.\n" +
			"Its OAuth client is " + p.google.ClientID + " with the secret " + p.google.ClientSecret +
			"; its project number is " + projectNumber + ".\n"
	}
	return out
}

// faultNames lists the values that -fault accepts.
func faultNames() string {
	var names []string
	for _, s := range google.Switches() {
		names = append(names, s.Name)
	}
	return strings.Join(names, ", ")
}

// sampleCallers is a callers file with a caller that may do everything, and a template for the form.
const sampleCallers = `# Callers of this Deputy, and templates for its forms: docs/api.md
callers:
  - id: sandbox
    kind: service-account
    uniqueId: "109000000000000000100"
    email: sandbox@deputy-local.iam.gserviceaccount.com
    name: Sandbox
    actions: [spaces.create, spaces.read, spaces.update, spaces.delete, members.read, members.write,
      messages.create, messages.update, messages.delete, meetings.create, people.read, people.invite,
      people.connect, people.disconnect, templates.read, templates.write, sweep]
    domains: [example.com]
    authorities: [user, admin, delegation]
    administrators: [alan@example.com]
templates:
  - name: Incident
    description: What is broken, since when, and who is on it
    guidelines: Facts first. One thread for each lead. Say when you leave.
    members: [grace@example.com]
    history: HISTORY_ON
    firstMessage: This is the place for the incident. What do we know?
    addTheApp: true
`

// listen opens a loopback address only, because the emulators let anyone sign in as anyone.
func listen(ctx context.Context, addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, fmt.Errorf("-addr %q: must look like 127.0.0.1:8765", addr)
	}
	if !config.IsLoopback(host) {
		return nil, fmt.Errorf("-addr %q: must be a loopback address, such as 127.0.0.1:8765", addr)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program; choose another port, or any: -addr 127.0.0.1:0", addr)
	}
	return listener, err
}

// openBrowser opens address in the default browser. It ignores errors, because run prints the address.
func openBrowser(ctx context.Context, address string) {
	name, args := "xdg-open", []string{address}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", address}
	}
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // fixed names, and an address we listen on
	if cmd.Start() == nil {
		go func() { _ = cmd.Wait() }()
	}
}
