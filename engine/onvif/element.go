package onvif

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
)

// Bounds of an answer.
const (
	mostBytes    = 1 << 20
	mostElements = 20_000
	mostDepth    = 48
)

// element is an XML element with its name space resolved, so that it can be written
// elsewhere. A text between child elements is not kept.
type element struct {
	name     xml.Name
	attrs    []xml.Attr
	text     string
	children []*element
}

// parse reads one document.
func parse(body []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	top := &element{}
	open, count := []*element{top}, 0
	for {
		token, err := d.Token()
		if err == io.EOF && len(top.children) == 1 {
			return top.children[0], nil
		}
		if err != nil {
			return nil, errors.New("this is no XML document")
		}
		in := open[len(open)-1]
		switch t := token.(type) {
		case xml.StartElement:
			if count++; count > mostElements || len(open) > mostDepth {
				return nil, errors.New("there are too many elements in it")
			}
			e := &element{name: t.Name}
			for _, a := range t.Attr {
				if a.Name.Space != "xmlns" && a.Name.Local != "xmlns" {
					e.attrs = append(e.attrs, a)
				}
			}
			in.children = append(in.children, e)
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
			if len(in.children) > 0 {
				in.text = ""
			}
		case xml.CharData:
			in.text += string(t)
		case xml.Directive:
			return nil, errors.New("there is a document type in it, which SOAP forbids")
		}
	}
}

// at goes down by local names; nil: there is none. A nil element has nothing below it.
func (e *element) at(path ...string) *element {
	for _, name := range path {
		if list := e.all(name); len(list) > 0 {
			e = list[0]
		} else {
			return nil
		}
	}
	return e
}

// all are the child elements of that name.
func (e *element) all(name string) (list []*element) {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name.Local == name {
			list = append(list, c)
		}
	}
	return list
}

// within is the first element of that name at any depth.
func (e *element) within(name string) *element {
	if e == nil || e.name.Local == name {
		return e
	}
	for _, c := range e.children {
		if found := c.within(name); found != nil {
			return found
		}
	}
	return nil
}

// value is the text of an element, without blanks around it.
func (e *element) value() string {
	if e == nil {
		return ""
	}
	return strings.TrimSpace(e.text)
}

// attr is an attribute without a name space.
func (e *element) attr(name string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.attrs {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// write writes the element under a name.
func (e *element) write(to *xml.Encoder, as xml.Name) error {
	start := xml.StartElement{Name: as, Attr: e.attrs}
	err := to.EncodeToken(start)
	if err == nil && e.text != "" {
		err = to.EncodeToken(xml.CharData(e.text))
	}
	for _, c := range e.children {
		if err == nil {
			err = c.write(to, c.name)
		}
	}
	if err == nil {
		err = to.EncodeToken(start.End())
	}
	return err
}

// escaped is text as it may stand in an element.
func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}
