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

const doctorHelp = `Look at a configuration, or at a deployed project, and say for each fault what
to do. It changes nothing.

Without --project it looks at the functions' variables in the environment, with
--project and --region at what deploy.sh has made, by the account of gcloud.
--person checks whether delegation works for one person, by their e-mail address.
It ends with 1 if there is a fault.`

// How a finding is.
const (
	fine  = "ok"
	wrong = "fault"
	hint  = "hint" // what cannot be looked at from here
)

// finding is what one look found.
type finding struct {
	Look  string `json:"look"` // what was looked at
	State string `json:"state"`
	Says  string `json:"says,omitempty"`
	Do    string `json:"do,omitempty"`
}

// examination collects findings.
type examination struct {
	outside
	found []finding
}

func (e *examination) fine(look string) {
	e.found = append(e.found, finding{look, fine, "", ""})
}

func (e *examination) wrong(look, says, do string) {
	e.found = append(e.found, finding{look, wrong, says, do})
}

func (e *examination) hint(look, do string) { e.found = append(e.found, finding{look, hint, "", do}) }

// check notes that a look is fine, or what is wrong and what to do.
func (e *examination) check(look string, err error, do string) bool {
	if err != nil {
		e.wrong(look, cause(err), do)
		return false
	}
	e.fine(look)
	return true
}

// cause is what an operator can act upon: what a person is told of a set-up is
// that the administrator knows more.
func cause(err error) string {
	if e, ok := errors.AsType[*fault.Error](err); ok && e.Err != nil {
		return e.Err.Error()
	}
	return sentence(err)
}

// doctorCommand is deputy doctor.
func doctorCommand(o outside) *cobra.Command {
	c := &cobra.Command{Use: "doctor", Short: "Look for faults, and say what to do", Long: doctorHelp, Args: exactly(0, "no arguments")}
	asJSON := c.Flags().Bool("json", false, "print JSON")
	project := c.Flags().String("project", "", "look at this deployed `project`")
	region := c.Flags().String("region", "", "`region` of its functions")
	person := c.Flags().String("person", "", "look whether delegation works for this `address`")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if (*project == "") != (*region == "") {
			return &usageError{errors.New("doctor wants --project and --region together, or neither; see deputy doctor --help")}
		}
		e := &examination{outside: o}
		e.clock(c.Context())
		if *project == "" {
			e.environment(c.Context(), *person)
		} else {
			e.deployed(c.Context(), *project, *region, *person)
		}
		e.hint("consent screen", "if its audience is External and its status Testing, every consent dies after 7 days: publish it (Google Auth Platform > Audience)")
		return e.print(*asJSON)
	}
	return c
}

// print says what was found; a fault is an error, so that scripts see it.
func (e *examination) print(asJSON bool) error {
	faults := 0
	for _, f := range e.found {
		if f.State == wrong {
			faults++
		}
	}
	if asJSON {
		text, err := json.MarshalIndent(e.found, "", "  ")
		if err != nil {
			return fault.Wrap("deputy.doctor", err)
		}
		_, _ = fmt.Fprintln(e.out, string(text))
	} else {
		for _, f := range e.found {
			e.write(fmt.Sprintf("%-5s  %s\n", f.State, f.Look))
			for _, line := range []string{f.Says, f.Do} {
				if line != "" && f.State != fine {
					e.write(fmt.Sprintf("       %s\n", strings.ReplaceAll(line, "\n", "\n       ")))
				}
			}
		}
	}
	if faults > 0 {
		return fmt.Errorf("%d of %d looks found a fault", faults, len(e.found))
	}
	return nil
}

// maxSkew is how far Google's clock may be from ours: tokens are refused beyond
// a minute.
const maxSkew = 30 * time.Second

// clock compares ours with Google's.
func (e *examination) clock(ctx context.Context) {
	const look = "clock"
	_, header, err := e.get(ctx, "https://www.googleapis.com/oauth2/v3/certs")
	if err != nil {
		e.wrong(look, "Google was not reached: "+err.Error(), "look at the network, and at proxies")
		return
	}
	theirs, err := http.ParseTime(header.Get("Date"))
	if skew := e.now().Sub(theirs); err == nil && (skew > maxSkew || skew < -maxSkew) {
		e.wrong(look, fmt.Sprintf("this machine is %v off", skew.Round(time.Second)), "set it by NTP: Google refuses what is signed at a wrong time")
		return
	}
	e.fine(look)
}
