package commands

import (
	"net/url"
	"strings"

	"rtsprec/engine"
	"rtsprec/engine/fault"
)

// checkTestSource says what is wrong with the URL of a test picture.
func checkTestSource(address string) error {
	if err := engine.CheckTestSource(address); err != nil {
		return hinted{fault.Because(address, err), engine.TestSourceForm}
	}
	return nil
}

// testSourceHelp stands in the help of commands that play cameras.
const testSourceHelp = `Instead of a camera, testsrc://640x360@25/h264 is a test picture, where this
build has codecs: see "rtsprec help cameras".`

// named puts the name of a camera into its test picture, where that has none.
func named(address, name string) string {
	_, query, asked := strings.Cut(address, "?")
	values, err := url.ParseQuery(query)
	if !engine.IsTestSource(address) || name == "" || name == loneCamera || err != nil || values.Has("name") {
		return address
	}
	mark := "?"
	if asked {
		mark = "&"
	}
	return address + mark + url.Values{"name": {name}}.Encode()
}
