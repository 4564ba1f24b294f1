package fleet

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// playedSSH is an engine whose hosts are this machine, with one home folder for all.
// What its kind runs is a script that identifies a bundle by one of its files. A host
// that is called slow unpacks its bundle when the files begin and unpack are there, and
// says by files that it waits for them.
func playedSSH(t *testing.T) (e *ssh, home string) {
	t.Helper()
	home = t.TempDir()
	dir, f := testFleet(t)
	tools := t.TempDir()
	write := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	wait := func(name string) string {
		return fmt.Sprintf("touch %s/waits-%s; while ! [ -e %s/%s ]; do sleep 0.01; done", tools, name, tools, name)
	}
	write(filepath.Join(tools, "ssh"), "#!/bin/sh\ncd "+home+"\nif [ \"$1\" = slow ]; then\n"+
		"case $2 in *'tar xzf'*) "+wait("begin")+"; PATH="+tools+":$PATH;; esac\nfi\nexec sh -c \"$2\"\n")
	real, err := exec.LookPath("tar")
	if err != nil {
		t.Skip("no tar here")
	}
	write(filepath.Join(tools, "tar"), "#!/bin/sh\n"+wait("unpack")+"\nexec "+real+" \"$@\"\n")

	bundle := filepath.Join(t.TempDir(), "epyc")
	os.Mkdir(bundle, 0o755)
	write(filepath.Join(bundle, "contend"), "#!/bin/sh\nsha256sum <$3/data | cut -c1-32\n")
	write(filepath.Join(bundle, "data"), "what is measured")
	k := f.Kind("epyc")
	k.Bundle = "epyc.tar.gz"
	k.Digest = fmt.Sprintf("%x", sha256.Sum256([]byte("what is measured")))[:32]
	if out, err := exec.Command("tar", "czf", filepath.Join(dir, k.Bundle), "-C", filepath.Dir(bundle), "epyc").CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	return &ssh{client: client{dir: dir, fleet: f, progress: &lines{w: io.Discard}}, command: []string{filepath.Join(tools, "ssh")}}, home
}

// waitFor waits until a file is there.
func waitFor(path string) {
	for {
		if _, err := os.Stat(path); err == nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// installed is the folder of the bundle that a host runs.
func installed(t *testing.T, e *ssh, home string) string {
	t.Helper()
	note, err := os.ReadFile(filepath.Join(home, e.folder(), ready(e.fleet.Kind("epyc"))))
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(home, e.folder(), strings.TrimSpace(string(note)))
}

// TestUploadTogether: of two hosts with one home folder, one begins to upload before the
// other has, and unpacks while the other already measures. Neither touches what the
// other runs.
func TestUploadTogether(t *testing.T) {
	e, home := playedSSH(t)
	tools := filepath.Dir(e.command[0])
	slow := make(chan error)
	go func() { slow <- e.upload(t.Context(), &Shard{ID: "epyc-0", Kind: "epyc", Host: "slow"}) }()
	waitFor(filepath.Join(tools, "waits-begin"))
	if err := e.upload(t.Context(), &Shard{ID: "epyc-1", Kind: "epyc", Host: "fast"}); err != nil {
		t.Fatal(err)
	}
	runs := installed(t, e, home)
	os.WriteFile(filepath.Join(tools, "begin"), nil, 0o644)
	waitFor(filepath.Join(tools, "waits-unpack"))
	whole := func() {
		t.Helper()
		out, err := exec.Command(filepath.Join(runs, "contend"), "fleet", "digest", runs).Output()
		if err != nil || strings.TrimSpace(string(out)) != e.fleet.Kind("epyc").Digest {
			t.Errorf("what the other host runs is not whole: %s %v", out, err)
		}
	}
	whole()
	os.WriteFile(filepath.Join(tools, "unpack"), nil, 0o644)
	if err := <-slow; err != nil {
		t.Fatal(err)
	}
	whole()
	runs = installed(t, e, home)
	whole()
}

// TestUploadDamaged: what does not arrive as it was sent is not run, and what was damaged
// later is sent again.
func TestUploadDamaged(t *testing.T) {
	e, home := playedSSH(t)
	s := &Shard{ID: "epyc-0", Kind: "epyc", Host: "fast"}
	if err := e.upload(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	data := filepath.Join(installed(t, e, home), "data")
	if err := os.WriteFile(data, []byte("something else"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := e.upload(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(filepath.Join(installed(t, e, home), "data")); string(text) != "what is measured" {
		t.Errorf("the host runs %q", text)
	}
	bundle := filepath.Join(e.dir, "epyc.tar.gz")
	text, err := os.ReadFile(bundle)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(what, want string) {
		t.Helper()
		os.RemoveAll(filepath.Join(home, e.folder()))
		if err := e.upload(t.Context(), s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", what, err, want)
		}
		if left, _ := os.ReadDir(filepath.Join(home, e.folder())); len(left) > 0 {
			t.Errorf("%s: left: %v", what, left)
		}
	}
	const other = "what arrived of epyc.tar.gz is not what was sent"
	os.WriteFile(bundle, text[:len(text)/2], 0o644)
	refused("half a bundle", other)
	pack := func(program string) {
		t.Helper()
		from := t.TempDir()
		os.Mkdir(filepath.Join(from, "epyc"), 0o755)
		os.WriteFile(filepath.Join(from, "epyc", "contend"), []byte(program), 0o755)
		if out, err := exec.Command("tar", "czf", bundle, "-C", from, "epyc").CombinedOutput(); err != nil {
			t.Fatalf("%v %s", err, out)
		}
	}
	pack("#!/bin/sh\necho 0123\n")
	refused("another bundle", other)
	pack("#!/bin/sh\nexit 126\n")
	refused("a program for other machines", "contend does not run there: it is built for amd64, and this is ")
}

// TestStopOthers: stop ends what measures a shard, and no other process that has its
// number by now.
func TestStopOthers(t *testing.T) {
	e, home := playedSSH(t)
	shard := filepath.Join(home, e.folder(), Delivered, "epyc-0")
	if err := os.MkdirAll(shard, 0o755); err != nil {
		t.Fatal(err)
	}
	other := exec.Command("sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- other.Wait() }()
	os.WriteFile(filepath.Join(shard, pidName), fmt.Appendln(nil, other.Process.Pid), 0o644)
	if err := e.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	other.Process.Kill()
	if err := <-ended; err == nil || err.Error() != "signal: killed" {
		t.Errorf("the other process: %v", err)
	}
	if left, _ := os.ReadDir(home); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// TestMeanings: what the engines' programs say is passed on with what was tried, what it
// means and what to do.
func TestMeanings(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	for _, c := range []struct{ program, says, means string }{
		{"kubectl", "The connection to the server localhost:8080 was refused - did you specify the right host or port?", "does not answer: kubectl cluster-info"},
		{"kubectl", `Error from server (Forbidden): jobs.batch is forbidden: User "x" cannot create resource`, "you need create, get and delete of Jobs"},
		{"kubectl", `Error from server (NotFound): namespaces "bench" not found`, "kubectl create namespace"},
		{"kubectl", `error: You must be logged in to the server (Unauthorized)`, "kubectl auth whoami"},
		{"kubectl", `Error from server (BadRequest): Job in version "v1" cannot be handled as a Job: strict decoding error: unknown field "spec.x"`, "undo what was edited"},
		{"squeue", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)", "scontrol ping"},
		{"sbatch", "sbatch: error: invalid partition specified: nosuch", "sinfo lists them"},
		{"sbatch", "sbatch: error: Batch job submission failed: Requested node configuration is not available", "correct --partition and --constraint"},
		{"sbatch", "sbatch: error: something new", "try the command by hand"},
	} {
		if err := os.WriteFile(filepath.Join(dir, c.program), fmt.Appendf(nil, "#!/bin/sh\necho '%s' >&2\nexit 1\n", c.says), 0o755); err != nil {
			t.Fatal(err)
		}
		_, err := call(t.Context(), "trying it", bytes.NewReader(nil), c.program, "words")
		if err == nil || !strings.HasPrefix(err.Error(), "trying it: ") || !strings.Contains(err.Error(), c.means) || !strings.Contains(err.Error(), c.program+" words: exit status 1: "+c.says) {
			t.Errorf("%v\nwant %q", err, c.means)
		}
	}
	if _, err := call(t.Context(), "trying it", nil, "no-such-program"); err == nil || err.Error() != "trying it: no-such-program is not on the PATH: install it, or work on a machine that has it" {
		t.Errorf("%v", err)
	}
}
