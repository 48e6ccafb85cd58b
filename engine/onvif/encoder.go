package onvif

import (
	"context"
	"encoding/xml"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rtsprec/engine/fault"
	"rtsprec/engine/media"
)

// mostProfiles is how many of a device's profiles are asked for the address of their stream.
const mostProfiles = 32

// Options say whom to ask, and about which stream.
type Options struct {
	Device         string // http:// or https:// address of the device service, without user and password
	User, Password string // of the device; an empty User: it asks for none
	Stream         string // RTSP address of the stream, without user and password
	Clock          media.Clock
}

// Encoder is the configuration by which a device encodes a stream. It is for one goroutine
// at a time.
type Encoder struct {
	device *device
	media  *url.URL
	token  string
	least  int // kbit/s it takes; 0: it does not say
}

// Open asks a device which configuration encodes the stream: that of the profile that has
// the stream's address, otherwise that of the first profile, which by custom is the main
// stream's. The errors of this package are the device's own words with a kind: Denied,
// Unsupported, NotFound, Refused, Protocol, Timeout, Unreachable; Usage for an address that
// is none.
func Open(ctx context.Context, o Options) (*Encoder, error) {
	d, err := newDevice(o)
	if err != nil {
		return nil, err
	}
	d.readClock(ctx)
	e := &Encoder{device: d}
	if e.media, err = d.mediaService(ctx); err != nil {
		return nil, err
	}
	if err := e.find(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

// readClock learns how far the device's clock is ahead, as well as it says that.
func (d *device) readClock(ctx context.Context) {
	res, err := d.ask(ctx, d.address, nsDevice, "GetSystemDateAndTime", "")
	if err != nil {
		return // then it has the right time, or the login fails and says so
	}
	utc := res.at("SystemDateAndTime", "UTCDateTime")
	n := func(path ...string) int { v, _ := strconv.Atoi(utc.at(path...).value()); return v }
	if year := n("Date", "Year"); year > 1969 && year < 3000 {
		at := time.Date(year, time.Month(n("Date", "Month")), n("Date", "Day"), n("Time", "Hour"), n("Time", "Minute"), n("Time", "Second"), 0, time.UTC)
		d.ahead = at.Sub(d.o.Clock.Wall())
	}
}

// mediaService is the address of the media service. Of what the device says only the path
// counts, and the port where the host is the one that was asked: behind a translation of
// addresses a device knows its own only, and no password goes to another host.
func (d *device) mediaService(ctx context.Context) (*url.URL, error) {
	at := *d.address
	at.Path, at.RawPath, at.RawQuery = "/onvif/media_service", "", ""
	res, err := d.ask(ctx, d.address, nsDevice, "GetCapabilities", "<Category>Media</Category>")
	for _, final := range []fault.Kind{fault.Denied, fault.Timeout, fault.Unreachable, fault.Canceled} {
		if fault.Is(err, final) {
			return nil, err
		}
	}
	said, bad := url.Parse(res.at("Capabilities", "Media", "XAddr").value())
	if bad != nil || said.Path == "" {
		return &at, nil
	}
	at.Path, at.RawPath, at.RawQuery = said.Path, said.RawPath, said.RawQuery
	if said.Scheme == at.Scheme && strings.EqualFold(said.Hostname(), at.Hostname()) {
		at.Host = said.Host
	}
	return &at, nil
}

// find chooses the configuration.
func (e *Encoder) find(ctx context.Context) error {
	res, err := e.ask(ctx, "GetProfiles", "")
	if err != nil {
		return err
	}
	var profiles []*element
	for _, p := range res.all("Profiles") {
		if p.at("VideoEncoderConfiguration").attr("token") != "" && len(profiles) < mostProfiles {
			profiles = append(profiles, p)
		}
	}
	if len(profiles) == 0 {
		return fault.New(fault.NotFound, "%s has no profile with a video encoder", e.media.Host)
	}
	chosen := profiles[0]
	if len(profiles) > 1 {
		for _, p := range profiles {
			uri, err := e.ask(ctx, "GetStreamUri", `<StreamSetup><Stream xmlns="`+nsSchema+`">RTP-Unicast</Stream><Transport xmlns="`+nsSchema+`"><Protocol>RTSP</Protocol></Transport></StreamSetup>`+
				`<ProfileToken>`+escaped(p.attr("token"))+`</ProfileToken>`)
			if ctx.Err() != nil {
				return err
			}
			if err == nil && sameStream(uri.at("MediaUri", "Uri").value(), e.device.o.Stream) {
				chosen = p
				break
			}
		}
	}
	configuration := chosen.at("VideoEncoderConfiguration")
	e.token = configuration.attr("token")
	options, err := e.ask(ctx, "GetVideoEncoderConfigurationOptions", "<ConfigurationToken>"+escaped(e.token)+"</ConfigurationToken>")
	if err == nil { // many devices say nothing of it
		extension := options.at("Options", "Extension").within(configuration.at("Encoding").value())
		e.least, _ = strconv.Atoi(extension.at("BitrateRange", "Min").value())
	}
	return nil
}

// sameStream compares what addresses ask a device for; what host it has is another matter.
func sameStream(a, b string) bool {
	u, err := url.Parse(a)
	v, bad := url.Parse(b)
	return err == nil && bad == nil && strings.TrimSuffix(u.Path, "/") == strings.TrimSuffix(v.Path, "/") && u.RawQuery == v.RawQuery
}

func (e *Encoder) ask(ctx context.Context, name, content string) (*element, error) {
	return e.device.ask(ctx, e.media, nsMedia, name, content)
}

// Lower gives the encoder a lower limit of its bit rate, in kbit/s, or the least that the
// device takes; a limit that is lower already is left. It returns the limit of before and
// the one that was asked for. With an error was is 0 where the device was not asked.
func (e *Encoder) Lower(ctx context.Context, kbit int) (was, is int, err error) {
	return e.change(ctx, false, func(now int) int { return min(now, max(kbit, e.least)) })
}

// Restore gives the encoder the limit that it had, in kbit/s. It is sent even where that is
// the limit, because a lower one may be on its way.
func (e *Encoder) Restore(ctx context.Context, kbit int) error {
	_, _, err := e.change(ctx, true, func(int) int { return kbit })
	return err
}

// change sets the limit, until the device starts anew. Everything else is sent back as it
// was read just before.
func (e *Encoder) change(ctx context.Context, always bool, to func(now int) int) (was, is int, err error) {
	res, err := e.ask(ctx, "GetVideoEncoderConfiguration", "<ConfigurationToken>"+escaped(e.token)+"</ConfigurationToken>")
	if err != nil {
		return 0, 0, err
	}
	configuration := res.at("Configuration")
	limit := configuration.at("RateControl", "BitrateLimit")
	was, bad := strconv.Atoi(limit.value())
	if bad != nil || was <= 0 {
		return 0, 0, fault.New(fault.Unsupported, "the encoder of %s has no limit of its bit rate", e.media.Host)
	}
	if is = to(was); is == was && !always {
		return was, is, nil
	}
	limit.text = strconv.Itoa(is)
	var b strings.Builder
	out := xml.NewEncoder(&b)
	if err = configuration.write(out, xml.Name{Space: nsMedia, Local: "Configuration"}); err == nil {
		err = out.Close()
	}
	if err != nil {
		return 0, 0, fault.Wrap(fault.Protocol, "send the configuration back as it was read", err)
	}
	_, err = e.ask(ctx, "SetVideoEncoderConfiguration", b.String()+"<ForcePersistence>false</ForcePersistence>")
	return was, is, err
}
