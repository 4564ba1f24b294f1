package host

import (
	"fmt"
	"slices"
	"strings"
)

// governor is the set of cpufreq governors of the CPUs, unknown if one's is.
func (t tree) governor(cpus []CPU) string {
	var seen []string
	for _, c := range cpus {
		g := t.word(fmt.Sprintf("sys/devices/system/cpu/cpu%d/cpufreq/scaling_governor", c.ID))
		if g == Unknown {
			return Unknown
		}
		if !slices.Contains(seen, g) {
			seen = append(seen, g)
		}
	}
	slices.Sort(seen)
	return strings.Join(seen, ",")
}

// turbo reads the switch of intel_pstate, or that of all other drivers.
func (t tree) turbo() string {
	for _, s := range []struct{ file, on, off string }{
		{"sys/devices/system/cpu/intel_pstate/no_turbo", "0", "1"},
		{"sys/devices/system/cpu/cpufreq/boost", "1", "0"},
	} {
		switch t.line(s.file) {
		case s.on:
			return "on"
		case s.off:
			return "off"
		}
	}
	return Unknown
}

// virtualization names the hypervisor. The CPU's own flag decides on x86,
// because clouds name themselves in the firmware of their bare machines too;
// other CPUs have no such flag, and firmware is all there is.
func (t tree) virtualization(flag bool, arch string) string {
	firmware := t.line("sys/class/dmi/id/sys_vendor") + " " + t.line("sys/class/dmi/id/product_name")
	clocks := t.line("sys/devices/system/clocksource/clocksource0/available_clocksource")
	x86 := arch == "amd64" || arch == "386"
	if x86 && !flag {
		return "none"
	}
	if kind := t.line("sys/hypervisor/type"); kind != "" {
		return kind
	}
	for _, v := range []struct{ where, has, name string }{
		{clocks, "kvm-clock", "kvm"},
		{clocks, "hyperv", "hyperv"},
		{clocks, "xen", "xen"},
		{firmware, "VMware", "vmware"},
		{firmware, "VirtualBox", "virtualbox"},
		{firmware, "Virtual Machine", "hyperv"},
		{firmware, "Google Compute Engine", "kvm"},
		{firmware, "KVM", "kvm"},
		{firmware, "QEMU", "qemu"},
		{firmware, "Amazon EC2", "amazon"},
	} {
		if strings.Contains(v.where, v.has) {
			return v.name
		}
	}
	if x86 {
		return "vm"
	}
	return Unknown
}

// container names the container runtime around this process, "none" if
// nothing speaks for one.
func (t tree) container() string {
	groups := t.text("proc/self/cgroup") + t.text("proc/1/cgroup")
	switch {
	case strings.Contains(groups, "kubepods") || t.exists("var/run/secrets/kubernetes.io"):
		return "kubernetes"
	case t.exists("run/.containerenv") || strings.Contains(groups, "libpod"):
		return "podman"
	case t.exists(".dockerenv") || strings.Contains(groups, "/docker"):
		return "docker"
	case strings.Contains(groups, "/lxc"):
		return "lxc"
	}
	if name := t.line("run/systemd/container"); name != "" {
		return name
	}
	return "none"
}
