package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/seal"
)

const keysHelp = `Create and rotate the keysets that seal (encrypt) what Deputy stores.

Keysets are read from standard input and written to standard output, so that you
can pipe them between versions in Secret Manager:

  deputy keys new keyset | gcloud secrets create deputy-keyset --data-file=-

A rotation has five steps. Between them, deploy every function, and wait until
no older instance runs:

  1. add       Add a second key. It opens, but doesn't seal yet.
  2. promote   Make the new key primary. From now on, it seals.
  3. reseal    Reseal long-lived records, until none is left under the old key.
  4. wait      Wait 30 days. Shorter-lived records are not resealed.
  5. disable   Disable the old key.

With --kek, input and output are keysets that this Cloud KMS key wraps.`

const resealHelp = `Reseal records that are stored for longer than 30 days with the current keys of
KEYSET and LOOKUP_KEYSET. Run it until resealed, changed and unopened are 0.
Disable the old keys 30 days later, because shorter-lived records are not
resealed.`

func keysCommand(d deps) *cobra.Command {
	const input = "no arguments, and the keyset on standard input"
	c := groupCommand("keys", "Create and rotate keysets", keysHelp)
	k := keysetIO{deps: d}
	c.PersistentFlags().StringVar(&k.kekURI, "kek", "", "gcp-kms:// `key` that wraps the keysets (KEYSET_KEK)")
	c.PersistentFlags().BoolVar(&k.show, "show", false, "allow printing a keyset to a terminal")

	create := &cobra.Command{
		Use: "new keyset|lookup", Short: "Create a keyset with one key", Args: exactArgs(1, "keyset or lookup"),
		RunE: func(c *cobra.Command, args []string) error { return k.create(c.Context(), args[0]) },
	}
	add := &cobra.Command{
		Use: "add", Short: "Add a second key to a keyset", Args: exactArgs(0, input),
		RunE: k.edit(func(text config.Secret) (config.Secret, string, error) {
			out, id, err := seal.Add(text)
			return out, fmt.Sprintf("added key %d; deploy it everywhere, then run deputy keys promote", id), err
		}),
	}
	var id uint32
	promote := &cobra.Command{
		Use: "promote", Short: "Make a key primary, so that it seals", Args: exactArgs(0, input),
		RunE: k.edit(func(text config.Secret) (config.Secret, string, error) {
			id, err := keyToPromote(text, id)
			if err != nil {
				return config.Secret{}, "", err
			}
			out, err := seal.Promote(text, id)
			return out, fmt.Sprintf("key %d now seals; deploy it everywhere, then run deputy keys reseal", id), err
		}),
	}
	promote.Flags().Uint32Var(&id, "key", 0, "`id` of the key; defaults to the only key newer than the primary")
	disable := &cobra.Command{
		Use: "disable", Short: "Disable a key, so that it opens nothing", Args: exactArgs(0, input),
		RunE: k.edit(func(text config.Secret) (config.Secret, string, error) {
			if id == 0 {
				err := errors.New("no key; set --key (to see the IDs, run deputy keys list)")
				return config.Secret{}, "", &usageError{err}
			}
			out, err := seal.Disable(text, id)
			return out, fmt.Sprintf("disabled key %d; once deployed, records that it sealed can't be opened", id), err
		}),
	}
	disable.Flags().Uint32Var(&id, "key", 0, "`id` of the key")
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Short: "List a keyset's keys", Args: exactArgs(0, input),
		RunE: func(c *cobra.Command, _ []string) error { return k.list(c.Context(), asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	var v *variables
	reseal := &cobra.Command{
		Use: "reseal", Short: "Reseal long-lived records with the current keys", Long: resealHelp,
		Args: exactArgs(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			parts, err := v.openParts(c.Context())
			if err != nil {
				return err
			}
			result, err := parts.Grants.Reseal(c.Context())
			return errors.Join(d.printResult(asJSON, result), err)
		},
	}
	v = d.addVariables(reseal)
	reseal.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.AddCommand(create, add, promote, disable, list, reseal)
	return c
}

// keysetIO holds the flags of the commands that read or write a keyset.
type keysetIO struct {
	deps
	kekURI string // --kek
	show   bool   // --show
}

func (k *keysetIO) create(ctx context.Context, kind string) error {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		return err
	}
	switch kind {
	case "keyset":
		return k.write(ctx, seal.Keyset, keyset)
	case "lookup":
		return k.write(ctx, seal.Lookup, lookup)
	default:
		return &usageError{fmt.Errorf("deputy keys new: expected keyset or lookup, got %q", kind)}
	}
}

// edit returns a command that reads a keyset, changes it, writes it, and prints the next step.
func (k *keysetIO) edit(
	change func(config.Secret) (out config.Secret, next string, err error),
) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) error {
		name, text, err := k.read(c.Context())
		if err != nil {
			return err
		}
		out, next, err := change(text)
		if err == nil {
			err = k.write(c.Context(), name, out)
		}
		if err == nil {
			_, _ = fmt.Fprintln(k.err, next)
		}
		return err
	}
}

// read reads a keyset from standard input and unwraps it if --kek is set.
func (k *keysetIO) read(ctx context.Context) (name string, text config.Secret, err error) {
	all, err := io.ReadAll(io.LimitReader(k.in, 1<<20))
	if err != nil {
		return "", config.Secret{}, fault.Wrap("deputy", err)
	}
	text = config.NewSecret(all)
	if k.kekURI == "" {
		return "", text, nil
	}
	if name = seal.KeysetName(text); name == "" {
		return "", config.Secret{}, fault.New(fault.Invalid, i18n.English(
			"Standard input isn't a wrapped keyset of Deputy. If it is in clear text, omit --kek."))
	}
	key, err := k.openKEK(ctx, k.kekURI)
	if err != nil {
		return "", config.Secret{}, err
	}
	text, err = seal.Unwrap(ctx, name, text, key)
	return name, text, err
}

// write writes a keyset to standard output, wrapped if --kek is set.
func (k *keysetIO) write(ctx context.Context, name string, text config.Secret) error {
	if k.isTerminal && !k.show {
		return fault.New(fault.Invalid, i18n.English("A keyset is secret, so it isn't printed to a terminal."+
			" Pipe it to gcloud secrets create or versions add with --data-file=-, or use --show."))
	}
	if k.kekURI != "" {
		key, err := k.openKEK(ctx, k.kekURI)
		if err == nil {
			text, err = seal.Wrap(ctx, name, text, key)
		}
		if err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(k.out, text.Reveal())
	return fault.Wrap("write the keyset", err)
}

// keyToPromote returns id, or if it is 0, the only enabled key that is newer than the primary.
func keyToPromote(text config.Secret, id uint32) (uint32, error) {
	if id != 0 {
		return id, nil
	}
	all, err := seal.Describe(text)
	if err != nil {
		return 0, err
	}
	primary := slices.IndexFunc(all, func(key seal.Key) bool { return key.Primary })
	newer := slices.DeleteFunc(all[primary+1:], func(key seal.Key) bool { return !key.Enabled })
	if len(newer) != 1 {
		return 0, fault.New(fault.Invalid, i18n.English("The keyset has %d enabled keys that are newer than the"+
			" primary. Choose one with --key; to see the IDs, run deputy keys list."), len(newer))
	}
	return newer[0].ID, nil
}

func (k *keysetIO) list(ctx context.Context, asJSON bool) error {
	_, text, err := k.read(ctx)
	if err != nil {
		return err
	}
	all, err := seal.Describe(text)
	if err != nil {
		return err
	}
	if asJSON {
		return k.printResult(true, all)
	}
	for _, key := range all {
		state := "opens"
		switch {
		case key.Primary:
			state = "seals and opens"
		case !key.Enabled:
			state = "disabled"
		}
		_, _ = fmt.Fprintf(k.out, "%-10d %s\n", key.ID, state)
	}
	return nil
}
