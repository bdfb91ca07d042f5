package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
)

const sweepHelp = `Keep in order what nobody uses: refresh grants before Google's limit of six
months, ask Google again about those it refused, finish disconnects and
revocations, end the grants of those who removed the app, remove what has
expired, and reseal records sealed with old keys.

It goes on where the last sweep stopped, the scheduler's included, and may run
beside it.`

// sweepCommand is deputy sweep.
func sweepCommand(o outside) *cobra.Command {
	c := &cobra.Command{Use: "sweep", Short: "Keep stored grants in order", Long: sweepHelp, Args: exactly(0, "no arguments")}
	asJSON := c.Flags().Bool("json", false, "print JSON")
	atMost := c.Flags().Duration("for", time.Hour, "begin nothing more after this `time`")
	c.RunE = func(c *cobra.Command, _ []string) error {
		parts, err := o.open(c.Context())
		if err != nil {
			return err
		}
		done, err := parts.Grants.Sweep(c.Context(), time.Now().Add(*atMost), 0)
		return errors.Join(show(o, *asJSON, done), err)
	}
	return c
}
