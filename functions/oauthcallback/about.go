package oauthcallback

import (
	"net/http"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/words"
)

// policyURL is Google's policy that the privacy page refers to.
const policyURL = "https://developers.google.com/terms/api-services-user-data-policy"

// About is the operator's information for the pages about the app.
type About struct {
	Name    string // as on the consent screen; empty means Deputy
	Contact string // an email address or an https URL; may be empty
}

// aboutFromEnv reads APP_NAME and APP_CONTACT.
func aboutFromEnv(env *config.Reader) About {
	return About{env.Text("APP_NAME"), env.Contact("APP_CONTACT")}
}

type link struct{ Text, URL string }

func (f function) home(w http.ResponseWriter, r *http.Request) error {
	say, name := say(r), f.About.Name
	var everyday, systems []string
	for _, c := range capability.All() {
		if c.UsedInChat() {
			everyday = append(everyday, say(c.Description()))
		} else {
			systems = append(systems, say(c.Description()))
		}
	}
	f.about(w, r, page{
		Title: say(words.AboutTitle, name), Text: []string{say(words.AboutText, name, name)},
		Sections: []section{
			{Title: say(words.AboutStartTitle), Text: []string{say(words.AboutStartText, name)}},
			{Title: say(words.AboutAsksTitle), Text: []string{say(words.AboutAsksText)}, Items: everyday},
			{Title: say(words.AboutSystemsTitle), Items: systems},
			{Title: say(words.AboutEndTitle), Text: []string{say(words.AboutEndText, name, name)}},
		},
	})
	return nil
}

// privacy shows the privacy policy. SECURITY.md has the same facts for developers.
func (f function) privacy(w http.ResponseWriter, r *http.Request) error {
	say, name := say(r), f.About.Name
	f.about(w, r, page{
		Title: say(words.PrivacyTitle), Text: []string{say(words.PrivacyText, name)},
		Sections: []section{
			{
				Title: say(words.PrivacyStoredTitle), Text: []string{say(words.PrivacyStoredNot)}, Items: []string{
					say(words.PrivacyStoredAccount), say(words.PrivacyStoredTokens),
					say(words.PrivacyStoredSystems), say(words.PrivacyStoredReplies),
				},
			},
			{
				Title: say(words.PrivacyUseTitle),
				Text:  []string{say(words.PrivacyUseText), say(words.PrivacyLimitedUse, name)},
			},
			{Title: say(words.PrivacySharedTitle), Text: []string{say(words.PrivacySharedText, name)}},
			{Title: say(words.PrivacyRetentionTitle), Text: []string{say(words.PrivacyRetentionText)}},
		},
		Links: []link{{say(words.PrivacyPolicy), policyURL}},
	})
	return nil
}

func (f function) terms(w http.ResponseWriter, r *http.Request) error {
	say, name := say(r), f.About.Name
	f.about(w, r, page{
		Title: say(words.TermsTitle), Text: []string{
			say(words.TermsName, name), say(words.TermsAccount, name),
			say(words.TermsEnd, name), say(words.TermsAsIs, name),
		},
	})
	return nil
}

// about shows one of these pages with the contact and links to the others.
func (f function) about(w http.ResponseWriter, r *http.Request, p page) {
	say := say(r)
	contact := section{Title: say(words.AboutContactTitle)}
	switch address := f.About.Contact; {
	case address == "":
		contact.Text = []string{say(words.AboutContactNone, f.About.Name)}
	case strings.HasPrefix(address, "https://"):
		p.Links = append(p.Links, link{address, address})
	default:
		p.Links = append(p.Links, link{address, "mailto:" + address})
	}
	if len(contact.Text) > 0 {
		p.Sections = append(p.Sections, contact)
	}
	home := link{say(words.AboutTitle, f.About.Name), "/"}
	for _, l := range []link{home, {say(words.PrivacyTitle), "/privacy"}, {say(words.TermsTitle), "/terms"}} {
		if l.Text != p.Title {
			p.Links = append(p.Links, link{l.Text, f.Address + l.URL})
		}
	}
	p.App, p.Success, p.Indexable = f.About.Name, true, true
	writePage(w, r, http.StatusOK, p)
}
