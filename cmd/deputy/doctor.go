package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/fault"
)

const doctorHelp = `Check a configuration or a deployed project, and suggest a fix for each problem.
It changes nothing.

Without --project, it checks the functions' variables in the environment. With
--project and --region, it checks what deploy.sh has deployed, with gcloud's
account. With --person, it also checks delegation for that person. The exit
status is 1 if a check fails.`

// States of a finding.
const (
	stateOK    = "ok"
	stateFault = "fault"
	stateHint  = "hint" // could not be checked from here
)

// finding is the result of one check.
type finding struct {
	Check   string `json:"check"`
	State   string `json:"state"`
	Problem string `json:"problem,omitempty"`
	Fix     string `json:"fix,omitempty"`
}

// doctor collects findings.
type doctor struct {
	deps
	findings []finding
}

func (d *doctor) ok(check string) {
	d.findings = append(d.findings, finding{check, stateOK, "", ""})
}

func (d *doctor) fault(check, problem, fix string) {
	d.findings = append(d.findings, finding{check, stateFault, problem, fix})
}

func (d *doctor) hint(check, fix string) {
	d.findings = append(d.findings, finding{check, stateHint, "", fix})
}

// check records whether a check succeeded, and the fix if it failed.
func (d *doctor) check(check string, err error, fix string) bool {
	if _, ok := errors.AsType[*refusedError](err); ok {
		fix = "gcloud's account isn't allowed to see this, or an API is disabled, so its state is unknown: ask for a" +
			" role such as roles/viewer, and run the doctor again"
	}
	if err != nil {
		d.fault(check, cause(err), fix)
		return false
	}
	d.ok(check)
	return true
}

// cause returns the part of err that an operator can act on. The public text of
// a setup error only refers people to their administrator.
func cause(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Err != nil {
		return e.Err.Error()
	}
	return errorText(err)
}

func doctorCommand(d deps) *cobra.Command {
	c := &cobra.Command{
		Use: "doctor", Short: "Check a configuration or a deployment", Long: doctorHelp,
		Args: exactArgs(0, "no arguments"),
	}
	asJSON := c.Flags().Bool("json", false, "print JSON")
	project := c.Flags().String("project", "", "deployed `project` to check")
	region := c.Flags().String("region", "", "`region` of its functions")
	person := c.Flags().String("person", "", "email `address` of a person to check delegation for")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if (*project == "") != (*region == "") {
			return &usageError{errors.New("use --project and --region together; see deputy doctor --help")}
		}
		doc := &doctor{deps: d}
		doc.checkClock(c.Context())
		if *project == "" {
			doc.checkEnvironment(c.Context(), *person)
		} else {
			doc.checkDeployment(c.Context(), *project, *region, *person)
		}
		doc.hint("consent screen", "if its audience is External and its status Testing, every consent expires"+
			" after 7 days; publish it in Google Auth Platform > Audience")
		return doc.print(*asJSON)
	}
	return c
}

// print prints the findings. It returns an error if there is a fault, so that the exit status shows it.
func (d *doctor) print(asJSON bool) error {
	faults := 0
	for _, f := range d.findings {
		if f.State == stateFault {
			faults++
		}
	}
	if asJSON {
		text, err := json.MarshalIndent(d.findings, "", "  ")
		if err != nil {
			return fault.Wrap("deputy.doctor", err)
		}
		_, _ = fmt.Fprintln(d.out, string(text))
	} else {
		for _, f := range d.findings {
			d.write(fmt.Sprintf("%-5s  %s\n", f.State, f.Check))
			for _, line := range []string{f.Problem, f.Fix} {
				if line != "" && f.State != stateOK {
					d.write(fmt.Sprintf("       %s\n", strings.ReplaceAll(line, "\n", "\n       ")))
				}
			}
		}
	}
	if faults > 0 {
		return fmt.Errorf("%d of %d checks failed", faults, len(d.findings))
	}
	return nil
}

// maxSkew is the tolerated difference from Google's clock. Tokens are refused beyond one minute.
const maxSkew = 30 * time.Second

// checkClock compares this machine's clock with Google's.
func (d *doctor) checkClock(ctx context.Context) {
	const check = "clock"
	_, header, err := d.get(ctx, "https://www.googleapis.com/oauth2/v3/certs")
	if err != nil {
		d.fault(check, "cannot reach Google: "+err.Error(), "check the network and any proxies")
		return
	}
	googleTime, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		d.fault(check, "Google's response has no valid Date header", "check the network and any proxies")
		return
	}
	if skew := d.now().Sub(googleTime); skew > maxSkew || skew < -maxSkew {
		d.fault(check, fmt.Sprintf("this machine's clock is off by %v", skew.Round(time.Second)),
			"synchronize it with NTP; Google refuses what is signed at a wrong time")
		return
	}
	d.ok(check)
}
