package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
)

const readAhead = 64 << 10

// client is one connection that stays open between requests.
type client struct {
	address string
	conn    *net.TCPConn
	reader  *bufio.Reader
	out     bytes.Buffer
}

// request is what to send. The body is body, or the whole of file and then tail.
type request struct {
	method, path, header string
	body                 []byte
	file                 *os.File
	fileSize             int64
	tail                 []byte
}

func (r request) length() int64 {
	return int64(len(r.body)) + r.fileSize + int64(len(r.tail))
}

func (c *client) open() error {
	if c.conn != nil {
		return nil
	}
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		return err
	}
	c.conn = conn.(*net.TCPConn)
	c.reader = bufio.NewReaderSize(c.conn, readAhead)
	return nil
}

func (c *client) close() {
	if c.conn != nil {
		c.conn.Close()
		c.conn = nil
	}
}

// send writes a request: its head and a body in memory in one call, a file by sendfile.
func (c *client) send(r request) error {
	if err := c.open(); err != nil {
		return err
	}
	c.out.Reset()
	fmt.Fprintf(&c.out, "%s %s HTTP/1.1\r\nHost: %s\r\n%s", r.method, r.path, c.address, r.header)
	if r.method != "GET" && r.method != "HEAD" {
		fmt.Fprintf(&c.out, "Content-Length: %d\r\n", r.length())
	}
	c.out.WriteString("\r\n")
	c.out.Write(r.body)
	if _, err := c.conn.Write(c.out.Bytes()); err != nil {
		return err
	}
	if r.file == nil {
		return nil
	}
	if _, err := c.conn.ReadFrom(io.LimitReader(r.file, r.fileSize)); err != nil {
		return err
	}
	_, err := c.conn.Write(r.tail)
	return err
}

// ask sends a request and reads the whole answer. An answer with none of the statuses is an error.
func (c *client) ask(r request, statuses ...int) (*http.Response, error) {
	if err := c.send(r); err != nil {
		c.close()
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	answer, err := c.head(r, statuses...)
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		return nil, err
	}
	if answer.Close {
		c.close()
	}
	return answer, nil
}

// head reads an answer up to its body.
func (c *client) head(r request, statuses ...int) (*http.Response, error) {
	answer, err := http.ReadResponse(c.reader, &http.Request{Method: r.method})
	if err != nil {
		c.close()
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}
	for _, status := range statuses {
		if answer.StatusCode == status {
			return answer, nil
		}
	}
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 500))
	c.close()
	return nil, fmt.Errorf("%s %s answered %d: %s", r.method, r.path, answer.StatusCode, said)
}

// next returns where an upload goes on, as path and query.
func next(answer *http.Response) (string, error) {
	location, err := url.Parse(answer.Header.Get("Location"))
	if err != nil || location.Path == "" {
		return "", fmt.Errorf("no usable Location: %q", answer.Header.Get("Location"))
	}
	return location.RequestURI(), nil
}

// finished returns the path that ends an upload at location with a digest.
func finished(location, digest string) string {
	mark := "?"
	if strings.Contains(location, "?") {
		mark = "&"
	}
	return location + mark + "digest=" + url.QueryEscape(digest)
}
