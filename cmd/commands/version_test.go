package commands

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestVersion(t *testing.T) {
	for _, c := range []struct {
		info *debug.BuildInfo
		want string
	}{
		{nil, " unknown\nprotocol 1, go"},
		{&debug.BuildInfo{Main: debug.Module{Version: "v1.2.3"}}, " v1.2.3\nprotocol 1, go"},
		{&debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}, {Key: "vcs.modified", Value: "true"}}}, " (devel), commit abc, modified\n"},
	} {
		var b strings.Builder
		if err := writeVersion(&b, c.info); err != nil || !strings.Contains(b.String(), c.want) {
			t.Errorf("%v: %q, want %q in it", err, b.String(), c.want)
		}
	}
}
