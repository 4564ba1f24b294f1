package commands

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/contend-go/contend/bench"
	"github.com/contend-go/contend/bench/fleet"
	"github.com/contend-go/contend/bench/sample"
)

// unpackImage checks an OCI image against its own hashes, and unpacks its layer.
func unpackImage(t *testing.T, file, dir string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parts := map[string][]byte{}
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		parts[h.Name], _ = io.ReadAll(r)
		if hash, ok := strings.CutPrefix(h.Name, "blobs/sha256/"); ok {
			if sum := sha256.Sum256(parts[h.Name]); hex.EncodeToString(sum[:]) != hash {
				t.Errorf("%s is not its hash", h.Name)
			}
		}
	}
	type ref struct {
		MediaType, Digest string
		Size              int
	}
	read := func(text []byte, v any) {
		t.Helper()
		if err := json.Unmarshal(text, v); err != nil {
			t.Fatal(err)
		}
	}
	blob := func(r ref) []byte {
		text := parts["blobs/sha256/"+strings.TrimPrefix(r.Digest, "sha256:")]
		if len(text) != r.Size || len(text) == 0 {
			t.Fatalf("%+v: %d bytes", r, len(text))
		}
		return text
	}
	var index struct{ Manifests []ref }
	var manifest struct {
		Config ref
		Layers []ref
	}
	var config struct {
		OS, Architecture string
		RootFS           struct {
			DiffIDs []string `json:"diff_ids"`
		}
	}
	if !bytes.Contains(parts["oci-layout"], []byte(`"1.0.0"`)) {
		t.Errorf("oci-layout: %s", parts["oci-layout"])
	}
	read(parts["index.json"], &index)
	read(blob(index.Manifests[0]), &manifest)
	read(blob(manifest.Config), &config)
	z, err := gzip.NewReader(bytes.NewReader(blob(manifest.Layers[0])))
	if err != nil {
		t.Fatal(err)
	}
	layer, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha256.Sum256(layer); config.RootFS.DiffIDs[0] != "sha256:"+hex.EncodeToString(sum[:]) || config.OS != "linux" || config.Architecture != runtime.GOARCH {
		t.Errorf("%+v", config)
	}
	c := exec.Command("tar", "xf", "-", "-C", dir)
	c.Stdin = bytes.NewReader(layer)
	if out, err := c.CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
}

// TestFleetKubernetes: three shards as an Indexed Job, in a cluster that is played: a
// pod that runs twice, one that is evicted, a log that is cut. What is lost is named
// and run again, and nothing counts twice.
func TestFleetKubernetes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	play, err := filepath.Abs("testdata/fleet")
	if err != nil {
		t.Fatal(err)
	}
	state := filepath.Join(dir, "cluster")
	image := filepath.Join(state, "image")
	if err := os.MkdirAll(image, 0o755); err != nil {
		t.Fatal(err)
	}
	exe := built(t)
	run := func(want int, args ...string) string {
		t.Helper()
		c := exec.Command(exe, append([]string{"fleet"}, args...)...)
		c.Dir = dir
		c.Env = append(os.Environ(), "PATH="+play+":"+os.Getenv("PATH"), "CLUSTER="+state)
		out, _ := c.CombinedOutput()
		if got := c.ProcessState.ExitCode(); got != want {
			t.Fatalf("%v: exit %d, want %d\n%s", args, got, want, out)
		}
		return narrow(string(out))
	}
	plan := func(out string) string {
		return run(0, "plan", "--engine", "kubernetes", "--kind", fmt.Sprintf("here,machines=3,cpus=%d,image=registry/contend:1,selector=pool=bench,toleration=bench=yes", runtime.NumCPU()), "--out", out,
			"sweep", "--backend", "mutexlru", "--keys", "1K", "--time", "5ms", "--count", "2", "--procs", "1")
	}
	if says := plan("f"); !strings.Contains(says, "next:\n skopeo copy oci-archive:f/here.image.tar docker://registry/contend:1") || !strings.Contains(says, "contend fleet run f ") {
		t.Errorf("%s", says)
	}
	plan("g")
	a, err := os.ReadFile(filepath.Join(dir, "f", "here.image.tar"))
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(filepath.Join(dir, "g", "here.image.tar")); !bytes.Equal(a, b) {
		t.Error("the same words give other bytes of an image")
	}
	one, err := fleet.Load(filepath.Join(dir, "f"))
	if err != nil {
		t.Fatal(err)
	}
	if two, err := fleet.Load(filepath.Join(dir, "g")); err != nil || one.ID == two.ID {
		t.Errorf("planned twice, and one fleet: %s, %v", one.ID, err)
	}
	unpackImage(t, filepath.Join(dir, "f", "here.image.tar"), image)
	if err := os.WriteFile(filepath.Join(state, "faults"), []byte("0 twice\n1 evicted\n2 cut\n"), 0o644); err != nil {
		t.Fatal(err)
	}

	// A cluster that does not answer: nothing was run, and the words say what to do.
	down := filepath.Join(state, "down")
	os.WriteFile(down, nil, 0o644)
	for _, args := range [][]string{{"run", "f", "--wait"}, {"run", "f"}, {"status", "f"}} {
		says := run(bench.ExitUsage, args...)
		for _, want := range []string{"asking the cluster for the", "of kind here: the cluster does not answer: kubectl cluster-info must work first", "127.0.0.1:6443 was refused"} {
			if !strings.Contains(says, want) {
				t.Errorf("%v: %s\nwant %q", args, says, want)
			}
		}
	}
	os.Remove(down)

	says := run(bench.ExitInvalid, "run", "f", "--wait")
	for _, want := range []string{
		"here-0 2 of 2 4 0 node-0-0\n", "here-0: 2 repetitions were delivered twice and count once",
		"here-1 0 of 2 0 0 -\n", "killed by signal 9 (Error) without a list of what it delivered; kubectl logs contend-" + one.ID + "-here-1-0",
		"here-2 0 of 2 0 0 -\n", "next:\n contend fleet run f ", "the log ends within the delivery",
	} {
		if !strings.Contains(says, want) {
			t.Errorf("%s\nwant %q", says, want)
		}
	}
	os.WriteFile(filepath.Join(state, "running"), nil, 0o644)
	says = run(0, "status", "f")
	for _, want := range []string{
		"shard repetitions delivered processes delivered failed machines processes so far kubernetes says\n",
		"here-0 2 of 2 4 0 node-0-0 - succeeded on node-0-0, succeeded on node-0-0-again\n", "here-1 0 of 2 0 0 - - failed on node-1-0\n",
	} {
		if !strings.Contains(says, want) {
			t.Errorf("%s\nwant %q", says, want)
		}
	}
	os.Remove(filepath.Join(state, "running"))
	// The pods are gone by now; what they delivered is not.
	says = run(0, "run", "f", "--wait")
	if !strings.Contains(says, "shards here-1 here-2") || !strings.Contains(says, "here-0 2 of 2") || strings.Contains(says, "0 of 2") {
		t.Errorf("%s", says)
	}
	run(0, "collect", "f")
	run(0, "run", "f") // nothing is left to do
	set, err := sample.Load(filepath.Join(dir, "f", fleet.RunFolder))
	if err != nil {
		t.Fatal(err)
	}
	count := map[int]int{}
	for _, s := range set.Samples {
		count[s.Block]++
	}
	for b := range 6 {
		if count[b] != 2 {
			t.Errorf("block %d has %d samples", b, count[b])
		}
	}
	// A manifest can be edited, but for the lines that say which shards.
	path := filepath.Join(dir, "g", "here.yaml")
	text, _ := os.ReadFile(path)
	os.WriteFile(path, bytes.Replace(text, []byte("  parallelism: 3\n"), nil, 1), 0o644)
	if says := run(bench.ExitUsage, "run", "g"); !strings.Contains(says, "here.yaml: the lines with completions, parallelism") {
		t.Errorf("%s", says)
	}
	run(0, "stop", "f")
	if _, err := os.Stat(filepath.Join(state, "manifest.yaml")); err == nil {
		t.Error("stop left the Job")
	}
}
