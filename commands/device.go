package commands

import "github.com/spf13/cobra"

// device is where pictures are decoded and encoded, as media.DecodeOptions.Device takes it.
type device string

// The devices that can be asked for. What a machine really has, `rtsprec doctor` says.
const (
	deviceAuto  device = "auto" // the first that works, software where none does
	deviceNone  device = "none" // software
	deviceCUDA  device = "cuda"
	deviceVAAPI device = "vaapi"
	deviceV4L2  device = "v4l2"
)

var devices = []device{deviceAuto, deviceNone, deviceCUDA, deviceVAAPI, deviceV4L2}

// deviceFlag adds --device to a command that decodes or encodes pictures; value gets the
// default.
func deviceFlag(cmd *cobra.Command, value *device) {
	*value = deviceAuto
	enumFlag(cmd, value, devices,
		"device", "where pictures are decoded and encoded; doctor says what works here")
}
