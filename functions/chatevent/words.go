package chatevent

import "example.com/deputy/shared/userauth"

// words is all that Deputy says in Chat, save the descriptions in the command
// table and the sentences of errors, which are written where they arise.
var words = struct {
	connect, connectTitle, connectText, goOn        string
	connected, yourConnection, account              string
	allowed, declined, notAsked, allowRest, allowIt string
	since, until, howToEnd, notConnected            string
	ended, signIn, withdrawn, rest                  string
	notConnectedText                                string
	leaveTitle, reallyLeave, nothingUsable, leave   string
	left, wasNotConnected, revoked                  string
	revokeLater, erased                             string
	created, open, joined, invited, leftOut         string
	leftOutWhy, unchecked, notAllowed, nameMissing  string
	failed, tryAgain, buttonDead                    string
	helpTitle, welcome, welcomeText                 string
	capability                                      map[userauth.Capability]string
}{
	connect:      "Connect",
	connectTitle: "Connect your account",
	connectText:  "Deputy does this as you, so it needs your consent once. Press Connect, choose your account, and come back here for Continue.",
	goOn:         "Continue",

	connected:        "You are connected",
	yourConnection:   "Your connection",
	account:          "Account",
	allowed:          "allowed",
	declined:         "not allowed: you left that box unticked",
	notAsked:         "asked when you first need it",
	allowRest:        "Allow the rest",
	allowIt:          "Allow it",
	since:            "Since",
	until:            "Until, as you told Google",
	howToEnd:         "Type /disconnect to end it at any time.",
	notConnected:     "You are not connected",
	notConnectedText: "Deputy can do nothing as you. Press Connect, or just type a command such as /createspace Launch plan: it asks when it needs you.",

	ended:     "Google has ended Deputy's access to your account, because it was withdrawn there, ran out, or Google found the account at risk: please connect again.",
	signIn:    "Your organization wants you to sign in to Google again before Deputy goes on.",
	rest:      "What is left of it in Deputy's own memory cannot be used any more, and is erased within a day.",
	withdrawn: "The other systems that you had allowed to act as you may not do so any more.",

	leaveTitle:      "Disconnect?",
	reallyLeave:     "This ends Deputy's access to your Google account everywhere: in Chat, for other systems that act as you, and on your own computer. What was made in your name stays.",
	nothingUsable:   "Deputy has no usable access to your account now. You can still have everything erased that is left of an earlier one.",
	leave:           "Disconnect",
	left:            "Disconnected",
	wasNotConnected: "You were not connected, so there was nothing to end.",
	revoked:         "Your consent is revoked at Google and erased here. The next command asks you again.",
	revokeLater:     "Your consent is erased here. Google could not be reached to revoke it there; to be sure, remove Deputy at myaccount.google.com/permissions.",
	erased:          "What was left of your consent is erased here. If Deputy still stands at myaccount.google.com/permissions, please remove it there.",

	created:     "Space created",
	open:        "Open",
	joined:      "In the space",
	invited:     "Invited",
	leftOut:     "Not added",
	leftOutWhy:  "Google does not say why. Often the person is outside your organization, or one of you has blocked the other. You can invite them in the space itself.",
	unchecked:   "Deputy could not look who got in. Please check the members in the space.",
	notAllowed:  "Deputy may not look who got in: you left that box unticked. Please check the members in the space, or allow it.",
	nameMissing: "Please write the name of the space behind the command, for example: /createspace Launch plan",

	failed:     "That did not work",
	tryAgain:   "Try again",
	buttonDead: "This button does not work any more, or is not yours. Please type the command again.",

	helpTitle:   "What Deputy can do",
	welcome:     "Hello, I am Deputy",
	welcomeText: "I do things in Google Chat as you: you connect once, and the space I make is yours.",

	capability: map[userauth.Capability]string{
		userauth.CreateSpaces: "Create spaces",
		userauth.ReadMembers:  "See who is in your spaces",
	},
}
