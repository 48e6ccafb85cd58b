//go:build cgo

package av

import (
	"os"
	"path/filepath"
	"strings"

	"rtsprec/engine/fault"
)

// What the system says about a device, before a driver is asked: a machine without one is
// told so at once and in plain words.

func lookCUDA() (string, error) {
	version, err := os.ReadFile("/proc/driver/nvidia/version")
	if err != nil {
		if _, err := os.Stat("/dev/nvidiactl"); err != nil {
			return "", fault.New(fault.Unsupported, "no NVIDIA driver is loaded (no /dev/nvidiactl)")
		}
	}
	models, _ := filepath.Glob("/proc/driver/nvidia/gpus/*/information")
	for _, file := range models {
		text, _ := os.ReadFile(file)
		for line := range strings.Lines(string(text)) {
			if model, ok := strings.CutPrefix(line, "Model:"); ok {
				return printable(model), nil
			}
		}
	}
	line, _, _ := strings.Cut(string(version), "\n")
	return printable(line), nil
}

func lookVAAPI() (string, error) {
	nodes, _ := filepath.Glob("/dev/dri/renderD*")
	if len(nodes) == 0 {
		return "", fault.New(fault.Unsupported, "no graphics device (no /dev/dri/renderD128)")
	}
	f, err := os.OpenFile(nodes[0], os.O_RDWR, 0)
	if err != nil {
		return "", fault.New(fault.Denied, "%s may not be opened: add the user to the group render", nodes[0])
	}
	f.Close()
	driver, _ := os.Readlink(filepath.Join("/sys/class/drm", filepath.Base(nodes[0]), "device/driver"))
	return printable(nodes[0] + " " + filepath.Base(driver)), nil
}

func lookV4L2() (string, error) {
	nodes, _ := filepath.Glob("/dev/video*")
	if len(nodes) == 0 {
		return "", fault.New(fault.Unsupported, "no video device (no /dev/video*)")
	}
	var names []string
	for _, node := range nodes {
		name, _ := os.ReadFile(filepath.Join("/sys/class/video4linux", filepath.Base(node), "name"))
		if text := printable(string(name)); text != "" && !strings.Contains(strings.Join(names, " "), text) {
			names = append(names, text)
		}
	}
	return strings.Join(names, ", "), nil
}

// printable is text of a driver on one line.
func printable(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " ")
	return text[:min(len(text), 120)]
}
