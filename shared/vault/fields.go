package vault

import "time"

// These read a field as what it was stored as, or give the zero value: a
// record written before a field existed reads as if it had been empty.

func text(f Fields, name string) string      { s, _ := f[name].(string); return s }
func number(f Fields, name string) int64     { n, _ := f[name].(int64); return n }
func flag(f Fields, name string) bool        { b, _ := f[name].(bool); return b }
func data(f Fields, name string) []byte      { b, _ := f[name].([]byte); return b }
func texts(f Fields, name string) []string   { s, _ := f[name].([]string); return s }
func moment(f Fields, name string) time.Time { t, _ := f[name].(time.Time); return t }
