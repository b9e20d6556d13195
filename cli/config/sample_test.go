package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const sample = "../../config.toml"

func readSample(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(sample)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// uncomment makes keys and sections of what the sample only shows.
func uncomment(text string) string {
	return regexp.MustCompile(`(?m)^#([a-z\[])`).ReplaceAllString(text, "$1")
}

func compareNetworks() cmp.Option {
	return cmp.Comparer(func(a, b Network) bool { return a == b })
}

func TestSampleAsItIs(t *testing.T) {
	c, err := Load(sample)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(Default(), c, compareNetworks()); d != "" {
		t.Errorf("the sample, all in comments, differs from the defaults:\n%s", d)
	}
}

func TestSampleUncommentedIsTheDefault(t *testing.T) {
	c, err := Parse(sample, []byte(uncomment(readSample(t))))
	if err != nil {
		t.Fatal(err)
	}
	c.Schedulers, c.OIDC, c.Types, c.Rsync.Modules = nil, nil, nil, nil
	if d := cmp.Diff(Default(), c, compareNetworks(), cmpopts.EquateEmpty()); d != "" {
		t.Errorf("the values shown are not the defaults:\n%s", d)
	}
}

func TestSampleExamplesShowTheirDefaults(t *testing.T) {
	c, err := Parse(sample, []byte(uncomment(readSample(t))))
	if err != nil {
		t.Fatal(err)
	}
	s := c.Schedulers[0]
	if s.MaxLifetime != schedulerLifetime || s.MaxBytes != schedulerBytes || s.MaxFiles != schedulerFiles {
		t.Errorf("the bounds shown for a scheduler are not the defaults: %v %v %v", s.MaxLifetime, s.MaxBytes, s.MaxFiles)
	}
	if m := c.Types["example"].Mode; m != Merge {
		t.Errorf("mode shown %q", m)
	}
}

// TestSampleHasEveryField finds the key of each field of Config in the sample.
func TestSampleHasEveryField(t *testing.T) {
	var tree map[string]any
	if _, err := toml.Decode(uncomment(readSample(t)), &tree); err != nil {
		t.Fatal(err)
	}
	fields := 0
	checkFields(t, reflect.TypeFor[Config](), tree, "", &fields)
	if fields < 80 {
		t.Errorf("only %d fields looked at", fields)
	}
}

func checkFields(t *testing.T, typ reflect.Type, tree any, at string, fields *int) {
	for typ.Kind() == reflect.Slice && typ.Elem().Kind() == reflect.Struct {
		list, ok := tree.([]map[string]any)
		if !ok || len(list) == 0 {
			return // a slice of plain values, such as networks
		}
		typ, tree = typ.Elem(), list[0]
	}
	table, ok := tree.(map[string]any)
	if !ok {
		return
	}
	if typ.Kind() == reflect.Map {
		for key := range table {
			checkFields(t, typ.Elem(), table[key], at+"."+key, fields)
		}
		return
	}
	for i := range typ.NumField() {
		key := typ.Field(i).Tag.Get("toml")
		if key == "" {
			t.Errorf("%s.%s has no key", at, typ.Field(i).Name)
		}
		*fields++
		if _, ok := table[key]; !ok {
			t.Errorf("the sample lacks %s", strings.TrimPrefix(at+"."+key, "."))
			continue
		}
		checkFields(t, typ.Field(i).Type, table[key], at+"."+key, fields)
	}
}
