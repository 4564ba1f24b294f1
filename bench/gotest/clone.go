package gotest

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// git runs git, and says in one line what a clone lacks and which command brings
// it, where git says it in many.
func (b *builder) git(dir string, env []string, args ...string) (string, error) {
	out, err := b.runWith(dir, append(env, "LC_ALL=C"), "git", args...) // the messages are read below
	if err != nil {
		return "", lacking(err)
	}
	return strings.TrimRight(string(out), "\n"), nil
}

// unsafeFolder is the folder in git's refusal to read a clone of another user, as
// containers of CI have it.
var unsafeFolder = regexp.MustCompile(`dubious ownership in repository at '(.*)'`)

// lacking puts a remedy in the place of git's own words, for what is known.
func lacking(err error) error {
	text := err.Error()
	switch owned := unsafeFolder.FindStringSubmatch(text); {
	case owned != nil:
		return fmt.Errorf("git does not read a clone that belongs to another user: git config --global --add safe.directory %s allows it", owned[1])
	case strings.Contains(text, "not a git repository (or any"):
		return errors.New("no other revision without a git repository, and this folder is in none: start it in a clone, or name one with -- -C FOLDER")
	case strings.Contains(text, "promisor remote"), strings.Contains(text, "lazy fetching disabled"):
		reason, _, _ := strings.Cut(text[strings.Index(text, "fatal: ")+1:], "\n")
		return fmt.Errorf("this partial clone lacks files of the revision, and could not get them from its remote (%s): git fetch --refetch --no-filter brings all, where the remote can be reached; in a workflow, actions/checkout without filter", strings.TrimPrefix(reason, "atal: "))
	}
	return err
}

// noRevision is the error for a name that the clone does not have.
func (b *builder) noRevision(dir, name string, shallow bool) error {
	text, fetch := "no such revision in this clone", "git fetch"
	if shallow {
		text, fetch = "no such revision in this shallow clone", "git fetch --unshallow"
	}
	remedy := ": " + fetch
	remotes, _ := b.git(dir, nil, "remote")
	for _, remote := range strings.Fields(remotes) {
		branch, ofRemote := strings.CutPrefix(name, remote+"/")
		if !branchName.MatchString(branch) || commitName.MatchString(branch) {
			continue
		}
		tracking := remote + "/" + branch
		if _, err := b.git(dir, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", "refs/remotes/"+tracking); err == nil {
			return fmt.Errorf("%s; %s is one", text, tracking)
		}
		if ofRemote || remedy == ": "+fetch {
			remedy = fmt.Sprintf(": %s %s %s:refs/remotes/%s brings %s, if there is one", fetch, remote, branch, tracking, tracking)
		}
	}
	return errors.New(text + remedy + workflowRemedy(shallow))
}

// branchName is what a branch may be called, as opposed to HEAD~1 or a commit's
// abbreviated name.
var (
	branchName = regexp.MustCompile(`^[A-Za-z][\w./-]*$`)
	commitName = regexp.MustCompile(`^(HEAD|@|[0-9a-f]{7,40})$`)
)

// workflowRemedy is how a workflow gets the whole history.
func workflowRemedy(shallow bool) string {
	if shallow {
		return "; in a workflow, actions/checkout with fetch-depth: 0"
	}
	return ""
}
