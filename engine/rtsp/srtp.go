package rtsp

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/mikey"
	"github.com/pion/srtp/v3"
)

// cipher decrypts what a line receives and encrypts what it sends (SRTP, RFC 3711), with
// keys exchanged by MIKEY (RFC 3830, RFC 4567): ours in SETUP, the peer's in its
// answer or in the description.
type cipher struct {
	key     []byte // ours: master key and salt
	ssrc    uint32 // ours
	out, in *srtp.Context
	buf     []byte
}

const (
	srtpProfile = srtp.ProtectionProfileAes128CmHmacSha1_80
	srtpKey     = 16 // bytes of a master key; 14 more of a salt follow
	srtpKeys    = 30
)

func newCipher(ssrc uint32) (*cipher, error) {
	c := &cipher{key: make([]byte, srtpKeys), ssrc: ssrc}
	rand.Read(c.key)
	var err error
	c.out, err = srtp.CreateContext(c.key[:srtpKey], c.key[srtpKey:], srtpProfile)
	return c, err
}

// offer is the KeyMgmt header of a SETUP for uri (RFC 4567 3.2).
func (c *cipher) offer(uri string, now time.Time) (string, error) {
	random := make([]byte, 16)
	rand.Read(random)
	policy := func(kind mikey.PayloadSPPolicyParamType, value byte) mikey.PayloadSPPolicyParam {
		return mikey.PayloadSPPolicyParam{Type: kind, Value: []byte{value}}
	}
	m := mikey.Message{
		Header: mikey.Header{Version: 1, CSBID: randomID(), CSIDMapInfo: []mikey.SRTPIDEntry{{SSRC: c.ssrc}}},
		Payloads: []mikey.Payload{
			&mikey.PayloadT{TSValue: toNTP(now)},
			&mikey.PayloadRAND{Data: random},
			&mikey.PayloadSP{PolicyParams: []mikey.PayloadSPPolicyParam{
				policy(mikey.PayloadSPPolicyParamTypeEncrAlg, 1),
				policy(mikey.PayloadSPPolicyParamTypeSessionEncrKeyLen, 16),
				policy(mikey.PayloadSPPolicyParamTypeAuthAlg, 1),
				policy(mikey.PayloadSPPolicyParamTypeSessionAuthKeyLen, 20),
				policy(mikey.PayloadSPPolicyParamTypeSRTPEncrOffOn, 1),
				policy(mikey.PayloadSPPolicyParamTypeSRTCPEncrOffOn, 1),
				policy(mikey.PayloadSPPolicyParamTypeSRTPAuthOffOn, 1),
				policy(mikey.PayloadSPPolicyParamTypeAuthTagLen, 10),
			}},
			&mikey.PayloadKEMAC{SubPayloads: []*mikey.SubPayloadKeyData{
				{Type: mikey.SubPayloadKeyDataTypeTEK, KV: mikey.SubPayloadKeyDataKVNull, KeyData: c.key},
			}},
		},
	}
	b, err := m.Marshal()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf(`prot=mikey;uri="%s";data="%s"`, uri, base64.StdEncoding.EncodeToString(b)), nil
}

// accept takes the peer's key from the first of the sources that has one: a KeyMgmt
// header or the value of an a=key-mgmt attribute. The time in it is not looked at:
// cameras' clocks are wrong.
func (c *cipher) accept(sources ...string) error {
	for _, s := range sources {
		if s == "" {
			continue
		}
		if i := strings.Index(s, "data="); i >= 0 {
			s, _, _ = strings.Cut(s[i+len("data="):], ";")
		}
		s = strings.Trim(strings.TrimPrefix(strings.TrimSpace(s), "mikey "), `" `)
		b, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			return fmt.Errorf("the peer's key: %w", err)
		}
		var m mikey.Message
		if err := m.Unmarshal(b); err != nil {
			return fmt.Errorf("the peer's key: %w", err)
		}
		return c.take(&m)
	}
	return errors.New("the peer gives no key")
}

func (c *cipher) take(m *mikey.Message) error {
	for _, p := range m.Payloads {
		k, ok := p.(*mikey.PayloadKEMAC)
		if !ok || len(k.SubPayloads) == 0 {
			continue
		}
		key := k.SubPayloads[0]
		if len(key.KeyData) != srtpKeys {
			return fmt.Errorf("the peer's key has %d bytes, not %d", len(key.KeyData), srtpKeys)
		}
		var options []srtp.ContextOption
		if len(key.SPI) > 0 {
			options = append(options, srtp.MasterKeyIndicator(key.SPI))
		}
		var err error
		if c.in, err = srtp.CreateContext(key.KeyData[:srtpKey], key.KeyData[srtpKey:], srtpProfile, options...); err != nil {
			return err
		}
		for _, id := range m.Header.CSIDMapInfo {
			c.in.SetROC(id.SSRC, id.ROC)
		}
		return nil
	}
	return errors.New("the peer's key message holds no key")
}

// open decrypts a packet; the result is valid until the next call. False when it was not
// made with the peer's key.
func (c *cipher) open(b []byte) ([]byte, bool) {
	var err error
	if isRTCP(b) {
		c.buf, err = c.in.DecryptRTCP(c.buf[:0], b, nil)
	} else {
		c.buf, err = c.in.DecryptRTP(c.buf[:0], b, nil)
	}
	return c.buf, err == nil
}

// seal encrypts an RTCP packet.
func (c *cipher) seal(b []byte) ([]byte, error) { return c.out.EncryptRTCP(nil, b, nil) }

// toNTP converts to 32.32 seconds since 1900 (RFC 3550 4).
func toNTP(t time.Time) uint64 {
	return uint64(t.Unix()+2208988800)<<32 | uint64(t.Nanosecond())<<32/1e9
}
