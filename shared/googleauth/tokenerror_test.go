package googleauth_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"example.com/deputy/shared/config"
	"example.com/deputy/shared/fault"
	"example.com/deputy/shared/googleauth"
	"example.com/deputy/shared/i18n"
)

// Each answer of the token endpoint means the same at the exchange of a code and at a refresh.
func TestTokenErrors(t *testing.T) {
	const setUp, silent = "isn't set up correctly", "didn't respond as expected"
	for body, c := range map[string]struct {
		kind fault.Kind
		text string // for the person
		is   error
	}{
		`{"error":"invalid_grant"}`: {fault.NeedsConsent, "", googleauth.ErrInvalidGrant},
		`{"error":"invalid_grant","error_subtype":"invalid_rapt"}`: {
			fault.NeedsConsent, "", googleauth.ErrReauth,
		},
		`{"error":"invalid_grant","error_subtype":"rapt_required"}`: {
			fault.NeedsConsent, "", googleauth.ErrReauth,
		},
		`{"error":"invalid_grant","error_subtype":"tomorrow"}`: {
			fault.NeedsConsent, "", googleauth.ErrInvalidGrant,
		},
		`{"error":"access_denied","error_subtype":"invalid_rapt"}`:   {fault.Denied, "restricted this account", nil},
		`{"error":"invalid_client"}`:                                 {fault.Unavailable, setUp, googleauth.ErrClient},
		`{"error":"deleted_client"}`:                                 {fault.Unavailable, setUp, googleauth.ErrClient},
		`{"error":"disabled_client"}`:                                {fault.Unavailable, setUp, googleauth.ErrClient},
		`{"error":"unauthorized_client"}`:                            {fault.Unavailable, setUp, googleauth.ErrClient},
		`{"error":"redirect_uri_mismatch"}`:                          {fault.Unavailable, setUp, googleauth.ErrClient},
		`{"error":"access_denied","error_description":"restricted"}`: {fault.Denied, "restricted this account", nil},
		`{"error":"admin_policy_enforced"}`:                          {fault.Denied, "doesn't allow Deputy", nil},
		`{"error":"org_internal"}`:                                   {fault.Denied, "members of its own", nil},
		`{"error":"code_of_tomorrow"}`: {
			fault.Denied, "refused access to this account", nil,
		},
		`{"error":"invalid_request"}`:         {fault.Internal, "reference", nil},
		`{"error":"invalid_scope"}`:           {fault.Internal, "reference", nil},
		`{"error":"unsupported_grant_type"}`:  {fault.Internal, "reference", nil},
		`{"error":"rate_limit_exceeded"}`:     {fault.Unavailable, silent, nil},
		`{"error":"slow_down"}`:               {fault.Unavailable, silent, nil},
		`{"error":"temporarily_unavailable"}`: {fault.Unavailable, silent, nil},
		`{"error":"server_error"}`:            {fault.Unavailable, silent, nil},
		`{"error":"internal_failure"}`:        {fault.Unavailable, silent, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			p, _ := newProvider(t, 400, body)
			_, exchange := p.Exchange(t.Context(), config.NewSecret("code"), config.NewSecret("v"))
			_, refresh := p.Refresh(t.Context(), config.NewSecret("1//r"))
			for name, err := range map[string]error{"exchange": exchange, "refresh": refresh} {
				text := fault.Public(i18n.In("en"), err, "a reference")
				code := strings.Split(body, `"`)[3]
				if fault.KindOf(err) != c.kind || c.text != "" && !strings.Contains(text, c.text) ||
					c.is != nil && !errors.Is(err, c.is) || !strings.Contains(err.Error(), code) &&
					!strings.Contains(body, "subtype") {
					t.Errorf("%s of %s: %v, %q", name, body, err, text)
				}
			}
		})
	}
}
