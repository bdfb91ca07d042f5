package vault

import "time"

// These read a field as what it was stored as, or give the zero value.

func number(f Fields, name string) int64     { n, _ := f[name].(int64); return n }
func data(f Fields, name string) []byte      { b, _ := f[name].([]byte); return b }
func moment(f Fields, name string) time.Time { t, _ := f[name].(time.Time); return t.UTC() }
