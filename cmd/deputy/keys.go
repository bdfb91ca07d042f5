package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/i18n"
	"example.com/deputy/shared/seal"
)

const keysHelp = `Make and rotate the keysets that seal what Deputy stores.

Each step reads a keyset from standard input and writes the next one to standard
output, so that it goes from Secret Manager to Secret Manager:

  deputy keys new keyset | gcloud secrets create deputy-keyset --data-file=-

A rotation is five steps. Between them, deploy every function, and wait until no
older instance runs:

  1. add       a second key: opens, does not seal yet
  2. promote   it: from now on it seals
  3. reseal    what is stored for long, until nothing is left under the old key
  4. wait      30 days: what lives shorter is not resealed
  5. disable   the old key

With --kek the keysets are wrapped by that key of Cloud KMS, before and after.`

// keysCommand is deputy keys.
func keysCommand(o outside) *cobra.Command {
	c := &cobra.Command{Use: "keys", Short: "Make and rotate the keysets", Long: keysHelp, Args: exactly(0, "one of its commands")}
	c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	k := keys{outside: o}
	c.PersistentFlags().StringVar(&k.kekURI, "kek", "", "gcp-kms:// `key` that wraps the keysets (KEYSET_KEK)")
	c.PersistentFlags().BoolVar(&k.show, "show", false, "print a keyset even to a terminal")

	var id uint32
	var asJSON bool
	promote := &cobra.Command{
		Use: "promote", Short: "Make a key the one that seals", Args: exactly(0, "no arguments, and the keyset on standard input"),
		RunE: k.change(func(text config.Secret) (config.Secret, string, error) {
			chosen, err := k.chosen(text, id)
			if err != nil {
				return config.Secret{}, "", err
			}
			out, err := seal.Promote(text, chosen)
			return out, fmt.Sprintf("key %d seals from now on; deploy this everywhere, then run: deputy keys reseal", chosen), err
		}),
	}
	promote.Flags().Uint32Var(&id, "key", 0, "`id` of the key; without it, the only one that is newer than the one that seals")
	disable := &cobra.Command{
		Use: "disable", Short: "Keep a key from opening anything more", Args: exactly(0, "no arguments, and the keyset on standard input"),
		RunE: k.change(func(text config.Secret) (config.Secret, string, error) {
			if id == 0 {
				return config.Secret{}, "", &usageError{errors.New("deputy keys disable wants --key with the id of the key; deputy keys list shows them")}
			}
			out, err := seal.Disable(text, id)
			return out, fmt.Sprintf("key %d opens nothing more once this is deployed; what is still sealed with it is then unavailable", id), err
		}),
	}
	disable.Flags().Uint32Var(&id, "key", 0, "`id` of the key")
	list := &cobra.Command{
		Use: "list", Short: "Show the ids of a keyset's keys, and which one seals", Args: exactly(0, "no arguments, and the keyset on standard input"),
		RunE: func(c *cobra.Command, _ []string) error { return k.list(c.Context(), asJSON) },
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	reseal := &cobra.Command{
		Use: "reseal", Short: "Seal what is stored for long with the keys in use", Args: exactly(0, "no arguments"),
		Long: "Seal what is stored for longer than 30 days with the keys in use, those of KEYSET\nand LOOKUP_KEYSET. Run it until nothing was resealed, changed or unopened. Disable\nthe old keys 30 days later: what lives shorter is not resealed.",
		RunE: func(c *cobra.Command, _ []string) error {
			parts, err := o.open(c.Context())
			if err != nil {
				return err
			}
			done, err := parts.Grants.Reseal(c.Context())
			return errors.Join(show(o, asJSON, done), err)
		},
	}
	reseal.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.AddCommand(
		&cobra.Command{
			Use: "new keyset|lookup", Short: "Make a fresh keyset with one key", Args: exactly(1, "keyset or lookup"),
			RunE: func(c *cobra.Command, args []string) error { return k.fresh(c.Context(), args[0]) },
		},
		&cobra.Command{
			Use: "add", Short: "Put a second key into a keyset", Args: exactly(0, "no arguments, and the keyset on standard input"),
			RunE: k.change(func(text config.Secret) (config.Secret, string, error) {
				out, id, err := seal.Add(text)
				return out, fmt.Sprintf("added key %d; deploy this everywhere, then run: deputy keys promote", id), err
			}),
		},
		promote, disable, list, reseal,
	)
	return c
}

// keys is what the commands that change a keyset share.
type keys struct {
	outside
	kekURI string // --kek
	show   bool   // --show
}

func (k *keys) fresh(ctx context.Context, which string) error {
	keyset, lookup, err := seal.Generate()
	if err != nil {
		return err
	}
	switch which {
	case "keyset":
		return k.write(ctx, seal.Keyset, keyset)
	case "lookup":
		return k.write(ctx, seal.Lookup, lookup)
	default:
		return &usageError{fmt.Errorf("deputy keys new wants keyset or lookup, not %q", which)}
	}
}

// change reads a keyset, lets do change it, writes it, and says what is next.
func (k *keys) change(do func(config.Secret) (config.Secret, string, error)) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, _ []string) error {
		name, text, err := k.read(c.Context())
		if err != nil {
			return err
		}
		out, next, err := do(text)
		if err == nil {
			err = k.write(c.Context(), name, out)
		}
		if err == nil {
			_, _ = fmt.Fprintln(k.err, next)
		}
		return err
	}
}

// read takes a keyset from standard input, unwrapped.
func (k *keys) read(ctx context.Context) (name string, text config.Secret, err error) {
	all, err := io.ReadAll(io.LimitReader(k.in, 1<<20))
	if err != nil {
		return "", config.Secret{}, fault.Wrap("deputy", err)
	}
	text = config.NewSecret(all)
	if k.kekURI == "" {
		return "", text, nil
	}
	if name = seal.KeysetName(text); name == "" {
		return "", config.Secret{}, fault.New(fault.Invalid, i18n.English("Standard input is not a wrapped keyset of Deputy's. If it is in clear text, leave --kek out."))
	}
	key, err := k.kek(ctx, k.kekURI)
	if err != nil {
		return "", config.Secret{}, err
	}
	text, err = seal.Unwrap(ctx, name, text, key)
	return name, text, err
}

// write gives a keyset to standard output, wrapped if it has to be.
func (k *keys) write(ctx context.Context, name string, text config.Secret) error {
	if k.terminal && !k.show {
		return fault.New(fault.Invalid, i18n.English("A keyset is a secret and does not belong on a terminal: pipe it into gcloud secrets create or versions add with --data-file=-, or say --show."))
	}
	if k.kekURI != "" {
		key, err := k.kek(ctx, k.kekURI)
		if err == nil {
			text, err = seal.Wrap(ctx, name, text, key)
		}
		if err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(k.out, text.Reveal())
	return fault.Wrap("deputy: the keyset is not written", err)
}

// chosen is the key to promote: the one named, or the only enabled one that was
// added after the one that seals.
func (k *keys) chosen(text config.Secret, id uint32) (uint32, error) {
	if id != 0 {
		return id, nil
	}
	all, err := seal.Describe(text)
	if err != nil {
		return 0, err
	}
	sealing := slices.IndexFunc(all, func(key seal.Key) bool { return key.Primary })
	waiting := slices.DeleteFunc(all[sealing+1:], func(key seal.Key) bool { return !key.Enabled })
	if len(waiting) != 1 {
		return 0, fault.New(fault.Invalid, i18n.English("The keyset has %d enabled keys that are newer than the one that seals, so say which to promote with --key (deputy keys list shows them)."), len(waiting))
	}
	return waiting[0].ID, nil
}

func (k *keys) list(ctx context.Context, asJSON bool) error {
	_, text, err := k.read(ctx)
	if err != nil {
		return err
	}
	all, err := seal.Describe(text)
	if err != nil {
		return err
	}
	if asJSON {
		return show(k.outside, true, all)
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

func sorted(fields map[string]any) []string { return slices.Sorted(maps.Keys(fields)) }
