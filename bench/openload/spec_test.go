package openload

import "testing"

func TestRead(t *testing.T) {
	for word, want := range map[string]Offered{"80%": {Share: 80}, "250k": {Rate: 250_000}, "1.5M": {Rate: 1.5e6}, "1000": {Rate: 1000}, "120%": {Share: 120}} {
		if o, err := read(word); err != nil || o != want {
			t.Errorf("%s: %+v, %v", word, o, err)
		}
	}
	for _, word := range []string{"", "0", "-1", "fast", "80ms", "300%", "NaN", "closed", "%", "1e30"} {
		if _, err := read(word); err == nil {
			t.Errorf("%q is a rate", word)
		}
	}
}
