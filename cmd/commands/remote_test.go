package commands

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/contend-go/contend/bench/sample"
)

// sshHost is an ssh server on the loopback interface, for this user.
type sshHost struct {
	port int
	key  string // file of the user's key
	home string // folder of its sessions
}

// command is the ssh command that reaches the host, as 127.0.0.1.
func (h sshHost) command() string {
	return fmt.Sprintf("ssh -q -p %d -i %s -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o BatchMode=yes", h.port, h.key)
}

// sshd starts an ssh server. Its sessions begin in home and have env, as NAME=VALUE, in
// their environment.
func sshd(t *testing.T, home string, env ...string) sshHost {
	t.Helper()
	server, err := exec.LookPath("sshd")
	if err != nil {
		if server = "/usr/sbin/sshd"; exec.Command("test", "-x", server).Run() != nil {
			t.Skip("no sshd here: install openssh-server")
		}
	}
	dir := t.TempDir()
	for _, key := range []string{"host", "user"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", filepath.Join(dir, key)).CombinedOutput(); err != nil {
			t.Skipf("no ssh keys: %v %s", err, out)
		}
	}
	if os.Getuid() == 0 {
		os.MkdirAll("/run/sshd", 0o755) // where sshd separates privileges
	}
	h := sshHost{port: freePort(t), key: filepath.Join(dir, "user"), home: home}
	config := fmt.Sprintf("Port %d\nListenAddress 127.0.0.1\nHostKey %s/host\nAuthorizedKeysFile %s/user.pub\nStrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\nForceCommand cd %s && %s exec sh -c \"$SSH_ORIGINAL_COMMAND\"\n",
		h.port, dir, dir, h.home, strings.Join(env, " "))
	if err := os.WriteFile(filepath.Join(dir, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c := exec.Command(server, "-D", "-e", "-f", filepath.Join(dir, "config"))
	c.Stderr = &log
	if err := c.Start(); err != nil {
		t.Skip("sshd does not start: ", err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	words := strings.Fields(h.command())
	for range 50 {
		if exec.Command(words[0], append(words[1:], "127.0.0.1", "true")...).Run() == nil {
			return h
		}
		time.Sleep(100 * time.Millisecond)
	}
	c.Process.Kill()
	c.Wait()
	t.Skipf("no session on the local sshd: %s", log.String())
	return h
}

// built is contend, as it would run on another host. It is built once.
func built(t *testing.T) string {
	t.Helper()
	shared.once.Do(func() {
		if shared.dir, shared.err = os.MkdirTemp("", "contend-built-"); shared.err != nil {
			return
		}
		c := exec.Command("go", "build", "-o", filepath.Join(shared.dir, "contend"), "../contend")
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := c.CombinedOutput(); err != nil {
			shared.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if shared.err != nil {
		t.Fatal(shared.err)
	}
	return filepath.Join(shared.dir, "contend")
}

// shared is what built has made; TestMain removes it.
var shared struct {
	once sync.Once
	dir  string
	err  error
}

// TestRemoteSweep packs a sweep and a test, carries them out over ssh, and reads
// what comes back.
func TestRemoteSweep(t *testing.T) {
	t.Parallel()
	h := sshd(t, t.TempDir())
	ssh, home := h.command(), h.home
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	exe := built(t)
	script, err := filepath.Abs("../../scripts/remote-sweep.sh")
	if err != nil {
		t.Fatal(err)
	}
	run := func(name string, args ...string) string {
		t.Helper()
		c := exec.Command(name, args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "CONTEND_SSH="+ssh)
		out, err := c.CombinedOutput()
		if err != nil {
			t.Fatalf("%s %v: %v\n%s", name, args, err, out)
		}
		return string(out)
	}
	host := me.Username + "@127.0.0.1"
	for _, c := range []struct {
		pack []string
		base string
	}{
		{[]string{"pack", "sweep", "--backend", "mutexlru", "--keys", "1K", "--time", "5ms", "--count", "2"}, "Cache"},
		{[]string{"pack", "sync", "--bench", "^BenchmarkMutex$", "--time", "5ms", "--count", "2"}, "Mutex"},
	} {
		run(exe, append(c.pack, "--output", "b.tar.gz")...)
		if out := run("bash", script, host, "b.tar.gz", "--procs", "1", "--count", "1"); !strings.HasSuffix(out, "contend-run-127.0.0.1\n") {
			t.Errorf("%s", out)
		}
		set, err := sample.Load(filepath.Join(dir, "contend-run-127.0.0.1"))
		if err != nil || len(set.Samples) == 0 {
			t.Fatal(err)
		}
		for _, s := range set.Samples {
			if !s.Valid() || s.Name.Base != c.base || s.Name.Procs() != 1 || s.Block != 0 {
				t.Errorf("%+v", s)
			}
		}
		if left, _ := os.ReadDir(home); len(left) > 0 {
			t.Errorf("left on the host: %v", left)
		}
	}
	for _, args := range [][]string{{}, {host}, {host, "none.tar.gz"}} {
		c := exec.Command("bash", append([]string{script}, args...)...)
		c.Dir = dir
		if out, _ := c.CombinedOutput(); c.ProcessState.ExitCode() != 2 || len(out) == 0 {
			t.Errorf("%v: exit %d\n%s", args, c.ProcessState.ExitCode(), out)
		}
	}
}
