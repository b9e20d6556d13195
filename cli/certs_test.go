package cli_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/pubsync/pubsync/sync/wire/connect"
)

// An issued certificate and its key.
type issued struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// certs DIR makes two authorities and client certificates: farm (the scheduler
// "ci-1"), other (another name) and expired, of good-ca.pem, forged (the
// scheduler's name) of an authority that nobody trusts, and server, of good-ca.pem
// but not for clients.
func certs(ts *testscript.TestScript, _ bool, args []string) {
	dir := ts.MkAbs(args[0])
	good, evil := authority(ts, "good"), authority(ts, "evil")
	write(ts, filepath.Join(dir, "good-ca.pem"), "CERTIFICATE", good.cert.Raw)
	client := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	for _, c := range []struct {
		file, name string
		by         issued
		until      time.Duration
		usage      []x509.ExtKeyUsage
	}{
		{"farm", "ci-1", good, time.Hour, client},
		{"other", "ci-2", good, time.Hour, client},
		{"expired", "ci-1", good, -time.Minute, client},
		{"forged", "ci-1", evil, time.Hour, client},
		{"server", "ci-1", good, time.Hour, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}},
	} {
		i := certificate(ts, &x509.Certificate{
			Subject: pkix.Name{CommonName: c.name}, ExtKeyUsage: c.usage, NotAfter: time.Now().Add(c.until),
		}, &c.by)
		write(ts, filepath.Join(dir, c.file+".pem"), "CERTIFICATE", i.cert.Raw)
		key, err := x509.MarshalPKCS8PrivateKey(i.key)
		ts.Check(err)
		write(ts, filepath.Join(dir, c.file+".key"), "PRIVATE KEY", key)
	}
}

func authority(ts *testscript.TestScript, name string) issued {
	return certificate(ts, &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotAfter: time.Now().Add(time.Hour),
	}, nil)
}

// certificate signs the template, with its own key if by is nil.
func certificate(ts *testscript.TestScript, template *x509.Certificate, by *issued) issued {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	ts.Check(err)
	template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	ts.Check(err)
	template.NotBefore = time.Now().Add(-time.Hour)
	parent, signer := template, key
	if by != nil {
		parent, signer = by.cert, by.key
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	ts.Check(err)
	cert, err := x509.ParseCertificate(raw)
	ts.Check(err)
	return issued{cert, key}
}

func write(ts *testscript.TestScript, file, kind string, b []byte) {
	ts.Check(os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600))
}

// accessor NAME FILE sets a variable to the accessor of the token or credential
// in a file.
func accessor(ts *testscript.TestScript, _ bool, args []string) {
	text := strings.TrimSpace(ts.ReadFile(args[1]))
	c, err := connect.Parse(text)
	if err != nil {
		c, err = connect.ParseCredential(text)
	}
	ts.Check(err)
	ts.Setenv(args[0], c.Accessor())
}
