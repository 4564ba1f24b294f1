package process

import (
	"bufio"
	"os"
	"os/exec"
	"testing"
	"time"
)

// TestCPUTime: the time of children counts, while they live and when they have
// ended.
func TestCPUTime(t *testing.T) {
	// Each shell says when it has burnt some time: a child's child that lives, and one
	// that has ended.
	const burn = `i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done`
	cmd := exec.Command("sh", "-c", `sh -c '`+burn+`'; sh -c '`+burn+`; echo burnt; read line' <&0 & wait`)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	sum, ok := CPUTime(cmd.Process.Pid)
	own, _ := clock(cmd.Process.Pid)
	_ = in.Close()
	_ = cmd.Wait()
	used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime() // all of them, when they have ended
	if !ok || sum < used*3/4 || sum > used+10*time.Millisecond {
		t.Errorf("CPU time %v, %v; %v at the end, of which the first process's own are %v", sum, ok, used, own)
	}
	if _, ok := CPUTime(cmd.Process.Pid); ok {
		t.Error("CPU time of a process that has ended")
	}
	if self, ok := CPUTime(os.Getpid()); !ok || self < used/2 {
		t.Errorf("CPU time of a process whose child used %v: %v", used, self)
	}
}
