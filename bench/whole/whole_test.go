package whole_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench/whole"
)

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.txt")
	if err := whole.WriteBytes(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	// One that fails leaves the file that was there, and nothing beside it.
	err := whole.Write(path, func(w io.Writer) error {
		io.WriteString(w, "half")
		return errors.New("no more")
	})
	if err == nil || !strings.Contains(err.Error(), "a.txt: no more") {
		t.Errorf("error %v", err)
	}
	if text, _ := os.ReadFile(path); string(text) != "first" {
		t.Errorf("%q", text)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if err := whole.WriteBytes(filepath.Join(dir, "none", "b.txt"), nil); err == nil {
		t.Error("a folder that is not there")
	}
	if err := whole.WriteBytes(os.DevNull, []byte("x")); err != nil {
		t.Errorf("a device: %v", err)
	}
}
