// Command kubeconfig puts one cluster's entries into a kubeconfig file, or takes them out again;
// everything else in the file stays. kubectl's own `config` verbs cannot write extensions.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

const usage = `usage: kubeconfig set FILE NAME SERVER CA CERT KEY EXTENSION-JSON
       kubeconfig remove FILE NAME`

// extension marks a cluster entry as ours: an entry without it is never changed.
const extension = "node.skiff.dev"

var errUnchanged = errors.New("nothing to change")

func main() {
	args := os.Args[1:]
	var err error
	switch {
	case len(args) == 8 && args[0] == "set":
		err = edit(args[1], func(c *api.Config) error { return set(c, args[2:]) })
	case len(args) == 3 && args[0] == "remove":
		if _, missing := os.Stat(args[1]); errors.Is(missing, fs.ErrNotExist) {
			return
		}
		err = edit(args[1], func(c *api.Config) error { return remove(c, args[2]) })
		if dir := filepath.Dir(args[1]); filepath.Base(dir) == ".kube" {
			os.Remove(dir) // only works if nothing is left in it
		}
	default:
		fmt.Fprintln(os.Stderr, usage)
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "kubeconfig:", err)
		os.Exit(1)
	}
}

// set makes the entries NAME of cluster, user and context, and NAME the current context. The
// keys go in as data, so that the file can be copied.
func set(c *api.Config, args []string) error {
	name, server := args[0], args[1]
	if c.Clusters[name] == nil && c.Contexts[name] != nil || c.Clusters[name] != nil && !ours(c, name) {
		return fmt.Errorf("'%s' is the name of another cluster or context there; choose a name with --name", name)
	}
	var pem [3][]byte
	for i, path := range args[2:5] {
		var err error
		if pem[i], err = os.ReadFile(path); err != nil {
			return err
		}
	}
	cluster := api.NewCluster()
	cluster.Server = server
	cluster.CertificateAuthorityData = pem[0]
	cluster.Extensions[extension] = &runtime.Unknown{Raw: []byte(args[5]), ContentType: runtime.ContentTypeJSON}
	user := api.NewAuthInfo()
	user.ClientCertificateData = pem[1]
	user.ClientKeyData = pem[2]
	context := api.NewContext()
	context.Cluster, context.AuthInfo = name, name
	if old := c.Contexts[name]; old != nil { // a namespace chosen by the user outlives a restart
		context.Namespace = old.Namespace
	}
	c.Clusters[name], c.AuthInfos[name], c.Contexts[name] = cluster, user, context
	c.CurrentContext = name
	return nil
}

func remove(c *api.Config, name string) error {
	if !ours(c, name) {
		return errUnchanged
	}
	delete(c.Clusters, name)
	delete(c.AuthInfos, name)
	delete(c.Contexts, name)
	if c.CurrentContext == name {
		c.CurrentContext = ""
	}
	return nil
}

func ours(c *api.Config, name string) bool {
	return c.Clusters[name] != nil && c.Clusters[name].Extensions[extension] != nil
}

// edit changes the file in one step: who reads it sees the old or the new text. It takes the
// lock that kubectl takes. A file that is left without any entry is removed.
func edit(path string, change func(*api.Config) error) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	unlock, err := lock(path + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	config, err := clientcmd.LoadFromFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		config = api.NewConfig()
	} else if err != nil {
		return fmt.Errorf("cannot read '%s': %w", path, err)
	}
	if err := change(config); err == errUnchanged {
		return nil
	} else if err != nil {
		return err
	}
	if len(config.Clusters)+len(config.AuthInfos)+len(config.Contexts) == 0 {
		return os.Remove(path)
	}
	text, err := clientcmd.Write(*config)
	if err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*") // with mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temp.Name())
	if _, err = temp.Write(text); err == nil {
		err = temp.Close()
	}
	if err == nil {
		err = os.Rename(temp.Name(), path)
	}
	return err
}

// lock waits a little for whoever holds the lock now; a lock left by a killed program is named.
func lock(path string) (unlock func(), err error) {
	for range 50 {
		var file *os.File
		file, err = os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0o600)
		if err == nil {
			file.Close()
			return func() { os.Remove(path) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		time.Sleep(100 * time.Millisecond)
	}
	return nil, fmt.Errorf("'%s' is locked by another program; if none runs, remove that file", path)
}
