package oauthcallback

import (
	"net/http"
	"strings"

	"example.com/deputy/shared/capability"
	"example.com/deputy/shared/config"
	"example.com/deputy/shared/words"
)

// policyAddress is Google's policy that the privacy page promises to keep.
const policyAddress = "https://developers.google.com/terms/api-services-user-data-policy"

// About is what the pages about the app say of it.
type About struct {
	Name    string // as on the consent screen; empty is Deputy
	Contact string // an e-mail address, or an https address; empty for none
}

// aboutFromEnv reads APP_NAME and APP_CONTACT.
func aboutFromEnv(env *config.Reader) About {
	return About{env.Optional("APP_NAME", ""), env.Contact("APP_CONTACT")}
}

// section is a part of a page that has several.
type section struct {
	Title string
	Text  []string
	Items []string
}

// link is one of a page's links.
type link struct{ Text, Address string }

// home is the app's homepage.
func (f function) home(w http.ResponseWriter, r *http.Request) error {
	say, name := say(r), f.About.Name
	var everyday, systems []string
	for _, c := range capability.All() {
		if c.Everyday() {
			everyday = append(everyday, say(c.Words()))
		} else {
			systems = append(systems, say(c.Words()))
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

// privacy says what is done with people's data; SECURITY.md says it to those
// who read code.
func (f function) privacy(w http.ResponseWriter, r *http.Request) error {
	say, name := say(r), f.About.Name
	f.about(w, r, page{
		Title: say(words.PrivacyTitle), Text: []string{say(words.PrivacyText, name)},
		Sections: []section{
			{
				Title: say(words.PrivacyStoredTitle), Text: []string{say(words.PrivacyStoredNot)},
				Items: []string{say(words.PrivacyStoredAccount), say(words.PrivacyStoredTokens), say(words.PrivacyStoredSystems), say(words.PrivacyStoredReplies)},
			},
			{Title: say(words.PrivacyUseTitle), Text: []string{say(words.PrivacyUseText), say(words.PrivacyLimitedUse, name)}},
			{Title: say(words.PrivacySharedTitle), Text: []string{say(words.PrivacySharedText, name)}},
			{Title: say(words.PrivacyRetentionTitle), Text: []string{say(words.PrivacyRetentionText)}},
		},
		Links: []link{{say(words.PrivacyPolicy), policyAddress}},
	})
	return nil
}

func (f function) terms(w http.ResponseWriter, r *http.Request) error {
	say, name := say(r), f.About.Name
	f.about(w, r, page{
		Title: say(words.TermsTitle),
		Text:  []string{say(words.TermsName, name), say(words.TermsAccount, name), say(words.TermsEnd, name), say(words.TermsAsIs, name)},
	})
	return nil
}

// about shows one of these pages, with whom to ask and the way to the others.
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
	for _, other := range []struct {
		path  string
		title string
	}{{"/", say(words.AboutTitle, f.About.Name)}, {"/privacy", say(words.PrivacyTitle)}, {"/terms", say(words.TermsTitle)}} {
		if other.title != p.Title {
			p.Links = append(p.Links, link{other.title, f.Address + other.path})
		}
	}
	p.App, p.Good, p.Public = f.About.Name, true, true
	show(w, r, http.StatusOK, p)
}
