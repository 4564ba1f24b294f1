package bundle

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/contend-go/contend/bench/whole"
)

// Image describes a container image of a bundle.
type Image struct {
	Platform string // "linux/arm64"
	Command  []string
	Name     string // what registries and runtimes may call it
}

// Media types of the OCI image specification, v1.1.
const (
	mediaIndex    = "application/vnd.oci.image.index.v1+json"
	mediaManifest = "application/vnd.oci.image.manifest.v1+json"
	mediaConfig   = "application/vnd.oci.image.config.v1+json"
	mediaLayer    = "application/vnd.oci.image.layer.v1.tar+gzip"
)

// blob is content that an image names by its hash.
type blob struct {
	MediaType string            `json:"mediaType"`
	Digest    string            `json:"digest"`
	Size      int64             `json:"size"`
	Notes     map[string]string `json:"annotations,omitempty"`
	text      []byte
}

func newBlob(media string, text []byte) blob {
	sum := sha256.Sum256(text)
	return blob{MediaType: media, Digest: "sha256:" + hex.EncodeToString(sum[:]), Size: int64(len(text)), text: text}
}

// WriteImage makes a container image of a bundle's archive: one layer with what the
// bundle unpacks to in /bundle, on nothing. It is an OCI image layout in a tar
// file (OCI image specification, image-layout.md), and the same bytes for the same
// bundle.
func WriteImage(file, archive string, img Image) error {
	layer, plain, err := layerOf(archive)
	if err != nil {
		return err
	}
	goos, arch, _ := strings.Cut(img.Platform, "/")
	config, err := json.Marshal(map[string]any{
		"os": goos, "architecture": arch,
		"config": map[string]any{"Entrypoint": img.Command, "User": "65532:65532", "WorkingDir": "/tmp"},
		"rootfs": map[string]any{"type": "layers", "diff_ids": []string{plain}},
	})
	if err != nil {
		return err
	}
	blobs := []blob{newBlob(mediaLayer, layer), newBlob(mediaConfig, config)}
	manifest, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": mediaManifest, "config": blobs[1], "layers": blobs[:1]})
	if err != nil {
		return err
	}
	top := newBlob(mediaManifest, manifest)
	top.Notes = map[string]string{"org.opencontainers.image.ref.name": img.Name, "io.containerd.image.name": img.Name}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": mediaIndex, "manifests": []blob{top}})
	if err != nil {
		return err
	}
	return whole.Write(file, func(w io.Writer) error {
		t := tar.NewWriter(w)
		err := put(t, "oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`), 0o644)
		err = errors.Join(err, put(t, "index.json", index, 0o644))
		for _, b := range append(blobs, top) {
			err = errors.Join(err, put(t, path.Join("blobs/sha256", strings.TrimPrefix(b.Digest, "sha256:")), b.text, 0o644))
		}
		return errors.Join(err, t.Close())
	})
}

// layerOf is a layer of what a bundle unpacks to and of texts, compressed, and the
// digest of it as it was before.
func layerOf(archive string) (layer []byte, plain string, err error) {
	f, err := os.Open(archive)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w", archive, err)
	}
	var b bytes.Buffer
	z, h := gzip.NewWriter(&b), sha256.New()
	t := tar.NewWriter(io.MultiWriter(z, h))
	for _, dir := range []string{"bundle/", "out/", "tmp/"} {
		mode := int64(0o755)
		if dir != "bundle/" {
			mode = 0o1777
		}
		if err := t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: dir, Mode: mode}); err != nil {
			return nil, "", err
		}
	}
	in := tar.NewReader(unzipped)
	for {
		entry, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", archive, err)
		}
		_, below, _ := strings.Cut(entry.Name, "/")
		// Another user than that of the bundle's files runs it.
		mode := int64(0o644)
		if entry.Mode&0o111 != 0 {
			mode = 0o755
		}
		if err := t.WriteHeader(&tar.Header{Typeflag: entry.Typeflag, Name: "bundle/" + below, Mode: mode, Size: entry.Size}); err != nil {
			return nil, "", err
		}
		if _, err := io.Copy(t, in); err != nil {
			return nil, "", err
		}
	}
	err = errors.Join(t.Close(), z.Close())
	return b.Bytes(), "sha256:" + hex.EncodeToString(h.Sum(nil)), err
}

func put(t *tar.Writer, name string, text []byte, mode int64) error {
	if err := t.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(text))}); err != nil {
		return err
	}
	_, err := t.Write(text)
	return err
}
