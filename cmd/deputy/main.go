// Command deputy creates Google Chat spaces as the person who runs it, and operates a deployed Deputy. It manages
// callers, people, templates, keysets and security events, sweeps the store, and checks a deployment.
//
// Operator commands read the same environment variables as the functions (docs/setup.md). Keysets pass through
// standard input and output, never arguments, so that they can be piped to Secret Manager without touching a disk.
//
// The exit status is 0 on success, 64 on a usage error, 75 on a temporary failure, and 1 on any other failure.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"regexp"
	"slices"
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

// Exit statuses, as in sysexits.h.
const (
	exitFailure   = 1
	exitUsage     = 64
	exitTemporary = 75
)

// deps holds the program's dependencies. Only tests replace them; no flag or environment variable does.
type deps struct {
	in         io.Reader
	out, err   io.Writer
	isTerminal bool // whether out is a terminal, which gets no secrets
	columns    int  // width of the terminal that err is, or 0
	lookupEnv  func(string) (string, bool)
	now        func() time.Time
	configDir  string // the user's configuration directory for Deputy

	// open opens the store with the functions' variables.
	open        func(ctx context.Context, lookup func(string) (string, bool)) (*production.Parts, error)
	openCallers func(ctx context.Context, location string) (callers.Store, error)
	// setQuotaProject sets the project that Google counts calls with the operator's own credentials for.
	setQuotaProject func(project string)
	writeLog        func(ctx context.Context, project string, line map[string]any) error
	openKEK         func(ctx context.Context, uri string) (tink.AEADWithContext, error)
	openBrowser     func(url string) error

	newProvider  func(client googleauth.Client, redirect string) *googleauth.Provider
	verifyID     func(ctx context.Context, clientID string, token config.Secret) (googleauth.Claims, error)
	newSpaces    func(ctx context.Context, actor googlecall.Actor) (*spaces.Spaces, error)
	newDelegated func(ctx context.Context, account string) (*grants.Delegated, error)

	// gcloud runs gcloud with the operator's account and returns its output.
	gcloud func(ctx context.Context, args ...string) ([]byte, error)
	get    func(ctx context.Context, url string) (status int, header http.Header, err error)
	// accountToken returns a service account's own token for a Google API.
	accountToken func(ctx context.Context, account, audience string) (config.Secret, error)
	riscAPI      string // base URL of the RISC API
	// tryDelegation requests a person's token by delegation and discards it.
	tryDelegation func(ctx context.Context, account, email string, scopes []string) error
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	slog.SetDefault(slog.New(slog.DiscardHandler)) // people read errors, not the log of packages
	code := run(ctx, os.Args[1:], newDeps())
	stop()
	os.Exit(code)
}

// credentials returns the store of the person's own credential.
func (d deps) credentials() credentialStore { return credentialStore{d.configDir} }

// run runs the command in args and returns the exit status.
func run(ctx context.Context, args []string, d deps) int {
	d.out, d.err = escapingWriter{d.out}, escapingWriter{d.err}
	if d.columns > 0 {
		d.err = foldingWriter{d.err, d.columns}
	}
	root := rootCommand(d) //nolint:contextcheck // its commands get it from ExecuteContext
	root.SetArgs(args)
	root.SetIn(d.in)
	root.SetOut(d.out)
	root.SetErr(d.err)
	parsed := false
	root.PersistentPreRun = func(c *cobra.Command, _ []string) {
		parsed = true
		if project := d.quotaProject(c); project != "" {
			d.setQuotaProject(project)
		}
	}
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintln(d.err, "deputy: "+errorText(err))
	_, usage := errors.AsType[*usageError](err)
	switch {
	case usage || !parsed: // cobra checks flags and arguments before a command runs
		return exitUsage
	case fault.KindOf(err) == fault.Unavailable:
		return exitTemporary
	default:
		return exitFailure
	}
}

var keyProject = regexp.MustCompile(`^gcp-kms://projects/([^/]+)/`)

// quotaProject returns the project that Google counts a command's calls for, or "": its own, or that of its key. It
// replaces the one that gcloud auth application-default login chose, which may lack an API or refuse the operator.
func (d deps) quotaProject(c *cobra.Command) string {
	if kek := c.Flags().Lookup("kek"); kek != nil {
		if m := keyProject.FindStringSubmatch(kek.Value.String()); m != nil {
			return m[1]
		}
	}
	if project := c.Flags().Lookup("project"); project != nil && project.Value.String() != "" {
		return project.Value.String()
	}
	project, _ := d.lookupEnv("GOOGLE_CLOUD_PROJECT")
	return project
}

const rootHelp = `Act in Google Chat as yourself (quickstart, space), or operate Deputy (all other
commands). Operator commands read the same environment variables as the
functions. Keysets are read from standard input and written to standard output.

The exit status is 0 on success, 64 on a usage error, 75 on a temporary failure,
and 1 on any other failure. To set up shell completion, see
deputy completion --help.`

// rootCommand returns the program's command tree.
func rootCommand(d deps) *cobra.Command {
	root := &cobra.Command{
		Use: "deputy", Short: "Act in Google Chat as yourself, and operate Deputy", Long: rootHelp,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.AddCommand(
		keysCommand(d), sweepCommand(d), doctorCommand(d), callersCommand(d), peopleCommand(d), templatesCommand(d),
		riscCommand(d), quickstartCommand(d), spaceCommand(d),
	)
	// Help always fits 80 columns, so that docs/cli.md does not depend on a terminal.
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages", "FlagUsagesWrapped 80"))
	return root
}

// groupCommand returns a command that only holds subcommands.
func groupCommand(use, short, help string) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: help, Args: exactArgs(0, "a subcommand"),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
}

// usageError is a usage error that a command detects.
type usageError struct{ error }

// errorText returns the message of err for an operator: the public text and,
// because the operator fixes it, the cause. Secrets redact themselves.
func errorText(err error) string {
	e, ok := errors.AsType[*fault.Error](err)
	if !ok || e.Public == fault.NoText {
		return err.Error()
	}
	args := make([]any, len(e.Args))
	for i, arg := range e.Args {
		args[i] = arg
		if s, ok := arg.(string); ok {
			args[i] = oneLine(s)
		}
	}
	public := i18n.In("en")(e.Public, args...)
	if e.Err != nil {
		public += "\n" + e.Err.Error()
	}
	return public
}

// exactArgs requires n arguments, which want describes.
func exactArgs(n int, want string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return &usageError{fmt.Errorf("%s: expected %s; see %s --help", c.CommandPath(), want, c.CommandPath())}
		}
		return nil
	}
}

// printJSON prints result as indented JSON.
func (d deps) printJSON(result any) error {
	text, err := json.MarshalIndent(result, "", "  ")
	if err == nil {
		_, err = fmt.Fprintln(d.out, string(text))
	}
	return fault.Wrap("deputy", err)
}

// printResult prints result as one line of JSON, or as one line for each field.
func (d deps) printResult(asJSON bool, result any) error {
	text, err := json.Marshal(result)
	if err != nil {
		return fault.Wrap("deputy", err)
	}
	if asJSON {
		_, err = fmt.Fprintln(d.out, string(text))
		return fault.Wrap("deputy", err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return fault.Wrap("deputy", err)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		value := fields[name]
		text, err := json.Marshal(value)
		if err == nil && len(text) > 0 && (text[0] == '{' || text[0] == '[') {
			value = string(text)
		}
		_, _ = fmt.Fprintf(d.out, "%-10s %v\n", name, value)
	}
	return nil
}
