// Package onvif is the one SOAP client: it reads and sets the bit rate of a camera's video
// encoder by the ONVIF device and media services (version 1 of the latter).
//
//	encoder  which configuration encodes a stream, its bit rate, its bounds
//	soap     one request and its answer: login, faults, HTTP
//	element  XML that is read within bounds and written as it was read
//
// A device is not believed: answers have a largest size, depth and number of elements, no
// request goes to another host than the one that was named, whatever addresses the device
// gives, and no redirect is followed.
package onvif
