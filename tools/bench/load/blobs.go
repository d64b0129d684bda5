package main

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding"
	"fmt"
	"io"
	"math/big"
	"os"
	"syscall"
)

const tailSize = 64

// base is the file all uploads begin with; each has a tail of its own, so that no two have the same digest.
type base struct {
	path  string
	size  int64
	state []byte
}

// hashed reads a file once. The digest of the file and any tail then costs one block.
func hashed(path string) (*base, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	hash := sha256.New()
	size, err := io.Copy(hash, file)
	if err != nil {
		return nil, err
	}
	state, err := hash.(encoding.BinaryMarshaler).MarshalBinary()
	return &base{path, size, state}, err
}

func (b *base) digest(tail []byte) (string, error) {
	hash := sha256.New()
	if err := hash.(encoding.BinaryUnmarshaler).UnmarshalBinary(b.state); err != nil {
		return "", err
	}
	hash.Write(tail)
	return fmt.Sprintf("sha256:%x", hash.Sum(nil)), nil
}

// upload brings blobs by POST and one PUT, the body by sendfile.
func upload(s settings, t *tally) error {
	b, err := hashed(s.file)
	if err != nil {
		return err
	}
	return share(s, t, func(c *client, number int) (int64, error) { return b.bring(c, s.repository) })
}

func (b *base) bring(c *client, repository string) (int64, error) {
	tail := make([]byte, tailSize)
	if _, err := rand.Read(tail); err != nil {
		return 0, err
	}
	digest, err := b.digest(tail)
	if err != nil {
		return 0, err
	}
	file, err := os.Open(b.path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	begun, err := c.ask(request{method: "POST", path: "/v2/" + repository + "/blobs/uploads/"}, 202)
	if err != nil {
		return 0, err
	}
	location, err := next(begun)
	if err != nil {
		return 0, err
	}
	put := request{
		method: "PUT", path: finished(location, digest), header: "Content-Type: application/octet-stream\r\n",
		file: file, fileSize: b.size, tail: tail,
	}
	_, err = c.ask(put, 201)
	return put.length(), err
}

// download reads a blob, or ranges of it, and lets the kernel drop the bytes, so that reading costs next to nothing.
func download(s settings, t *tally) error {
	return share(s, t, func(c *client, number int) (int64, error) {
		get := request{method: "GET", path: s.path}
		status := 200
		if s.span > 0 {
			from, err := rand.Int(rand.Reader, big.NewInt(s.size-s.span+1))
			if err != nil {
				return 0, err
			}
			first := from.Int64()
			get.header, status = fmt.Sprintf("Range: bytes=%d-%d\r\n", first, first+s.span-1), 206
		}
		if err := c.send(get); err != nil {
			return 0, err
		}
		answer, err := c.head(get, status)
		if err != nil {
			return 0, err
		}
		if s.span > 0 && answer.ContentLength != s.span {
			return 0, fmt.Errorf("a range of %d bytes answered %d", s.span, answer.ContentLength)
		}
		return answer.ContentLength, c.drop(answer.ContentLength)
	})
}

// drop takes length bytes off the connection without copying them.
func (c *client) drop(length int64) error {
	ahead, err := c.reader.Discard(int(min(int64(c.reader.Buffered()), length)))
	if err != nil {
		return err
	}
	left := length - int64(ahead)
	raw, err := c.conn.SyscallConn()
	if err != nil {
		return err
	}
	buffer := make([]byte, 4<<20)
	for left > 0 {
		var took int
		var failure error
		err = raw.Read(func(fd uintptr) bool {
			took, _, failure = syscall.Recvfrom(int(fd), buffer[:min(left, int64(len(buffer)))], syscall.MSG_TRUNC)
			return failure != syscall.EAGAIN
		})
		if err != nil || failure != nil || took == 0 {
			return fmt.Errorf("cut off with %d bytes to come: %v %v", left, err, failure)
		}
		left -= int64(took)
	}
	return nil
}
