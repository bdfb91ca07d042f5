package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"
)

const sweepHelp = `Maintain stored grants and records: refresh grants before Google's limit of six
months, retry suspended grants, finish disconnects and revocations, end the
grants of people who removed the app, remove expired records, and reseal records
that old keys have sealed.

It continues where the last sweep stopped, also a scheduled one, and can run at
the same time as another.`

func sweepCommand(d deps) *cobra.Command {
	c := &cobra.Command{
		Use: "sweep", Short: "Maintain stored grants and records", Long: sweepHelp, Args: exactArgs(0, "no arguments"),
	}
	v := d.addVariables(c)
	asJSON := c.Flags().Bool("json", false, "print JSON")
	limit := c.Flags().Duration("for", time.Hour, "start nothing more after this `duration`")
	c.RunE = func(c *cobra.Command, _ []string) error {
		parts, err := v.openParts(c.Context())
		if err != nil {
			return err
		}
		result, err := parts.Grants.Sweep(c.Context(), d.now().Add(*limit), 0) // 0: no pause between passes
		return errors.Join(d.printResult(*asJSON, result), err)
	}
	return c
}
