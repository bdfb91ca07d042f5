package vault

import "time"

// These getters return the zero value for a missing field or a field of another type.

func intField(f Fields, name string) int64      { n, _ := f[name].(int64); return n }
func boxOf(f Fields) []byte                     { b, _ := f[sealedField].([]byte); return b }
func timeField(f Fields, name string) time.Time { t, _ := f[name].(time.Time); return t.UTC() }
