package commands

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
)

// onvifFlags say which cameras' encoders are asked for a lower bit rate.
type onvifFlags struct {
	rates     []string
	addresses []string
}

func (o *onvifFlags) bind(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringArrayVar(&o.rates, "onvif-bitrate", nil, "ask the camera's encoder over ONVIF for this rate (kbit/s) while the way is too narrow for the main stream: `[NAME=]KBIT`; may be repeated")
	flags.StringArrayVar(&o.addresses, "onvif", nil, "where it is asked, if not at http://CAMERA/onvif/device_service: `[NAME=]URL`; may be repeated")
	noFileCompletion(cmd, "onvif-bitrate", "onvif")
}

// onvifHelp is what the commands with these flags say of them.
const onvifHelp = `With --onvif-bitrate the camera's own encoder is asked first, over ONVIF with
the login of the camera's URL: for that rate while the way is too narrow, and
for its own again once the main stream has come in time for a while, more and
more seldom where that fails. A smaller stream has its turn only where pictures
still come late after some seconds. At the end the camera gets its own setting
back; only a crash, or a second Ctrl-C, leaves it at the lower rate. A device
that refuses is told of once and left alone.
`

// Bounds of a rate that makes sense, in kbit/s.
const (
	leastKbit = 16
	mostKbit  = 1_000_000
)

// apply gives cameras what was typed.
func (o *onvifFlags) apply(cameras []journal.Camera) error {
	for _, text := range o.rates {
		c, value, err := namedCamera(cameras, "--onvif-bitrate", text)
		if err != nil {
			return err
		}
		kbit, bad := strconv.Atoi(value)
		switch {
		case bad != nil || kbit < leastKbit || kbit > mostKbit:
			return usage("--onvif-bitrate 800", "%q is no number of kbit/s from %d to %d", fault.URL(value), leastKbit, mostKbit)
		case c.ONVIFBitrate != 0:
			return usage("one --onvif-bitrate a camera", "camera %s has two rates", c.Name)
		}
		c.ONVIFBitrate = kbit
	}
	for _, text := range o.addresses {
		c, value, err := namedCamera(cameras, "--onvif", text)
		if err != nil {
			return err
		}
		u, bad := url.Parse(value)
		switch {
		case bad != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
			return usage("--onvif http://HOST:PORT/onvif/device_service", "%q is no address of an ONVIF device", fault.URL(value))
		case u.User != nil:
			return usage("--onvif http://HOST:PORT/onvif/device_service", "--onvif takes no password: user and password are those of the camera's URL")
		case c.ONVIFBitrate == 0:
			return usage("--onvif-bitrate "+c.Name+"=800", "camera %s is not to be asked for anything over ONVIF", c.Name)
		case c.ONVIF != "":
			return usage("one --onvif a camera", "camera %s has two ONVIF addresses", c.Name)
		}
		c.ONVIF = value
	}
	return nil
}

// namedCamera reads [NAME=]VALUE; of a camera that is alone the name may be left out.
func namedCamera(cameras []journal.Camera, flag, text string) (*journal.Camera, string, error) {
	name, value, named := strings.Cut(text, "=")
	if !named || strings.ContainsAny(name, ":/") {
		name, value = "", text
		if len(cameras) == 1 {
			return &cameras[0], value, nil
		}
		return nil, "", usage(flag+" NAME="+fault.URL(value), "which camera is %s %s of?", flag, fault.URL(value))
	}
	i := slices.IndexFunc(cameras, func(c journal.Camera) bool { return c.Name == name })
	if i < 0 {
		return nil, "", usage("-i "+name+"=rtsp://HOST/PATH "+flag+" "+fault.URL(text), "there is no camera %s", name)
	}
	return &cameras[i], value, nil
}
