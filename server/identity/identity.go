// Package identity makes and keeps what a server proves itself with when nobody
// gave it a certificate: a key and a self-signed certificate in its store, made
// once, and the pin by which clients know the key.
package identity

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// Names of the files in the folder of an identity.
const (
	certFile = "cert.pem"
	keyFile  = "key.pem"
)

// validity is how long a self-signed certificate lasts. Clients go by the pin,
// so its end matters only to browsers.
const validity = 10 * 365 * 24 * time.Hour

// Load returns the certificate kept in dir, making it with its key (files of
// mode 0600 in a folder of mode 0700) if there is none. hosts are the names and
// addresses it is for when it is made.
func Load(dir string, hosts []string, now time.Time) (tls.Certificate, error) {
	cert, key := filepath.Join(dir, certFile), filepath.Join(dir, keyFile)
	c, err := tls.LoadX509KeyPair(cert, key)
	if err == nil || !errors.Is(err, fs.ErrNotExist) {
		return c, wrap("reading the server's certificate", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return c, wrap("making the folder of the server's certificate", err)
	}
	certPEM, keyPEM, err := selfSigned(hosts, now)
	if err != nil {
		return c, wrap("making the server's certificate", err)
	}
	// The key first: a certificate without its key would be of no use.
	if err := os.WriteFile(key, keyPEM, 0o600); err != nil {
		return c, wrap("keeping the server's key", err)
	}
	if err := os.WriteFile(cert, certPEM, 0o600); err != nil {
		return c, wrap("keeping the server's certificate", err)
	}
	return tls.X509KeyPair(certPEM, keyPEM)
}

func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}

func selfSigned(hosts []string, now time.Time) (certPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "pubsync server"},
		// A builder's clock may lag behind the server's.
		NotBefore: now.Add(-24 * time.Hour), NotAfter: now.Add(validity),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
	}
	for _, h := range hosts {
		if ip := net.ParseIP(h); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else if h != "" {
			template.DNSNames = append(template.DNSNames, h)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	certPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	keyPEM = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
	return certPEM, keyPEM, nil
}

// Pin returns the SHA-256 of the certificate's public key
// (SubjectPublicKeyInfo, RFC 5280 section 4.1).
func Pin(c tls.Certificate) ([32]byte, error) {
	leaf, err := x509.ParseCertificate(c.Certificate[0])
	if err != nil {
		return [32]byte{}, wrap("reading the server's certificate", err)
	}
	return sha256.Sum256(leaf.RawSubjectPublicKeyInfo), nil
}
