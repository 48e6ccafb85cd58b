// Package onviftest is a scripted ONVIF device for tests. It reads requests by itself, on
// purpose not with what it tests.
package onviftest

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rtsprec/engine/media"
)

// Options are how the device behaves. The zero value takes everything from anybody.
type Options struct {
	User, Password string
	HTTPDigest     bool          // HTTP asks for the login, and the token of SOAP counts for nothing
	Ahead          time.Duration // its clock, of this host's; a token may be 5 s old
	Elsewhere      string        // host that it gives in the address of its media service
	Least          int           // kbit/s of its encoder; 0: it does not say
	// Answer, where it is there, may answer a request of that name instead, and returns
	// whether it has.
	Answer func(name string, w http.ResponseWriter, r *http.Request) bool
}

// Device is a camera's, with an encoder for each of two profiles: of /main at 4000 kbit/s
// and of /sub at 512. The first profile is that of /sub.
type Device struct {
	URL string // of its device service

	o     Options
	mu    sync.Mutex
	rates map[string]int // by token
	asked []string
	set   []string // "main 800"
}

// Start serves a device until the test ends.
func Start(t testing.TB, o Options) *Device {
	t.Helper()
	d := &Device{o: o, rates: map[string]int{"main": 4000, "sub": 512}}
	s := httptest.NewServer(d)
	t.Cleanup(s.Close)
	d.URL = s.URL + "/onvif/device_service"
	return d
}

// Changes are the rates that were set, each with the encoder before it: "main 800".
func (d *Device) Changes() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.set...)
}

// Asked are the names of the requests that were answered or refused.
func (d *Device) Asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.asked...)
}

var bodies = regexp.MustCompile(`(?s)<s:Body><(\w+) xmlns="([^"]+)">(.*)</\w+></s:Body>`)

// ServeHTTP implements http.Handler.
func (d *Device) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	text := string(body)
	m := bodies.FindStringSubmatch(text)
	action := ""
	if m != nil {
		action = fmt.Sprintf(`action="%s/%s"`, m[2], m[1])
	}
	if m == nil || r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/soap+xml") || !strings.Contains(r.Header.Get("Content-Type"), action) {
		Fault(w, "ter:WellFormed", "this is no SOAP request")
		return
	}
	name, content := m[1], m[3]
	d.mu.Lock()
	d.asked = append(d.asked, name)
	d.mu.Unlock()
	if d.o.Answer != nil && d.o.Answer(name, w, r) {
		return
	}
	if name != "GetSystemDateAndTime" && d.o.User != "" {
		if d.o.HTTPDigest {
			if !d.httpLogin(r) {
				w.Header().Set("WWW-Authenticate", `Digest realm="cam", nonce="n0nce", qop="auth", algorithm=MD5`)
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
		} else if !d.login(text) {
			Fault(w, "ter:NotAuthorized", "Sender not Authorized, "+d.o.Password+" is the password")
			return
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.answer(w, r, name, content)
}

func (d *Device) answer(w http.ResponseWriter, r *http.Request, name, content string) {
	host := r.Host
	if d.o.Elsewhere != "" {
		host = d.o.Elsewhere
	}
	switch name {
	case "GetSystemDateAndTime":
		at := media.SystemClock{}.Wall().Add(d.o.Ahead).UTC()
		reply(w, name, fmt.Sprintf(`<tds:SystemDateAndTime><tt:DateTimeType>NTP</tt:DateTimeType><tt:UTCDateTime><tt:Time><tt:Hour>%d</tt:Hour><tt:Minute>%d</tt:Minute><tt:Second>%d</tt:Second></tt:Time>`+
			`<tt:Date><tt:Year>%d</tt:Year><tt:Month>%d</tt:Month><tt:Day>%d</tt:Day></tt:Date></tt:UTCDateTime></tds:SystemDateAndTime>`, at.Hour(), at.Minute(), at.Second(), at.Year(), at.Month(), at.Day()))
	case "GetCapabilities":
		reply(w, name, `<tds:Capabilities><tt:Media><tt:XAddr>http://`+host+`/onvif/Media</tt:XAddr></tt:Media></tds:Capabilities>`)
	case "GetProfiles":
		profiles := ""
		for _, p := range []string{"sub", "main"} {
			profiles += `<trt:Profiles token="profile_` + p + `" fixed="true"><tt:Name>` + p + `</tt:Name>` + d.configuration("tt:VideoEncoderConfiguration", p) + `</trt:Profiles>`
		}
		reply(w, name, `<trt:Profiles token="sound"><tt:Name>sound</tt:Name></trt:Profiles>`+profiles)
	case "GetStreamUri":
		path := strings.TrimPrefix(inside(content, "ProfileToken"), "profile_")
		reply(w, name, `<trt:MediaUri><tt:Uri>rtsp://`+host+`:554/`+path+`</tt:Uri></trt:MediaUri>`)
	case "GetVideoEncoderConfigurationOptions":
		if d.o.Least == 0 {
			Fault(w, "ter:ActionNotSupported", "no such action")
			return
		}
		reply(w, name, fmt.Sprintf(`<trt:Options><tt:H264><tt:FrameRateRange><tt:Min>1</tt:Min></tt:FrameRateRange></tt:H264><tt:Extension><tt:H264><tt:BitrateRange><tt:Min>%d</tt:Min><tt:Max>8000</tt:Max></tt:BitrateRange></tt:H264></tt:Extension></trt:Options>`, d.o.Least))
	case "GetVideoEncoderConfiguration":
		reply(w, name, d.configuration("trt:Configuration", inside(content, "ConfigurationToken")))
	case "SetVideoEncoderConfiguration":
		d.take(w, name, content)
	default:
		Fault(w, "ter:ActionNotSupported", name)
	}
}

// take sets what is new, and refuses what changes anything but the limit of the rate.
func (d *Device) take(w http.ResponseWriter, name, content string) {
	configuration, rest, _ := strings.Cut(content, "</Configuration>")
	got := flat(configuration + "</Configuration>")
	for token, was := range d.rates {
		limit := ""
		for _, line := range got {
			if v, ok := strings.CutPrefix(line, "http://www.onvif.org/ver10/schema BitrateLimit "); ok {
				limit = v
			}
		}
		d.rates[token], _ = strconv.Atoi(limit)
		same := strings.Join(flat(envelope(d.configuration("trt:Configuration", token)))[2:], "\n") == strings.Join(got, "\n")
		if same && d.rates[token] > 0 && strings.HasPrefix(rest, "<ForcePersistence>false<") {
			d.set = append(d.set, token+" "+limit)
			reply(w, name, "")
			return
		}
		d.rates[token] = was
	}
	Fault(w, "ter:ConfigModify", "something else is changed")
}

// configuration is one as devices write it: prefixes, comments, a vendor's own.
func (d *Device) configuration(element, token string) string {
	return fmt.Sprintf(`<%s token="%s" GuaranteedFrameRate="false"><tt:Name>Video &amp; "%s"</tt:Name><tt:UseCount>2</tt:UseCount><!-- codec -->
<tt:Encoding>H264</tt:Encoding><tt:Resolution><tt:Width>1920</tt:Width><tt:Height>1080</tt:Height></tt:Resolution><tt:Quality>4.000000</tt:Quality>
<tt:RateControl><tt:FrameRateLimit>30</tt:FrameRateLimit><tt:EncodingInterval>1</tt:EncodingInterval><tt:BitrateLimit>%d</tt:BitrateLimit></tt:RateControl>
<tt:H264><tt:GovLength>60</tt:GovLength><tt:H264Profile>High</tt:H264Profile></tt:H264>
<tt:Multicast><tt:Address><tt:Type>IPv4</tt:Type><tt:IPv4Address>239.0.0.1</tt:IPv4Address></tt:Address><tt:Port>8860</tt:Port><tt:TTL>1</tt:TTL><tt:AutoStart>false</tt:AutoStart></tt:Multicast>
<tt:SessionTimeout>PT60S</tt:SessionTimeout><v:Smart xmlns:v="urn:vendor" v:mode="a&lt;b">on</v:Smart></%s>`, element, token, token, d.rates[token], element)
}

// flat is every element of a document with its name space, attributes and text.
func flat(document string) (list []string) {
	decoder := xml.NewDecoder(strings.NewReader(document))
	for {
		token, err := decoder.Token()
		if err != nil {
			return list
		}
		switch t := token.(type) {
		case xml.StartElement:
			line := t.Name.Space + " " + t.Name.Local + " "
			for _, a := range t.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					line += fmt.Sprintf("%s:%s=%q ", a.Name.Space, a.Name.Local, a.Value)
				}
			}
			list = append(list, line)
		case xml.CharData:
			if text := strings.TrimSpace(string(t)); text != "" {
				list[len(list)-1] += text
			}
		}
	}
}

// login checks a UsernameToken.
func (d *Device) login(text string) bool {
	nonce, err := base64.StdEncoding.DecodeString(inside(text, "Nonce"))
	created := inside(text, "Created")
	at, bad := time.Parse(time.RFC3339, created)
	off := at.Sub(media.SystemClock{}.Wall().Add(d.o.Ahead)).Abs()
	sum := sha1.Sum([]byte(string(nonce) + created + d.o.Password))
	return err == nil && bad == nil && len(nonce) >= 16 && off < 5*time.Second && strings.Contains(text, `#PasswordDigest"`) && strings.Contains(text, `#Base64Binary"`) &&
		inside(text, "Username") == d.o.User && inside(text, "Password") == base64.StdEncoding.EncodeToString(sum[:])
}

// httpLogin checks an answer to the challenge of HTTP (RFC 7616, qop=auth).
func (d *Device) httpLogin(r *http.Request) bool {
	field := func(name string) string {
		m := regexp.MustCompile(`\b` + name + `="?([^",]*)`).FindStringSubmatch(r.Header.Get("Authorization"))
		if m == nil {
			return ""
		}
		return m[1]
	}
	h := func(parts ...string) string {
		sum := md5.Sum([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(sum[:])
	}
	want := h(h(d.o.User, "cam", d.o.Password), "n0nce", field("nc"), field("cnonce"), "auth", h(r.Method, r.URL.RequestURI()))
	return field("username") == d.o.User && field("response") == want
}

// inside is the text of the first element of that name.
func inside(text, name string) string {
	m := regexp.MustCompile(`<(?:\w+:)?` + name + `(?: [^>]*)?>([^<]*)<`).FindStringSubmatch(text)
	if m == nil {
		return ""
	}
	return m[1]
}

func envelope(body string) string {
	return `<?xml version="1.0" encoding="UTF-8"?><SOAP-ENV:Envelope xmlns:SOAP-ENV="http://www.w3.org/2003/05/soap-envelope" xmlns:tds="http://www.onvif.org/ver10/device/wsdl"` +
		` xmlns:trt="http://www.onvif.org/ver10/media/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:ter="http://www.onvif.org/ver10/error"><SOAP-ENV:Body>` + body + `</SOAP-ENV:Body></SOAP-ENV:Envelope>`
}

func reply(w http.ResponseWriter, name, content string) {
	space := "trt"
	if name == "GetSystemDateAndTime" || name == "GetCapabilities" {
		space = "tds"
	}
	w.Header().Set("Content-Type", "application/soap+xml")
	io.WriteString(w, envelope(fmt.Sprintf("<%s:%sResponse>%s</%s:%sResponse>", space, name, content, space, name)))
}

// Fault answers with a SOAP fault.
func Fault(w http.ResponseWriter, code, reason string) {
	w.Header().Set("Content-Type", "application/soap+xml")
	w.WriteHeader(http.StatusBadRequest)
	io.WriteString(w, envelope(fmt.Sprintf(`<SOAP-ENV:Fault><SOAP-ENV:Code><SOAP-ENV:Value>SOAP-ENV:Sender</SOAP-ENV:Value><SOAP-ENV:Subcode><SOAP-ENV:Value>%s</SOAP-ENV:Value></SOAP-ENV:Subcode></SOAP-ENV:Code>`+
		`<SOAP-ENV:Reason><SOAP-ENV:Text xml:lang="en">%s</SOAP-ENV:Text></SOAP-ENV:Reason></SOAP-ENV:Fault>`, code, reason)))
}
