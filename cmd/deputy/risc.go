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

const riscHelp = `Tell Google where to send the security events of Cross-Account Protection
(RISC), look at what it has, and let it send a trial.

It is done as a service account with roles/riscconfigs.admin, in the project of
the OAuth client, and without a key: IAM signs for whoever has
roles/iam.serviceAccountTokenCreator on that account (gcloud auth
application-default login). Before that, enable risc.googleapis.com and accept
its terms in the console.`

// What Google wants of who configures RISC (oauth-admin.md 3.1).
const (
	riscAudience = "https://risc.googleapis.com/google.identity.risc.v1beta.RiscManagementService"
	riscPush     = "https://schemas.openid.net/secevent/risc/delivery-method/push"
	riscTime     = 30 * time.Second
)

// riscEvents are those that Deputy acts on; verification comes by itself.
var riscEvents = []string{
	"https://schemas.openid.net/secevent/risc/event-type/sessions-revoked",
	"https://schemas.openid.net/secevent/risc/event-type/account-credential-change-required",
	"https://schemas.openid.net/secevent/risc/event-type/account-disabled",
	"https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked",
	"https://schemas.openid.net/secevent/oauth/event-type/token-revoked",
}

// stream is where Google sends events, and which.
type stream struct {
	Delivery struct {
		Method string `json:"delivery_method"`
		URL    string `json:"url"`
	} `json:"delivery"`
	Events []string `json:"events_requested"`
	Status string   `json:"status,omitempty"`
}

// risc is what its flags say.
type risc struct {
	outside
	account string
	asJSON  bool
}

// riscCommand is deputy risc.
func riscCommand(o outside) *cobra.Command {
	c := &cobra.Command{Use: "risc", Short: "Have Google tell what happens to people's accounts", Long: riscHelp, Args: exactly(0, "one of its commands")}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	r := &risc{outside: o}
	c.PersistentFlags().StringVar(&r.account, "account", "", "service `account` with roles/riscconfigs.admin")
	c.PersistentFlags().BoolVar(&r.asJSON, "json", false, "print JSON")
	status := &cobra.Command{Use: "status", Short: "Show where events go", Args: exactly(0, "no arguments"), RunE: func(c *cobra.Command, _ []string) error { return r.show(c.Context()) }}
	c.AddCommand(r.setCommand(), status, r.verifyCommand())
	return c
}

func (r *risc) setCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "set", Short: "Say where events go, and let them go", Args: exactly(0, "no arguments"),
		Long: "Say where events go, and let them go. The address is that of the function\nSecurityEvent, under a domain that the consent screen lists as authorized.\nWith --off Google drops them, and does not keep them for later.",
	}
	address := c.Flags().String("address", "", "https `address` of the function SecurityEvent")
	off := c.Flags().Bool("off", false, "let no events come")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if (*address == "") != *off {
			return &usageError{errors.New("say either where events go, --address https://chat.example.com/SecurityEvent, or --off")}
		}
		status := "disabled"
		if !*off {
			status = "enabled"
			if at, err := url.Parse(*address); err != nil || at.Scheme != "https" || at.Host == "" || at.Fragment != "" {
				return &usageError{fmt.Errorf("--address: %q is no https address", *address)}
			}
			wanted := stream{Events: riscEvents}
			wanted.Delivery.Method, wanted.Delivery.URL = riscPush, *address
			if err := r.call(c.Context(), http.MethodPost, "stream:update", wanted, nil); err != nil {
				return err
			}
		}
		if err := r.call(c.Context(), http.MethodPost, "stream/status:update", map[string]string{"status": status}, nil); err != nil {
			return err
		}
		return r.show(c.Context())
	}
	return c
}

func (r *risc) show(ctx context.Context) error {
	var at, is stream
	if err := r.call(ctx, http.MethodGet, "stream", nil, &at); err != nil {
		return err
	}
	if err := r.call(ctx, http.MethodGet, "stream/status", nil, &is); err != nil {
		return err
	}
	at.Status = is.Status
	if r.asJSON {
		return printJSON(r.outside, at)
	}
	_, _ = fmt.Fprintf(r.out, "status  %s\naddress %s\n", at.Status, at.Delivery.URL)
	for _, e := range at.Events {
		_, _ = fmt.Fprintf(r.out, "event   %s\n", e[strings.LastIndex(e, "/")+1:])
	}
	return nil
}

func (r *risc) verifyCommand() *cobra.Command {
	return &cobra.Command{Use: "verify", Short: "Let Google send an event for trial", Args: exactly(0, "no arguments"), RunE: func(c *cobra.Command, _ []string) error {
		state := rand.Text()
		if err := r.call(c.Context(), http.MethodPost, "stream:verify", map[string]string{"state": state}, nil); err != nil {
			return err
		}
		if r.asJSON {
			return printJSON(r.outside, map[string]string{"state": state})
		}
		_, _ = fmt.Fprintf(r.out, "Google sends it now. It has arrived when Cloud Logging finds this line:\n\n  jsonPayload.state=\"%s\"\n", state)
		return nil
	}}
}

// call asks the RISC API for something, as the service account.
func (r *risc) call(ctx context.Context, method, what string, in, out any) error {
	if !strings.HasSuffix(r.account, ".iam.gserviceaccount.com") {
		return &usageError{errors.New("say as which service account: --account deputy-risc@PROJECT.iam.gserviceaccount.com")}
	}
	ctx, cancel := context.WithTimeout(ctx, riscTime)
	defer cancel()
	token, err := r.own(ctx, r.account, riscAudience)
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
	req, err := http.NewRequestWithContext(ctx, method, r.riscAPI+what, body)
	if err != nil {
		return fault.Wrap("deputy.risc", err)
	}
	return riscAnswer(req, token, out)
}

// riscAnswer sends a request and reads its answer.
func riscAnswer(req *http.Request, token config.Secret, out any) error {
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return &fault.Error{Op: "deputy.risc", Kind: fault.Unavailable, Err: fmt.Errorf("the RISC API does not answer: %w", err)}
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return &fault.Error{Op: "deputy.risc", Kind: fault.Unavailable, Err: fmt.Errorf("the RISC API's answer broke off: %w", err)}
	case res.StatusCode != http.StatusOK:
		return riscRefusal(res.StatusCode, text)
	case out == nil:
		return nil
	}
	return fault.Wrap("deputy.risc", json.Unmarshal(text, out))
}

// riscRefusal says what an operator does about a refusal (oauth-admin.md 3.1).
func riscRefusal(status int, text []byte) error {
	var said struct {
		Error struct{ Message string }
	}
	_ = json.Unmarshal(text, &said) // without it the status speaks
	hint := ""
	switch {
	case status == http.StatusNotFound:
		hint = "nothing is set up yet: deputy risc set --address"
	case strings.Contains(said.Error.Message, "domains"):
		hint = "list the address's domain under authorized domains: console > Google Auth Platform > Branding"
	case strings.Contains(said.Error.Message, "delivery method"):
		hint = "Firebase has taken over this project's security events: switch its Google sign-in off, or use another project for Deputy's client"
	case status == http.StatusForbidden:
		hint = "the service account needs roles/riscconfigs.admin in the project of the OAuth client, which needs a consent screen; and risc.googleapis.com has to be enabled, and its terms accepted"
	case status == http.StatusUnauthorized:
		hint = "Google does not take the service account's token: check the account, and this machine's clock"
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests:
		return &fault.Error{Op: "deputy.risc", Kind: fault.Unavailable, Err: fmt.Errorf("the RISC API: status %d", status)}
	}
	return fmt.Errorf("the RISC API refuses (status %d: %s); %s", status, said.Error.Message, hint)
}
