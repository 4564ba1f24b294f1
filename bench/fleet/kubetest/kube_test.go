package kubetest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer/json"
	"k8s.io/apimachinery/pkg/types"
	feature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	featuregatetesting "k8s.io/component-base/featuregate/testing"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/batch"
	_ "k8s.io/kubernetes/pkg/apis/batch/install"
	"k8s.io/kubernetes/pkg/apis/batch/validation"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	"k8s.io/kubernetes/pkg/controller/job"
	"k8s.io/kubernetes/pkg/features"
	"k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"

	"github.com/contend-go/contend/bench/fleet"
)

// manifest is that of a fleet of four machines, with all that a kind can say.
func manifest(t *testing.T) string {
	t.Helper()
	k, err := fleet.ParseKind("c7g,machines=4,cpus=64,arch=arm64,model=Ampere's,image=registry.example/contend:1,selector=node.kubernetes.io/instance-type=c7g.16xlarge,toleration=pool=bench,namespace=bench", "kubernetes", "amd64")
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet.Fleet{Engine: "kubernetes", Kinds: []*fleet.Kind{k}}
	if err := f.Lay(6, false); err != nil {
		t.Fatal(err)
	}
	return string(fleet.New(t.TempDir(), f, io.Discard).Files()["c7g.yaml"])
}

// decode reads a manifest as the API server does under strict field validation.
func decode(text string) (*batchv1.Job, error) {
	s := legacyscheme.Scheme
	o, _, err := json.NewSerializerWithOptions(json.DefaultMetaFactory, s, s, json.SerializerOptions{Yaml: true, Strict: true}).Decode([]byte(text), nil, nil)
	if err != nil {
		return nil, err
	}
	return o.(*batchv1.Job), nil
}

// validate is what the API server does with a Job that is created: defaults, then its
// own validation.
func validate(text string) error {
	j, err := decode(text)
	if err != nil {
		return err
	}
	legacyscheme.Scheme.Default(j)
	internal := new(batch.Job)
	if err := legacyscheme.Scheme.Convert(j, internal, nil); err != nil {
		return err
	}
	// The API server makes selector and labels of the Job, before it validates.
	internal.UID = "1"
	labels := map[string]string{batch.ControllerUidLabel: "1", batch.LegacyControllerUidLabel: "1", batch.JobNameLabel: internal.Name, batch.LegacyJobNameLabel: internal.Name}
	for k, v := range labels {
		internal.Spec.Template.Labels[k] = v
	}
	internal.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{batch.ControllerUidLabel: "1"}}
	return validation.ValidateJobCreate(internal, validation.JobValidationOptions{RequirePrefixedLabels: true}).ToAggregate()
}

// TestManifest: the API server takes the manifest, and refuses it with any of the
// mistakes that are easily made in it.
func TestManifest(t *testing.T) {
	text := manifest(t)
	if err := validate(text); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	j, err := decode(text)
	if err != nil {
		t.Fatal(err)
	}
	env := j.Spec.Template.Spec.Containers[0].Env
	plan := env[slices.IndexFunc(env, func(v corev1.EnvVar) bool { return v.Name == "PLAN" })].Value
	if f, err := fleet.Load(plan); err != nil || len(f.Shards) != 4 || f.Kinds[0].Model != "Ampere's" { // as the pod reads it
		t.Errorf("%v: %s", err, plan)
	}
	for was, is := range map[string]string{
		"podReplacementPolicy: Failed":        "podReplacementPolicy: TerminatingOrFailed",
		"restartPolicy: Never":                "restartPolicy: OnFailure",
		"backoffLimitPerIndex: 2":             "backofLimitPerIndex: 2",
		"completionMode: Indexed":             "completionMode: NonIndexed",
		"containerName: contend":              "containerName: other",
		"requests: {cpu: \"48\"":              "requests: {cpu: \"many\"",
		"topologyKey: kubernetes.io/hostname": "topologyKey: ''",
	} {
		if !strings.Contains(text, was) {
			t.Errorf("no %q in the manifest", was)
			continue
		}
		if err := validate(strings.Replace(text, was, is, 1)); err == nil {
			t.Errorf("%q is taken", is)
		}
	}
}

// TestRestricted: the pods fit the restricted level of pod security.
func TestRestricted(t *testing.T) {
	j, err := decode(manifest(t))
	if err != nil {
		t.Fatal(err)
	}
	e, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := api.LevelVersion{Level: api.LevelRestricted, Version: api.LatestVersion()}
	check := func() policy.AggregateCheckResult {
		return policy.AggregateCheckResults(e.EvaluatePod(restricted, &j.Spec.Template.ObjectMeta, &j.Spec.Template.Spec))
	}
	if r := check(); !r.Allowed {
		t.Errorf("refused: %s", r.ForbiddenDetail())
	}
	j.Spec.Template.Spec.SecurityContext = nil
	if check().Allowed {
		t.Error("pods that may be root are allowed: the check checks nothing")
	}
}

// TestController: Kubernetes' own Job controller on the manifest. An evicted pod is
// replaced and costs nothing; a machine that was refused (exit 2), and one with failed
// processes (exit 3), are not tried in vain; what was killed is tried again. The Job
// fails, and its good shards are done.
func TestController(t *testing.T) {
	// The fake API gives patched objects no new version, which this feature waits for.
	featuregatetesting.SetFeatureGateDuringTest(t, feature.DefaultFeatureGate, features.StaleControllerConsistencyJob, false)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	j, err := decode(manifest(t))
	if err != nil {
		t.Fatal(err)
	}
	legacyscheme.Scheme.Default(j)
	j.UID = "1"
	j.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{batchv1.ControllerUidLabel: "1"}}
	for _, label := range []string{batchv1.ControllerUidLabel, batchv1.JobNameLabel} {
		j.Spec.Template.Labels[label] = map[string]string{batchv1.ControllerUidLabel: "1", batchv1.JobNameLabel: j.Name}[label]
	}
	client := fake.NewClientset()
	version := 0
	stamp := func(o metav1.Object) {
		version++
		o.SetResourceVersion(fmt.Sprint(version))
	}
	// What the fake API lacks: names for generateName, and versions that move.
	client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		p := a.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
		stamp(p)
		if p.Name == "" {
			p.Name = p.GenerateName + fmt.Sprint(version)
		}
		p.UID = types.UID(p.Name)
		return false, nil, nil
	})
	factory := informers.NewSharedInformerFactory(client, 0)
	jobs, pods := factory.Batch().V1().Jobs(), factory.Core().V1().Pods()
	c, err := job.NewController(ctx, client, pods, jobs, factory.Scheduling().V1beta1().Workloads(), factory.Scheduling().V1beta1().PodGroups())
	if err != nil {
		t.Fatal(err)
	}
	factory.Start(ctx.Done())
	factory.WaitForCacheSync(ctx.Done())
	go c.Run(ctx, 2)
	if _, err := client.BatchV1().Jobs(j.Namespace).Create(ctx, j, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}

	// The kubelet: each pod ends as its index and attempt have it.
	type end struct {
		code    int32
		evicted bool
	}
	ends := map[string][]end{"0": {{code: 0}}, "1": {{code: 137, evicted: true}, {code: 0}}, "2": {{code: 2}}, "3": {{code: 3}}}
	tried := map[string]int{}
	ended := map[string]bool{}
	deadline := time.After(5 * time.Minute) // of a controller that hangs, not a limit of time
	for {
		list, err := client.CoreV1().Pods(j.Namespace).List(ctx, metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list.Items {
			index := p.Annotations[batchv1.JobCompletionIndexAnnotation]
			if ended[p.Name] || index == "" {
				continue
			}
			ended[p.Name] = true
			if tried[index] >= len(ends[index]) {
				t.Fatalf("index %s is tried %d times", index, tried[index]+1)
			}
			e := ends[index][tried[index]]
			tried[index]++
			p.Status.Phase = corev1.PodSucceeded
			if e.code != 0 {
				p.Status.Phase = corev1.PodFailed
			}
			if e.evicted {
				p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue, Reason: "EvictionByEvictionAPI"})
			}
			now := metav1.Now()
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "contend", State: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: e.code, FinishedAt: now}}}}
			p.Finalizers = slices.Clone(p.Finalizers)
			stamp(&p)
			if _, err := client.CoreV1().Pods(j.Namespace).Update(ctx, &p, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		now, err := client.BatchV1().Jobs(j.Namespace).Get(ctx, j.Name, metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if done := slices.IndexFunc(now.Status.Conditions, func(c batchv1.JobCondition) bool {
			return c.Type == batchv1.JobFailed && c.Status == corev1.ConditionTrue
		}); done >= 0 {
			failed := ""
			if now.Status.FailedIndexes != nil {
				failed = *now.Status.FailedIndexes
			}
			if now.Status.CompletedIndexes != "0,1" || failed != "2,3" || now.Status.Conditions[done].Reason != "FailedIndexes" {
				t.Errorf("completed %q, failed %q, %+v", now.Status.CompletedIndexes, failed, now.Status.Conditions[done])
			}
			break
		}
		select {
		case <-deadline:
			t.Fatalf("the Job does not end: %+v, tried %v", now.Status, tried)
		case <-time.After(20 * time.Millisecond):
		}
	}
	if tried["0"] != 1 || tried["1"] != 2 || tried["2"] != 1 || tried["3"] != 1 {
		t.Errorf("tried %v", tried)
	}
}
