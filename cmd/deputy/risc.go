package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
)

const riscHelp = `Configure where Google sends the security events of Cross-Account Protection
(RISC), show the configuration, and request a test event.

The commands act as a service account that has roles/riscconfigs.admin in the
project of the OAuth client. They need no key, but you need
roles/iam.serviceAccountTokenCreator on that account (gcloud auth
application-default login). First, enable risc.googleapis.com and accept its
terms in the console.`

// Values that the RISC API expects (identity/protocols/risc).
const (
	riscAudience = "https://risc.googleapis.com/google.identity.risc.v1beta.RiscManagementService"
	riscPush     = "https://schemas.openid.net/secevent/risc/delivery-method/push"
	riscTimeout  = 30 * time.Second
)

// riscEvents are the event types that Deputy acts on. Google sends verification
// events without a request for their type.
var riscEvents = []string{
	"https://schemas.openid.net/secevent/risc/event-type/sessions-revoked",
	"https://schemas.openid.net/secevent/risc/event-type/account-credential-change-required",
	"https://schemas.openid.net/secevent/risc/event-type/account-disabled",
	"https://schemas.openid.net/secevent/risc/event-type/account-purged",
	"https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked",
	"https://schemas.openid.net/secevent/oauth/event-type/token-revoked",
}

// stream is the configuration of an event stream.
type stream struct {
	Delivery struct {
		Method string `json:"delivery_method"`
		URL    string `json:"url"`
	} `json:"delivery"`
	Events []string `json:"events_requested"`
	Status string   `json:"status,omitempty"`
}

// risc holds the flags of the risc commands.
type risc struct {
	deps
	account string
	asJSON  bool
}

func riscCommand(d deps) *cobra.Command {
	c := groupCommand("risc", "Configure Google's security events (RISC)", riscHelp)
	r := &risc{deps: d}
	c.PersistentFlags().StringVar(&r.account, "account", "", "service `account` with roles/riscconfigs.admin")
	c.PersistentFlags().BoolVar(&r.asJSON, "json", false, "print JSON")
	status := &cobra.Command{
		Use: "status", Short: "Show where Google sends events", Args: exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error { return r.printStatus(c.Context()) },
	}
	c.AddCommand(r.setCommand(), status, r.verifyCommand())
	return c
}

const riscSetHelp = `Set where Google sends events, and turn events on. The address is that of the
function SecurityEvent, in a domain that the consent screen lists as authorized.
With --off, Google drops events and does not keep them for later.`

func (r *risc) setCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "set", Short: "Set where Google sends events, or turn events off", Long: riscSetHelp,
		Args: exactArgs(0, "no arguments"),
	}
	address := c.Flags().String("address", "", "https `address` of the function SecurityEvent")
	off := c.Flags().Bool("off", false, "turn events off")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if (*address == "") != *off {
			return &usageError{errors.New("use either --address https://chat.example.com/SecurityEvent or --off")}
		}
		status := "disabled"
		if !*off {
			status = "enabled"
			if u, err := url.Parse(*address); err != nil || u.Scheme != "https" || u.Host == "" || u.Fragment != "" {
				return &usageError{fmt.Errorf("--address: %q is not an https address", *address)}
			}
			config := stream{Events: riscEvents}
			config.Delivery.Method, config.Delivery.URL = riscPush, *address
			if err := r.call(c.Context(), http.MethodPost, "stream:update", config, nil); err != nil {
				return err
			}
		}
		body := map[string]string{"status": status}
		if err := r.call(c.Context(), http.MethodPost, "stream/status:update", body, nil); err != nil {
			return err
		}
		return r.printStatus(c.Context())
	}
	return c
}

func (r *risc) printStatus(ctx context.Context) error {
	var config, state stream
	if err := r.call(ctx, http.MethodGet, "stream", nil, &config); err != nil {
		return err
	}
	if err := r.call(ctx, http.MethodGet, "stream/status", nil, &state); err != nil {
		return err
	}
	config.Status = state.Status
	if r.asJSON {
		return r.printJSON(config)
	}
	_, _ = fmt.Fprintf(r.out, "status  %s\naddress %s\n", config.Status, config.Delivery.URL)
	for _, e := range config.Events {
		_, _ = fmt.Fprintf(r.out, "event   %s\n", e[strings.LastIndex(e, "/")+1:])
	}
	return nil
}

func (r *risc) verifyCommand() *cobra.Command {
	c := &cobra.Command{Use: "verify", Short: "Request a test event from Google", Args: exactArgs(0, "no arguments")}
	c.RunE = func(c *cobra.Command, _ []string) error {
		body := map[string]string{"state": rand.Text()}
		if err := r.call(c.Context(), http.MethodPost, "stream:verify", body, nil); err != nil {
			return err
		}
		if r.asJSON {
			return r.printJSON(body)
		}
		_, _ = fmt.Fprintf(r.out, "Google sends a test event. It has arrived when Cloud Logging finds this line:\n\n"+
			"  jsonPayload.state=\"%s\"\n\n"+
			"If it finds nothing, look for \"not in OAUTH_CLIENT_ID\". Then add the IDs of all\n"+
			"OAuth clients of the project, desktop clients too, to OAUTH_CLIENT_ID of\n"+
			"deputy-securityevent.\n", body["state"])
		return nil
	}
	return c
}

// call sends a request to the RISC API as the service account. It encodes in as
// the body and decodes the response into out; either may be nil.
func (r *risc) call(ctx context.Context, method, path string, in, out any) error {
	if !strings.HasSuffix(r.account, ".iam.gserviceaccount.com") {
		return &usageError{errors.New("no service account; set --account deputy-risc@PROJECT.iam.gserviceaccount.com")}
	}
	ctx, cancel := context.WithTimeout(ctx, riscTimeout)
	defer cancel()
	token, err := r.accountToken(ctx, r.account, riscAudience)
	if err != nil {
		return err
	}
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return fault.Wrap("deputy.risc", err)
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, r.riscAPI+path, body)
	if err != nil {
		return fault.Wrap("deputy.risc", err)
	}
	return sendRISC(req, token, out)
}

func sendRISC(req *http.Request, token config.Secret, out any) error {
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return riscUnavailable(fmt.Errorf("the RISC API is not responding: %w", err))
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return riscUnavailable(fmt.Errorf("the response of the RISC API is incomplete: %w", err))
	case res.StatusCode != http.StatusOK:
		return riscError(res.StatusCode, text)
	case out == nil:
		return nil
	}
	return fault.Wrap("deputy.risc", json.Unmarshal(text, out))
}

func riscUnavailable(err error) error {
	return &fault.Error{Op: "deputy.risc", Kind: fault.Unavailable, Err: err}
}

// riscError returns the error for a refusal, with what the operator can do (identity/protocols/risc).
func riscError(status int, text []byte) error {
	var body struct {
		Error struct{ Message string }
	}
	_ = json.Unmarshal(text, &body) // without a message, the status has to do
	var fix string
	switch {
	case status == http.StatusNotFound:
		fix = "no event stream is configured; run deputy risc set --address"
	case strings.Contains(body.Error.Message, "domains"):
		fix = "add the address's domain to the authorized domains in Google Auth Platform > Branding"
	case strings.Contains(body.Error.Message, "delivery method"):
		fix = "Firebase uses this project's security events; turn off its Google sign-in, or use another project for" +
			" Deputy's client"
	case status == http.StatusForbidden:
		fix = "the service account needs roles/riscconfigs.admin in the project of the OAuth client; that project" +
			" needs a consent screen, and risc.googleapis.com enabled with its terms accepted"
	case status == http.StatusUnauthorized:
		fix = "Google rejected the service account's token; check the account and this machine's clock"
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests:
		return riscUnavailable(fmt.Errorf("the RISC API: status %d", status))
	default:
		fix = "check the flags of this command"
	}
	return fmt.Errorf("the RISC API refused the request (status %d: %s); %s", status, body.Error.Message, fix)
}
