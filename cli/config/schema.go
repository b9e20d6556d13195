package config

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/BurntSushi/toml"
)

// unknownKey returns what is wrong with a key that Config does not have, "" if
// it does. The parser's own check would let "Listen" pass for "listen".
func unknownKey(k toml.Key) string {
	t := reflect.TypeFor[Config]()
	for _, part := range k {
		for t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		switch t.Kind() {
		case reflect.Map:
			t = t.Elem()
			continue
		case reflect.Struct:
			if f, ok := fieldFor(t, part); ok {
				t = f.Type
				continue
			}
			return "unknown key" + suggestion(t, part)
		}
		return "unknown key: there is nothing below a plain value"
	}
	return ""
}

func fieldFor(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if f := t.Field(i); f.Tag.Get("toml") == key {
			return f, true
		}
	}
	return reflect.StructField{}, false
}

// suggestion names the key that was probably meant, or all there are.
func suggestion(t reflect.Type, key string) string {
	var all []string
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("toml")
		if strings.EqualFold(name, key) || distance(name, key) <= 2 {
			return fmt.Sprintf("; did you mean %q?", name)
		}
		all = append(all, name)
	}
	return "; here can be " + strings.Join(all, ", ")
}

// distance returns the least number of bytes to insert, delete or replace that
// makes a into b (Wagner and Fischer, 1974).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(diagonal+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
