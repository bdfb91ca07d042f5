package oauthcallback

import (
	"net/http"
	"strings"

	"example.com/deputy/shared/userauth"
)

// All that a person reads in the browser stands in this file.

const (
	failedTitle = "That did not work"
	backToChat  = "Nothing was stored. You can close this page and go back to Google Chat."
	tryAgain    = "Try again"
)

var connectedPage = page{
	Title: "Connected", Good: true,
	Text: []string{"Deputy can act as you now.", "Go back to Google Chat and press Continue, or type your command again. You can close this page."},
}

// refused is the page for a consent that came to nothing.
func refused(r *userauth.Refusal) (int, page) {
	account := "another account"
	if r.Account != "" {
		account = r.Account
	}
	switch r.Reason {
	case userauth.LinkExpired:
		return http.StatusGone, page{Title: "This link has expired", Text: []string{
			"Links to connect work for a day, and a consent has to be finished within ten minutes.",
			"Go back to Google Chat and type your command again: you get a fresh link.",
		}}
	case userauth.LinkUsed:
		return http.StatusConflict, page{Title: "Already used", Text: []string{
			"This step was taken before, and counts once.",
			"Go back to Google Chat and press Continue, or type your command again: it asks you again if it has to.",
		}}
	case userauth.OtherBrowser:
		return http.StatusForbidden, page{Title: "Another browser", Text: []string{
			"A consent has to be finished in the browser in which it was begun, with cookies allowed.",
			backToChat + " Press Connect there once more.",
		}}
	case userauth.Declined:
		return http.StatusForbidden, button(page{Title: "Not connected", Text: []string{
			"You did not allow access, so Deputy cannot act as you.", backToChat,
		}}, r.Again, tryAgain)
	case userauth.WrongAccount:
		return http.StatusForbidden, button(page{Title: "Another account", Text: []string{
			"You chose " + account + ", but somebody else asked for this in Google Chat. Please choose the account you use there.", backToChat,
		}}, r.Again, "Choose another account")
	case userauth.WrongDomain:
		return http.StatusForbidden, page{Title: "Not for this account", Text: []string{
			"Deputy is set up for certain organizations, and " + account + " is in none of them. Ask your administrator if it should be.", backToChat,
		}}
	case userauth.Unfinished:
		return http.StatusServiceUnavailable, button(page{Title: "Not finished", Text: []string{
			"Your consent was fine, but something did not answer in time, so it is not certain that it was stored.",
			"Go back to Google Chat and type /status to see, or try again in a minute.",
		}}, r.Again, tryAgain)
	default:
		return http.StatusBadRequest, button(page{Title: "Google did not agree", Text: []string{
			"Google sent you back without a consent that Deputy can use. If Google's page spoke of a blocked app or a policy, your administrator has to allow Deputy first.", backToChat,
		}}, r.Again, tryAgain)
	}
}

// unticked is the page for a consent that leaves out what the act needs.
func unticked(o userauth.Outcome) page {
	names := make([]string, len(o.Missing))
	for i, c := range o.Missing {
		names[i] = capability[c]
	}
	return button(page{Title: "One box was left unticked", Text: []string{
		"You are connected as " + o.Email + ", but what you asked for also needs this: " + strings.Join(names, "; ") + ".",
		"Press the button and tick that box, or go back to Google Chat and do without.",
	}}, o.Again, "Allow it")
}

// capability names what a box on Google's page allows.
var capability = map[userauth.Capability]string{
	userauth.CreateSpaces: "create spaces in Google Chat",
	userauth.ReadMembers:  "see who is in your spaces",
}
