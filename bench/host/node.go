package host

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"strings"
)

// nodeFiles hold what is unique to a machine, the most stable first: the
// installation's identity, and the boot's, which also a container without the
// first one sees.
var nodeFiles = []string{"/etc/machine-id", "/var/lib/dbus/machine-id", "/proc/sys/kernel/random/boot_id"}

// Node tells this machine from others of its kind: ten hexadecimal digits that
// stay the same, or empty where nothing tells. It is no host name, and does not
// give the machine's identity away: like systemd's application-specific identity
// it is an HMAC of a constant under that identity. Machines cloned with their
// identity have equal ones: name them (--node).
func Node() string {
	for _, path := range nodeFiles {
		if text, err := os.ReadFile(path); err == nil {
			if id := strings.TrimSpace(string(text)); id != "" && id != "uninitialized" {
				return hidden(id)
			}
		}
	}
	if name, err := os.Hostname(); err == nil && name != "" {
		return hidden(name)
	}
	return ""
}

// Boot tells this machine, since it was started, from all others, also from those
// cloned with its identity; empty where nothing tells. Containers of a machine have
// its own.
func Boot() string {
	text, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if id := strings.TrimSpace(string(text)); err == nil && id != "" {
		return hidden(id)
	}
	return Node()
}

func hidden(identity string) string {
	h := hmac.New(sha256.New, []byte(identity))
	h.Write([]byte("contend node"))
	return hex.EncodeToString(h.Sum(nil)[:5])
}
