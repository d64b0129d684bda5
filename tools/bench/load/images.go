package main

import (
	"bufio"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"os"
)

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        descriptor   `json:"config"`
	Layers        []descriptor `json:"layers"`
}

func describe(mediaType string, body []byte) descriptor {
	return descriptor{mediaType, fmt.Sprintf("sha256:%x", sha256.Sum256(body)), len(body)}
}

// push brings fresh images as docker does: HEAD, POST, PATCH and PUT for each blob, then the manifest by tag.
func push(s settings, t *tally) error {
	return share(s, t, func(c *client, number int) (int64, error) {
		repository := fmt.Sprintf("%s-%d", s.repository, number%s.atOnce)
		image := manifest{SchemaVersion: 2, MediaType: manifestType}
		for layer := 0; layer < s.layers; layer++ {
			body := make([]byte, s.size)
			if _, err := rand.Read(body); err != nil {
				return 0, err
			}
			image.Layers = append(image.Layers, describe(layerType, body))
			if err := pushBlob(c, repository, image.Layers[layer].Digest, body); err != nil {
				return 0, err
			}
		}
		config, err := json.Marshal(map[string]any{"architecture": "amd64", "os": "linux", "rootfs": image.Layers})
		if err != nil {
			return 0, err
		}
		image.Config = describe(configType, config)
		if err := pushBlob(c, repository, image.Config.Digest, config); err != nil {
			return 0, err
		}
		return int64(s.layers) * s.size, pushManifest(c, repository, fmt.Sprintf("v%d", number), image)
	})
}

func pushBlob(c *client, repository, digest string, body []byte) error {
	if _, err := c.ask(request{method: "HEAD", path: "/v2/" + repository + "/blobs/" + digest}, 200, 404); err != nil {
		return err
	}
	begun, err := c.ask(request{method: "POST", path: "/v2/" + repository + "/blobs/uploads/"}, 202)
	if err != nil {
		return err
	}
	location, err := next(begun)
	if err != nil {
		return err
	}
	header := "Content-Type: application/octet-stream\r\n"
	sent, err := c.ask(request{method: "PATCH", path: location, header: header, body: body}, 202)
	if err != nil {
		return err
	}
	if location, err = next(sent); err != nil {
		return err
	}
	_, err = c.ask(request{method: "PUT", path: finished(location, digest)}, 201)
	return err
}

func pushManifest(c *client, repository, tag string, image manifest) error {
	body, err := json.Marshal(image)
	if err != nil {
		return err
	}
	header := "Content-Type: " + manifestType + "\r\n"
	put := request{method: "PUT", path: "/v2/" + repository + "/manifests/" + tag, header: header, body: body}
	_, err = c.ask(put, 201)
	return err
}

// step is one request of a replayed line.
type step struct {
	Method string `json:"method"`
	Path   string `json:"path"`
	Type   string `json:"type"`
	Body   []byte `json:"body"`
}

// replay sends what a file holds: each line is a list of requests that follow each other; lines go side by side.
func replay(s settings, t *tally) error {
	lines, err := read(s.file)
	if err != nil {
		return err
	}
	s.count = len(lines)
	return share(s, t, func(c *client, number int) (int64, error) {
		var bytes int64
		for _, one := range lines[number] {
			header := ""
			if one.Type != "" {
				header = "Content-Type: " + one.Type + "\r\n"
			}
			r := request{method: one.Method, path: one.Path, header: header, body: one.Body}
			if _, err := c.ask(r, 200, 201, 202); err != nil {
				return bytes, err
			}
			bytes += r.length()
		}
		return bytes, nil
	})
}

func read(path string) ([][]step, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	var lines [][]step
	scanner := bufio.NewScanner(file)
	scanner.Buffer(nil, 16<<20)
	for scanner.Scan() {
		var line []step
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			return nil, err
		}
		lines = append(lines, line)
	}
	return lines, scanner.Err()
}
