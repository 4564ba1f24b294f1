package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strings"
)

// call runs one of the engine's programs to its end and returns what it printed. An
// error says what was tried, what the program's own words mean, and what to do.
func call(ctx context.Context, doing string, in io.Reader, name string, args ...string) ([]byte, error) {
	c := exec.CommandContext(ctx, name, args...)
	c.Stdin = in
	var stderr bytes.Buffer
	c.Stderr = &stderr
	out, err := c.Output()
	switch {
	case err == nil:
		return out, nil
	case errors.Is(err, exec.ErrNotFound):
		return nil, fmt.Errorf("%s: %s is not on the PATH: install it, or work on a machine that has it", doing, name)
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: interrupted", doing)
	}
	return out, fmt.Errorf("%s: %s\n  (%s: %w: %s)", doing, meaning(name, stderr.String()), strings.Join(append([]string{name}, args...), " "), err, lastLines(stderr.String(), 1))
}

// meanings are what the engines' programs say, in the words of somebody who wants to
// run a fleet. The first that fits counts.
var meanings = []struct {
	program *regexp.Regexp
	says    *regexp.Regexp
	means   string
}{
	{kubectlOnly, regexp.MustCompile(`(?i)connection (to the server|refused)|unable to connect|no such host|timeout|no configuration has been provided`),
		"the cluster does not answer: kubectl cluster-info must work first; KUBECONFIG names the file with the cluster's address"},
	{kubectlOnly, regexp.MustCompile(`(?i)unauthorized|must be logged in|provide credentials`),
		"the cluster does not know you: log in, and try kubectl auth whoami"},
	{kubectlOnly, regexp.MustCompile(`(?i)forbidden`),
		"the cluster forbids it: in the namespace you need create, get and delete of Jobs, get and list of pods, and get of their logs"},
	{kubectlOnly, regexp.MustCompile(`(?i)namespaces? .* not found`),
		"there is no such namespace: kubectl create namespace, or plan with namespace="},
	{kubectlOnly, regexp.MustCompile(`(?i)strict decoding|unknown field|is invalid|error validating`),
		"the cluster does not take the manifest: undo what was edited in the .yaml; Kubernetes must be 1.33 or newer"},
	{slurmOnly, regexp.MustCompile(`(?i)unable to contact|connection (refused|failure)|could not establish`),
		"Slurm's controller does not answer: scontrol ping must work first; use a login node of the cluster"},
	{slurmOnly, regexp.MustCompile(`(?i)invalid partition`),
		"there is no such partition: sinfo lists them; correct --partition in the .sbatch"},
	{slurmOnly, regexp.MustCompile(`(?i)invalid account`),
		"Slurm does not take this account: sacctmgr show associations lists yours; correct --account in the .sbatch"},
	{slurmOnly, regexp.MustCompile(`(?i)node configuration is not available|invalid feature`),
		"no node is as the .sbatch asks: sinfo --Node --long lists them; correct --partition and --constraint"},
	{slurmOnly, regexp.MustCompile(`(?i)time limit`),
		"the partition allows less time: shorten --time in the .sbatch, or plan fewer repetitions"},
}

var (
	kubectlOnly = regexp.MustCompile(`^kubectl$`)
	slurmOnly   = regexp.MustCompile(`^(sbatch|squeue|scancel)$`)
)

// meaning is what a program's error means and what to do, where that is known.
func meaning(program, said string) string {
	for _, m := range meanings {
		if m.program.MatchString(program) && m.says.MatchString(said) {
			return m.means
		}
	}
	return "refused, for the reason below: try the command by hand"
}
