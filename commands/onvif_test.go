package commands

import (
	"strings"
	"testing"

	"rtsprec/engine/fault"
	"rtsprec/engine/journal"
)

func TestONVIFRatesAndAddressesBelongToACamera(t *testing.T) {
	two := func() []journal.Camera {
		return []journal.Camera{{Name: "left", URL: "rtsp://cam1/main"}, {Name: "right", URL: "rtsp://cam2/main"}}
	}
	list := two()
	o := onvifFlags{rates: []string{"right=800"}, addresses: []string{"right=http://cam2:8000/onvif/device_service?a=b"}}
	if err := o.apply(list); err != nil || list[0] != two()[0] || list[1].ONVIFBitrate != 800 || list[1].ONVIF != "http://cam2:8000/onvif/device_service?a=b" {
		t.Errorf("%v %+v", err, list)
	}
	lone := []journal.Camera{{Name: loneCamera, URL: "rtsp://cam1/main"}}
	o = onvifFlags{rates: []string{"500"}, addresses: []string{"http://cam1/onvif?x=y"}}
	if err := o.apply(lone); err != nil || lone[0].ONVIFBitrate != 500 || lone[0].ONVIF != "http://cam1/onvif?x=y" {
		t.Errorf("%v %+v", err, lone)
	}
	for _, o := range []onvifFlags{
		{rates: []string{"800"}}, {rates: []string{"middle=800"}}, {rates: []string{"left="}}, {rates: []string{"left=1M"}},
		{rates: []string{"left=0"}}, {rates: []string{"left=-5"}}, {rates: []string{"left=800", "left=900"}},
		{addresses: []string{"left=http://cam1/onvif"}}, // asked for nothing
		{rates: []string{"left=800"}, addresses: []string{"left=rtsp://cam1/onvif"}},
		{rates: []string{"left=800"}, addresses: []string{"left=http://u:s3cret@cam1/onvif"}},
		{rates: []string{"left=800"}, addresses: []string{"http://cam1/onvif"}},
	} {
		if err := o.apply(two()); !fault.Is(err, fault.Usage) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%+v: %v, want a usage error", o, err)
		}
	}
}
