// Command deputy is the guide's quickstart on the desktop, and the operator's
// tool: it creates spaces as the person in front of it; it says who may call,
// shows who is connected, makes and rotates the keysets, keeps what is stored in
// order, and looks for faults.
//
// What operates reads the same variables as the functions (design section 11). Secrets
// come and go by standard input and output, never as arguments, so that they
// can be piped from and to Secret Manager without touching a disk. Each command
// has a file of its own.
//
// It ends with 0 when all is done, 64 when it was called wrongly, 75 when
// something does not answer and trying again may help, and 1 otherwise.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/tink-crypto/tink-go/v2/tink"

	"example.com/deputy/shared/callers"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/googlecall"
	"example.com/deputy/shared/grants"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/production"
	"example.com/deputy/shared/spaces"
)

// What the program ends with, as sysexits.h has it.
const (
	failed      = 1
	wrongUse    = 64
	tryingAgain = 75
)

// outside is what the program meets. Tests bring stand-ins; no flag and no
// variable can.
type outside struct {
	in       io.Reader
	out, err io.Writer
	terminal bool // out is one: secrets do not belong there
	columns  int  // of the terminal that err is; 0 when it is none
	open     func(context.Context) (*production.Parts, error)
	// store is where the file of callers is.
	store func(ctx context.Context, location string) (callers.Store, error)
	// log writes an audit line to the project's log.
	log    func(ctx context.Context, project string, line map[string]any) error
	kek    func(ctx context.Context, uri string) (tink.AEADWithContext, error)
	lookup func(string) (string, bool) // of the environment
	now    func() time.Time
	// configuration is the user's folder for it.
	configuration string
	// browse opens an address in the person's browser.
	browse func(address string) error
	// provider is Google for a client, verify who an ID token is of, spaces the
	// Chat API.
	provider func(client googleauth.Client, redirect string) *googleauth.Provider
	verify   func(ctx context.Context, clientID string, token config.Secret) (googleauth.Claims, error)
	spaces   func(ctx context.Context, actor googlecall.Actor) (*spaces.Spaces, error)
	delegate func(ctx context.Context, account string) (*grants.Delegated, error)
	// gcloud runs it with an operator's account, and gives what it prints.
	gcloud func(ctx context.Context, args ...string) ([]byte, error)
	// get asks an address.
	get func(ctx context.Context, address string) (status int, header http.Header, err error)
	// own is a service account's own token for an API of Google's, riscAPI where
	// that of RISC is.
	own     func(ctx context.Context, account, audience string) (config.Secret, error)
	riscAPI string
	// mint asks for a person's token by delegation, and drops it.
	mint func(ctx context.Context, account, email string, scopes []string) error
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], world())
	stop()
	os.Exit(code)
}

// drawer is where a person's own credential lies.
func (o outside) drawer() drawer { return drawer{o.configuration} }

// run does what args say and gives the code to end with.
func run(ctx context.Context, args []string, o outside) int {
	if o.columns > 0 {
		o.err = folded{o.err, o.columns}
	}
	root := commands(o) //nolint:contextcheck // its commands get it from ExecuteContext
	root.SetArgs(args)
	root.SetIn(o.in)
	root.SetOut(o.out)
	root.SetErr(o.err)
	understood := false
	root.PersistentPreRun = func(*cobra.Command, []string) { understood = true }
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintln(o.err, "deputy: "+sentence(err))
	_, usage := errors.AsType[*usageError](err)
	switch {
	case usage || !understood: // cobra's own checks come before a command runs
		return wrongUse
	case fault.KindOf(err) == fault.Unavailable:
		return tryingAgain
	default:
		return failed
	}
}

const deputyHelp = `Act in Google Chat as yourself (quickstart, space), and operate Deputy (the
others). What operates reads the same variables as the functions. Secrets come
by standard input and go by standard output.

It ends with 0 when all is done, 64 when it was called wrongly, 75 when trying
again may help, and 1 otherwise. deputy completion --help says how your shell
completes it.`

// commands are all of the program.
func commands(o outside) *cobra.Command {
	root := &cobra.Command{
		Use: "deputy", Short: "Act in Google Chat as yourself, and operate Deputy", SilenceUsage: true, SilenceErrors: true,
		Long: deputyHelp,
	}
	root.AddCommand(keysCommand(o), sweepCommand(o), doctorCommand(o), callersCommand(o), peopleCommand(o), templatesCommand(o), riscCommand(o), quickstartCommand(o), spaceCommand(o))
	// Help fits a terminal of 80 columns, whichever it is printed to.
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages", "FlagUsagesWrapped 80"))
	return root
}

// usageError is a call that a command itself cannot understand.
type usageError struct{ error }

// sentence is what an operator reads: what a person would, and the cause, for
// it is the operator who mends it. Secrets redact themselves.
func sentence(err error) string {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Public == fault.NoText {
		return err.Error()
	}
	public := i18n.In("en")(e.Public, e.Args...)
	if e.Err != nil {
		public += "\n" + e.Err.Error()
	}
	return public
}

// exactly wants n arguments, named by what.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return &usageError{fmt.Errorf("%s wants %s; see %s --help", c.CommandPath(), what, c.CommandPath())}
		}
		return nil
	}
}

// printJSON prints a result for programs.
func printJSON(o outside, result any) error {
	text, err := json.MarshalIndent(result, "", "  ")
	if err == nil {
		_, err = fmt.Fprintln(o.out, string(text))
	}
	return fault.Wrap("deputy", err)
}

// show prints what came of a command: as JSON, or one line for each number.
func show(o outside, asJSON bool, result any) error {
	text, err := json.Marshal(result)
	if err != nil {
		return fault.Wrap("deputy", err)
	}
	if asJSON {
		_, err = fmt.Fprintln(o.out, string(text))
		return fault.Wrap("deputy", err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return fault.Wrap("deputy", err)
	}
	for _, name := range sorted(fields) {
		value := fields[name]
		if text, err := json.Marshal(value); err == nil && len(text) > 0 && (text[0] == '{' || text[0] == '[') {
			value = string(text)
		}
		_, _ = fmt.Fprintf(o.out, "%-10s %v\n", name, value)
	}
	return nil
}
