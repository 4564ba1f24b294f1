package main

import (
	"regexp"
	"strings"
	"testing"
)

// TestHelpIsOfLocks: every help text of this program speaks of locks and services: texts that it shares with contend
// take their words from the family.
func TestHelpIsOfLocks(t *testing.T) {
	ofCaches := regexp.MustCompile(`(?i)\bcaches?\b|\bbackends?\b|mutexlru|otter|gubernator`)
	hardware := strings.NewReplacer("socket, shared cache or hyperthreads", "")
	command := regexp.MustCompile(`(?m)^  ([a-z]+) `)
	var walk func(words ...string)
	seen := 0
	walk = func(words ...string) {
		out, err := program(append(words, "--help")...).Output()
		if err != nil {
			t.Fatalf("%v --help: %v", words, err)
		}
		seen++
		help := hardware.Replace(string(out))
		if found := ofCaches.FindString(help); found != "" {
			t.Errorf("%v --help speaks of %q:\n%s", words, found, help)
		}
		_, commands, ok := strings.Cut(help, "Available Commands:")
		if !ok {
			return
		}
		commands, _, _ = strings.Cut(commands, "Flags:")
		for _, m := range command.FindAllStringSubmatch(commands, -1) {
			if m[1] != "completion" && m[1] != "help" { // of the library
				walk(append(words[:len(words):len(words)], m[1])...)
			}
		}
	}
	walk()
	if seen < 18 {
		t.Errorf("only %d help texts were read", seen)
	}
}

// TestDefaultOfServices: the help says in a few words that all services are the default.
func TestDefaultOfServices(t *testing.T) {
	out, err := program("sweep", "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile(`(?m)^ +--service .*\(default (.*)\)$`).FindStringSubmatch(string(out))
	if m == nil || !strings.HasPrefix(m[1], "all ") || !strings.Contains(m[1], "redsync…") || len(m[1]) > 100 {
		t.Errorf("the default is %q in\n%s", m, out)
	}
}
