package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// kubernetes runs the shards of a kind as one Indexed Job, each on a node of its own.
// A delivery leaves its pod by the log, before the pod ends: what a completed pod had
// on its node is gone within minutes.
type kubernetes struct{ client }

func manifestFile(k *Kind) string { return k.Name + ".yaml" }

// ImageFile is the image that a kind's pods run, an OCI archive.
func (k *Kind) ImageFile() string { return k.Name + ".image.tar" }

func (e *kubernetes) namespace(k *Kind) string {
	if n := k.Settings["namespace"]; n != "" {
		return n
	}
	return "default"
}

// Files are the manifests.
func (e *kubernetes) Files() map[string][]byte { return e.files(manifestFile, e.manifest) }

// manifest is the Job of a kind. It says itself why it is so.
func (e *kubernetes) manifest(k *Kind) string {
	shards := e.fleet.Of(k)
	var ids []string
	for _, s := range shards {
		ids = append(ids, s.ID)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Fleet %s, kind %s. contend fleet run creates this Job; it can be edited before.
apiVersion: batch/v1
kind: Job
metadata:
  name: %s
  namespace: %s
  labels: {app: contend, contend-fleet: %q, contend-kind: %s}
spec:
  # A pod for each shard: its index is a place in the list SHARDS below.
  completionMode: Indexed
  completions: %d
  parallelism: %d
  # Retries are counted for each shard: one bad machine does not use up those of all.
  backoffLimitPerIndex: 2
  maxFailedIndexes: %d
  # By default a replacement starts while the old pod still measures.
  podReplacementPolicy: Failed
  # Twice what is expected, and ten minutes: a pod that fits no node waits for ever.
  activeDeadlineSeconds: %d
  # A day, for contend fleet collect to read the logs.
  ttlSecondsAfterFinished: 86400
  podFailurePolicy:
    rules:
    # An evicted pod is replaced, and costs none of the retries.
    - action: Ignore
      onPodConditions: [{type: DisruptionTarget, status: "True"}]
    # A machine of another kind (2) and processes that failed (3) would be so again.
    - action: FailIndex
      onExitCodes: {containerName: contend, operator: In, values: [2, 3]}
  template:
    metadata:
      labels: {app: contend, contend-fleet: %q, contend-kind: %s}
    spec:
      restartPolicy: Never
      # For a process to end that measures, and for the delivery.
      terminationGracePeriodSeconds: 120
      # What measures asks nothing of the cluster.
      automountServiceAccountToken: false
      enableServiceLinks: false
      # Never two pods of contend on one node: they would disturb each other.
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution:
          - topologyKey: kubernetes.io/hostname
            labelSelector: {matchLabels: {app: contend}}
`, e.fleet.ID, k.Name, e.job(k), e.namespace(k), e.fleet.ID, k.Name, k.Machines, k.Machines, k.Machines,
		60*minutes(k, shards), e.fleet.ID, k.Name)
	fmt.Fprintf(&b, "      nodeSelector:\n        kubernetes.io/arch: %s\n", k.Arch)
	if key, value, ok := strings.Cut(k.Settings["selector"], "="); ok {
		fmt.Fprintf(&b, "        %s: %q\n", key, value)
	}
	if t := k.Settings["toleration"]; t != "" {
		key, value, _ := strings.Cut(t, "=")
		fmt.Fprintf(&b, "      tolerations: [{key: %q, operator: Equal, value: %q, effect: NoSchedule}]\n", key, value)
	}
	fmt.Fprintf(&b, `      # As the restricted level of pod security asks; 65532 is nobody's.
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        runAsGroup: 65532
        fsGroup: 65532
        seccompProfile: {type: RuntimeDefault}
      containers:
      - name: contend
        image: %q
        command: [/bundle/contend, fleet, measure, /bundle]
        # --print: the delivery leaves by the log, as the pod's folders go with the pod.
        args: [--fleet=$(PLAN), --to=/out, --print, --attempt=$(POD), --name=$(NODE), --shard=$(SHARDS)]
        env:
        - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
        - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
        - {name: TMPDIR, value: /tmp}
        - name: SHARDS # by completion index
          value: %q
        - name: PLAN # this kind's part of fleet.json
          value: %s
        resources:
          # No CPU limit: a limit is a quota, and throttles. Three quarters of the CPUs leave
          # room for the node's own services and for nothing else of size.
          requests: {cpu: %q, memory: 1Gi}
        securityContext:
          allowPrivilegeEscalation: false
          readOnlyRootFilesystem: true
          capabilities: {drop: [ALL]}
        volumeMounts:
        - {name: out, mountPath: /out}
        - {name: tmp, mountPath: /tmp}
      # The only folders that can be written to.
      volumes:
      - {name: out, emptyDir: {}}
      - {name: tmp, emptyDir: {}}
`, k.Settings["image"], strings.Join(ids, " "), "'"+strings.ReplaceAll(e.fleet.part(k, shards...), "'", "''")+"'", strconv.Itoa(request(k)))
	return b.String()
}

// request is most of the CPUs of a node: those of its own services cannot be
// requested, and nothing else of size fits beside it.
func request(k *Kind) int { return max(1, k.CPUs*3/4) }

var (
	completionsLine = regexp.MustCompile(`(?m)^(  completions|  parallelism): \d+$`)
	shardsLine      = regexp.MustCompile(`(- name: SHARDS[^\n]*\n +value: )"[^"]*"`)
)

// narrowed is a manifest, as people have edited it, for some of its shards.
func narrowed(manifest []byte, shards []string) ([]byte, error) {
	if len(completionsLine.FindAll(manifest, -1)) != 2 || !shardsLine.Match(manifest) {
		return nil, errors.New("the lines with completions, parallelism and the value of SHARDS are not as contend fleet plan wrote them: they must stay")
	}
	manifest = completionsLine.ReplaceAll(manifest, fmt.Appendf(nil, "${1}: %d", len(shards)))
	return shardsLine.ReplaceAll(manifest, fmt.Appendf(nil, "${1}%q", strings.Join(shards, " "))), nil
}

// kubectl calls kubectl on a kind's namespace.
func (e *kubernetes) kubectl(ctx context.Context, doing string, k *Kind, in []byte, args ...string) ([]byte, error) {
	return call(ctx, doing, bytes.NewReader(in), "kubectl", append([]string{"--namespace=" + e.namespace(k)}, args...)...)
}

func (e *kubernetes) Run(ctx context.Context, shards []*Shard, wait bool) (started int, err error) {
	for _, k := range e.fleet.Kinds {
		var left []string
		for _, s := range shards {
			if s.Kind == k.Name {
				left = append(left, s.ID)
			}
		}
		active, err := e.active(ctx, k)
		if err != nil {
			return started, err
		}
		if active {
			started += k.Machines
		}
		if len(left) == 0 || active {
			continue
		}
		manifest, err := os.ReadFile(filepath.Join(e.dir, manifestFile(k)))
		if err != nil {
			return started, err
		}
		if manifest, err = narrowed(manifest, left); err != nil {
			return started, fmt.Errorf("%s: %w", manifestFile(k), err)
		}
		// What the pods of an earlier Job have delivered is here: Fetch came first.
		if _, err := e.kubectl(ctx, "removing the Job of an earlier run", k, nil, "delete", "job", e.job(k), "--ignore-not-found", "--wait=true"); err != nil {
			return started, err
		}
		if _, err := e.kubectl(ctx, "creating the Job of "+manifestFile(k), k, manifest, "create", "--filename=-", "--validate=strict"); err != nil {
			return started, err
		}
		started += len(left)
		e.progress.print(k.Name, "job "+e.job(k)+", shards "+strings.Join(left, " "))
	}
	if wait {
		return started, await(ctx, e)
	}
	return started, nil
}

// job is what of a Job matters here.
type job struct {
	Spec   struct{ Completions int }
	Status struct {
		Active           int
		CompletedIndexes string
		FailedIndexes    string
		Conditions       []struct{ Type, Status, Reason string }
	}
}

// active reports whether the kind's Job exists and is not over.
func (e *kubernetes) active(ctx context.Context, k *Kind) (bool, error) {
	out, err := e.kubectl(ctx, "asking the cluster for the Job of kind "+k.Name, k, nil, "get", "job", e.job(k), "--ignore-not-found", "--output=json")
	if err != nil || len(bytes.TrimSpace(out)) == 0 {
		return false, err
	}
	var j job
	if err := json.Unmarshal(out, &j); err != nil {
		return false, fmt.Errorf("kubectl get job %s: %w", e.job(k), err)
	}
	for _, c := range j.Status.Conditions {
		if (c.Type == "Complete" || c.Type == "Failed") && c.Status == "True" {
			return false, nil
		}
	}
	return true, nil
}

// pod is what of a pod matters here.
type pod struct {
	Metadata struct {
		Name        string
		Annotations map[string]string
	}
	Spec struct {
		NodeName   string
		Containers []struct {
			Env []struct{ Name, Value string }
		}
	}
	Status struct {
		Phase, Reason     string
		Conditions        []struct{ Type, Status, Message string }
		ContainerStatuses []struct {
			State struct {
				Terminated *struct {
					ExitCode int
					Reason   string
				}
			}
		}
	}
}

// shard is the shard that the pod has by its index; empty if it is not told.
func (p *pod) shard() string {
	i, err := strconv.Atoi(p.Metadata.Annotations["batch.kubernetes.io/job-completion-index"])
	if err != nil {
		return ""
	}
	for _, c := range p.Spec.Containers {
		for _, v := range c.Env {
			if list := strings.Fields(v.Value); v.Name == "SHARDS" && i < len(list) {
				return list[i]
			}
		}
	}
	return ""
}

// state is how far the pod is, and where.
func (p *pod) state() string {
	text := strings.ToLower(p.Status.Phase)
	if p.Spec.NodeName != "" {
		text += " on " + p.Spec.NodeName
	}
	for _, c := range p.Status.Conditions {
		if c.Type == "PodScheduled" && c.Status == "False" {
			text += " (" + c.Message + ")"
		}
	}
	return text
}

// end is how the pod ended, as far as the cluster tells.
func (p *pod) end() string {
	for _, c := range p.Status.ContainerStatuses {
		switch t := c.State.Terminated; {
		case t == nil:
		case t.ExitCode > 128:
			return fmt.Sprintf("killed by signal %d (%s)", t.ExitCode-128, t.Reason)
		default:
			return fmt.Sprintf("ended with exit code %d", t.ExitCode)
		}
	}
	if p.Status.Reason != "" {
		return "ended: " + p.Status.Reason
	}
	return "ended"
}

func (e *kubernetes) pods(ctx context.Context, k *Kind) ([]pod, error) {
	out, err := e.kubectl(ctx, "asking the cluster for the pods of kind "+k.Name, k, nil, "get", "pods", "--selector=contend-fleet="+e.fleet.ID+",contend-kind="+k.Name, "--output=json")
	if err != nil {
		return nil, err
	}
	var list struct{ Items []pod }
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, fmt.Errorf("kubectl get pods: %w", err)
	}
	return list.Items, nil
}

// Status lists the pods of Jobs that are not over, by their shards. A Job whose pods the
// namespace refuses has none, for ever.
func (e *kubernetes) Status(ctx context.Context) (map[string]Seen, error) {
	seen := map[string]Seen{}
	for _, k := range e.fleet.Kinds {
		active, err := e.active(ctx, k)
		if err != nil {
			return nil, err
		}
		if !active {
			continue
		}
		found, err := e.pods(ctx, k)
		if err != nil {
			return nil, err
		}
		for _, p := range found {
			text := p.state()
			if before := seen[p.shard()].State; before != "" { // of an earlier pod, or a later one
				text = before + ", " + text
			}
			seen[p.shard()] = Seen{State: text, Processes: -1, Active: true}
		}
		for _, s := range e.fleet.Of(k) {
			if len(found) == 0 {
				seen[s.ID] = Seen{State: "no pod yet: kubectl describe job " + e.job(k) + " says why", Processes: -1, Active: true}
			}
		}
	}
	return seen, nil
}

// Fetch takes the deliveries from the pods' logs.
func (e *kubernetes) Fetch(ctx context.Context) error {
	var errs []error
	for _, k := range e.fleet.Kinds {
		found, err := e.pods(ctx, k)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNoAnswer, err)
		}
		for _, p := range found {
			if p.Status.Phase != "Succeeded" && p.Status.Phase != "Failed" {
				continue
			}
			if err := e.fetch(ctx, k, &p); err != nil {
				errs = append(errs, fmt.Errorf("pod %s: %w", p.Metadata.Name, err))
			}
		}
	}
	return errors.Join(errs...)
}

func (e *kubernetes) fetch(ctx context.Context, k *Kind, p *pod) error {
	pod := p.Metadata.Name
	log, err := e.kubectl(ctx, "reading the log of pod "+pod, k, nil, "logs", "pod/"+pod)
	if err != nil {
		return err
	}
	delivery, ok, err := extract(log)
	if err != nil {
		return fmt.Errorf("%s: %w", p.end(), err)
	}
	if !ok {
		return fmt.Errorf("%s without a list of what it delivered; kubectl logs %s has its words", p.end(), pod)
	}
	part := filepath.Join(e.dir, Delivered, ".pod")
	defer os.RemoveAll(part)
	if err := unpack(bytes.NewReader(delivery), part); err != nil {
		return err
	}
	a, err := readAttempt(filepath.Join(part, pod))
	if err != nil {
		return err
	}
	if a.done == nil {
		return fmt.Errorf("its delivery has no %s", DoneName)
	}
	s, err := e.fleet.Shard(a.done.Shard)
	if err != nil {
		return err
	}
	return unpack(bytes.NewReader(delivery), filepath.Join(e.dir, Delivered, s.ID))
}

func (e *kubernetes) Stop(ctx context.Context) error {
	var errs []error
	for _, k := range e.fleet.Kinds {
		_, err := e.kubectl(ctx, "removing the Job of kind "+k.Name, k, nil, "delete", "job", e.job(k), "--ignore-not-found")
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
