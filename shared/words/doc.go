// Package words names the texts that Deputy says to people. The texts are in
// shared/i18n/locales; after you add one, run go generate here.
package words

//go:generate go run ../../tools/words/generate.go
