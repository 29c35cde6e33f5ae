// skiff-sync DIR [PATH...]: unpacks the tar on standard input below DIR, then removes the paths.
//
// It is put into images that skiff makes for `dev` where files are synced and there may be no tar. A
// file is written beside its place and takes it when it is whole, so that nobody reads half of one.
package main

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func put(path string, mode os.FileMode, from io.Reader) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	to, err := os.CreateTemp(dir, ".skiff-sync-*")
	if err != nil {
		return err
	}
	defer os.Remove(to.Name())
	_, err = io.Copy(to, from)
	err = errors.Join(err, to.Chmod(mode), to.Close())
	if err != nil {
		return err
	}
	return os.Rename(to.Name(), path)
}

func run(dir string, gone []string) error {
	for in := tar.NewReader(os.Stdin); ; {
		entry, err := in.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := put(filepath.Join(dir, entry.Name), entry.FileInfo().Mode().Perm(), in); err != nil {
			return err
		}
	}
	for _, path := range gone {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
