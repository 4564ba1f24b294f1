package fleet

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/contend-go/contend/bench/sample"
)

// slurm runs the shards of a kind as one array job, a whole node each. The fleet's
// folder must be on a file system that the nodes see.
type slurm struct{ client }

func batchFile(k *Kind) string { return k.Name + ".sbatch" }

// Files are the batch scripts. Slurm copies them when they are submitted.
func (e *slurm) Files() map[string][]byte { return e.files(batchFile, e.script) }

func (e *slurm) script(k *Kind) string {
	var b strings.Builder
	shards := e.fleet.Of(k)
	fmt.Fprintf(&b, `#!/bin/sh
# Fleet %s, kind %s: shard N of this array job measures on a node of its own.
# contend fleet run submits it; it can be edited, and submitted by hand as well.
#SBATCH --job-name=%s
#SBATCH --array=0-%d
# A task has a whole node, with all of its CPUs and memory: neighbours would disturb it.
#SBATCH --nodes=1
#SBATCH --exclusive
#SBATCH --mem=0
# A task whose node is lost runs again, and measures what is not complete; its log goes on.
#SBATCH --requeue
#SBATCH --open-mode=append
#SBATCH --output=%s-%%a.log
# A minute before the time is over this script is told, and ends what measures cleanly.
#SBATCH --signal=B:TERM@60
# In minutes: twice what is expected, and ten.
#SBATCH --time=%d
`, e.fleet.ID, k.Name, e.job(k), k.Machines-1, k.Name, minutes(k, shards))
	for _, key := range []string{"partition", "constraint", "account"} {
		if v := k.Settings[key]; v != "" {
			fmt.Fprintf(&b, "#SBATCH --%s=%s\n", key, v)
		}
	}
	fmt.Fprintf(&b, `set -eu
# Slurm runs a copy of this script, so the folder is that of the submission.
fleet=${CONTEND_FLEET:-$SLURM_SUBMIT_DIR}
shard=%s-$SLURM_ARRAY_TASK_ID
if ! grep -q '"%s"' "$fleet/fleet.json"; then
	echo "$(hostname) does not see the fleet's folder $fleet: put it on a shared file system" >&2
	exit 2
fi
# The program is unpacked on the node: reading it from the network would disturb.
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'kill -TERM "$child" 2>/dev/null' TERM INT
tar xzf "$fleet/%s" -C "$scratch"
# The name of an attempt is new with each restart, so that none writes into another's folder.
"$scratch/%s/contend" fleet measure "$scratch/%s" --fleet "$fleet/fleet.json" --shard "$shard" \
	--to "$fleet/delivered" --attempt "$SLURM_JOB_ID-${SLURM_RESTART_COUNT:-0}" --name "${SLURMD_NODENAME:-$(hostname)}" &
child=$!
status=0
while kill -0 "$child" 2>/dev/null; do # a signal ends a wait, not the child
	status=0
	wait "$child" || status=$?
done
[ "$status" -le 128 ] || echo "$shard: killed by signal $((status - 128))" >&2
exit "$status"
`, k.Name, e.fleet.ID, k.Bundle, bundleRoot(k.Bundle), bundleRoot(k.Bundle))
	return b.String()
}

// minutes is a limit for a shard that leaves room for a busy machine: twice what is
// expected, and ten minutes.
func minutes(k *Kind, shards []*Shard) int {
	return int((2*k.Expect*time.Duration(shards[0].Blocks) + 10*time.Minute).Minutes())
}

func (e *slurm) Run(ctx context.Context, shards []*Shard, wait bool) (started int, err error) {
	under, err := e.Status(ctx)
	if err != nil {
		return 0, err
	}
	started = len(under)
	for _, k := range e.fleet.Kinds {
		var tasks []string
		for _, s := range shards {
			if s.Kind == k.Name && under[s.ID] == (Seen{}) {
				tasks = append(tasks, strconv.Itoa(s.Index))
			}
		}
		if len(tasks) == 0 {
			continue
		}
		dir, err := filepath.Abs(e.dir)
		if err != nil {
			return started, err
		}
		out, err := call(ctx, "submitting "+batchFile(k), nil, "sbatch", "--parsable", "--chdir="+dir, "--export=ALL,CONTEND_FLEET="+dir,
			"--array="+strings.Join(tasks, ","), filepath.Join(dir, batchFile(k)))
		if err != nil {
			return started, err
		}
		started += len(tasks)
		e.progress.print(k.Name, "job "+strings.TrimSpace(string(out))+", tasks "+strings.Join(tasks, ","))
	}
	if wait {
		return started, await(ctx, e)
	}
	return started, nil
}

// Status lists the shards that are queued or run.
func (e *slurm) Status(ctx context.Context) (map[string]Seen, error) {
	seen := map[string]Seen{}
	for _, k := range e.fleet.Kinds {
		out, err := call(ctx, "asking Slurm for the jobs of kind "+k.Name, nil, "squeue", "--noheader", "--array", "--name="+e.job(k), "--format=%K|%T|%N|%r")
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(out)) {
			fields := strings.Split(strings.TrimSpace(line), "|")
			if len(fields) != 4 {
				continue
			}
			text := strings.ToLower(fields[1])
			if fields[2] != "" {
				text += " on " + fields[2]
			}
			if fields[3] != "None" && fields[3] != "" {
				text += " (" + fields[3] + ")"
			}
			id := k.Name + "-" + fields[0]
			seen[id] = Seen{State: text, Processes: counted(filepath.Join(e.dir, Delivered, id)), Active: true}
		}
	}
	return seen, nil
}

// counted is how many processes the attempts in a shard's folder have measured so far.
func counted(shard string) (n int) {
	files, _ := filepath.Glob(filepath.Join(shard, "*", sample.FileName)) // the pattern is good
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			continue // it has not begun
		}
		n += bytes.Count(text, []byte("\n# sample "))
	}
	return n
}

// Fetch has nothing to do: jobs deliver into the fleet's folder.
func (e *slurm) Fetch(context.Context) error {
	return os.MkdirAll(filepath.Join(e.dir, Delivered), 0o755)
}

func (e *slurm) Stop(ctx context.Context) error {
	var errs []error
	for _, k := range e.fleet.Kinds {
		_, err := call(ctx, "cancelling the jobs of kind "+k.Name, nil, "scancel", "--name="+e.job(k))
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
