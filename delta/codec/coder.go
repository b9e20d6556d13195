package codec

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Errors of the decoders.
var (
	ErrMalformed = errors.New("malformed delta data")      // not what an encoder of version 1 writes
	ErrTooLarge  = errors.New("delta data over its limit") // counts, lengths or output beyond what was allowed
	ErrBadCopy   = errors.New("copy outside its basis")    // a copy op beyond the end of a basis, or from none
)

// Limits of a part.
const (
	MinLimit      = 4 << 10 // the smallest Limit of an encoder, in bytes
	MaxLiterals   = 8 << 20 // literal bytes of one part, before compression
	MaxOps        = 1 << 18 // ops of one part
	MaxPartOutput = 1 << 30 // bytes of the new file that an encoder puts in one part
	MaxDictionary = 1 << 20 // bytes that literals are primed with
	defaultLimit  = 1 << 20 // Limit if 0
	maxWindow     = 8 << 20 // zstd window, bytes
	MaxPieces     = 1 << 18 // pieces that the ops of one part come to, see doc
)

// A Level trades time for size. Decoding costs the same for all but Dense.
type Level int

// The levels.
const (
	Default  Level = iota // some 200 MB/s of literals, half that where they are primed
	Fast                  // for links faster than 200 Mbit/s
	Best                  // 20 MB/s of literals, 5 MB/s of those that are not primed, about 5 % smaller
	Stored                // no compression: for links that carry more than Fast compresses
	Dense                 // three quarters of a MB/s of the literals of a delta, decoding too, another 25 % smaller, or half where the bases are at hand; Best for more than 8 MiB
	Thorough              // Best, and 5 MB/s of primed literals too, another 5 % smaller
)

// A Coder holds what encoders and decoders of parts reuse: compressors and
// buffers. One per process is enough; it is safe for concurrent use.
type Coder struct {
	plain    [3]sync.Pool // *zstd.Encoder without a dictionary, by Level
	primed   [3]sync.Pool // *zstd.Encoder that always has one
	few      sync.Pool    // *zstd.Encoder for fewPrimed
	decoders sync.Pool    // *zstd.Decoder
	scratch  sync.Pool    // *scratch
	mixers   sync.Pool    // *mixModel
}

// NewCoder returns a Coder.
func NewCoder() *Coder { return &Coder{} }

// scratch is the buffers of one decoding.
type scratch struct {
	literals, dict []byte
	out            *bufio.Writer // nil until something is written
	steps          []step
	pieces         []piece
	model          stepModel
}

func (c *Coder) getScratch() *scratch {
	if s, ok := c.scratch.Get().(*scratch); ok {
		return s
	}
	return &scratch{}
}

// grow returns b with length n, its content lost.
func grow(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// thorough is how many bytes are worth the thorough compressor. Its
// tables alone are 34 MB, so it is not kept either.
const thorough = 256 << 10

// fewPrimed is how many bytes of literals and dictionary are compressed at level Fast,
// whatever the level: clearing the tables of the others takes half a millisecond, and
// what they find is no less. The room for a window of maxWindow would be cleared as well,
// so theirs is as large as it has to be.
const fewPrimed = 32 << 10

// zstdLevel maps a Level to a speed of the compressor. Primed literals are few
// and matter most, so they get the better one.
func zstdLevel(l Level, primed bool) zstd.EncoderLevel {
	switch {
	case l == Fast:
		return zstd.SpeedFastest
	case l == Best || primed:
		return zstd.SpeedBetterCompression
	}
	return zstd.SpeedDefault
}

// compress appends src as one zstd frame, primed with dict if it is not empty.
func (c *Coder) compress(dst, src, dict []byte, l Level) []byte {
	primed := len(dict) > 0
	thoroughly := l == Thorough || l >= Best && !primed
	if l = min(max(l, Default), Best); thoroughly && len(src) >= thorough {
		return newEncoder(zstd.SpeedBestCompression, maxWindow, dict).EncodeAll(src, dst)
	}
	pool, window := &c.plain[l], maxWindow
	switch {
	case primed && len(src)+len(dict) <= fewPrimed:
		pool, l, window = &c.few, Fast, fewPrimed
	case primed:
		pool = &c.primed[l]
	}
	e, ok := pool.Get().(*zstd.Encoder)
	if !ok {
		e = newEncoder(zstdLevel(l, primed), window, dict)
	} else if primed {
		// The only error is a dictionary over 2 GiB.
		e.ResetWithOptions(nil, zstd.WithEncoderDictRaw(0, dict))
	}
	dst = e.EncodeAll(src, dst)
	pool.Put(e)
	return dst
}

func newEncoder(l zstd.EncoderLevel, window int, dict []byte) *zstd.Encoder {
	opts := []zstd.EOption{
		zstd.WithEncoderLevel(l),
		zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false),
		zstd.WithWindowSize(window),
		zstd.WithLowerEncoderMem(true),
	}
	if len(dict) > 0 {
		opts = append(opts, zstd.WithEncoderDictRaw(0, dict))
	}
	e, err := zstd.NewWriter(nil, opts...)
	if err != nil {
		panic("codec: constant zstd options refused: " + err.Error())
	}
	return e
}

// decompress decodes one zstd frame of exactly n bytes into dst, which it
// reuses if it is large enough.
func (c *Coder) decompress(dst, src, dict []byte, n int) ([]byte, error) {
	d, ok := c.decoders.Get().(*zstd.Decoder)
	if !ok {
		var err error
		d, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(MaxLiterals), zstd.WithDecoderMaxWindow(2*maxWindow),
			zstd.WithDecodeAllCapLimit(true))
		if err != nil {
			panic("codec: constant zstd options refused: " + err.Error())
		}
	}
	if len(dict) > 0 {
		d.ResetWithOptions(nil, zstd.WithDecoderDictRaw(0, dict))
		defer func() {
			d.ResetWithOptions(nil, zstd.WithDecoderDictDelete(0))
			c.decoders.Put(d)
		}()
	} else {
		defer c.decoders.Put(d)
	}
	dst = grow(dst, n)
	out, err := d.DecodeAll(src, dst[:0:n])
	if err != nil {
		return dst, fmt.Errorf("%w: zstd: %w", ErrMalformed, err)
	}
	if len(out) != n {
		return dst, fmt.Errorf("%w: %d bytes decompressed, %d announced", ErrMalformed, len(out), n)
	}
	return out, nil
}

// decompressCut decodes what it can of a zstd frame of n bytes whose end is
// missing. It is rare, so its decoder is not kept.
func decompressCut(src, dict []byte, n int64) []byte {
	opts := []zstd.DOption{
		zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(MaxLiterals), zstd.WithDecoderMaxWindow(2 * maxWindow),
	}
	if len(dict) > 0 {
		opts = append(opts, zstd.WithDecoderDictRaw(0, dict))
	}
	d, err := zstd.NewReader(bytes.NewReader(src), opts...)
	if err != nil {
		return nil
	}
	defer d.Close()
	b, _ := io.ReadAll(io.LimitReader(d, n))
	return b
}
