# shellcheck shell=bash
# build.sh: the programs of the cluster, built once from the Go module proxy and kept in the
# user's cache by the content of their sources. Source it after lib.sh.

KUBERNETES_VERSION=$(awk '$1 == "require" && $2 == "k8s.io/kubernetes" { print $3 }
    $1 == "k8s.io/kubernetes" { print $2 }' "$CLUSTER_SOURCE/kube/go.mod")
CLUSTER_COMPONENTS=(etcd kube-apiserver kube-controller-manager kube-scheduler kube-proxy kubelet)
CLUSTER_PAUSE_IMAGE=skiff.local/pause:1 # a name that no registry answers to, loaded into containerd

# The directory that holds, or will hold, the programs of these sources.
programs_dir() {
    local hash
    hash=$(cd "$CLUSTER_SOURCE" &&
        find kube dns build.sh -type f \( -name '*.go' -o -name 'go.*' -o -name build.sh \) -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum)
    echo "$SKIFF_CACHE/kubernetes/$KUBERNETES_VERSION-${hash:0:12}"
}

# Sets PROGRAMS, after building them if need be. The lock makes two runs build once.
programs_need() {
    local fd
    PROGRAMS=$(programs_dir)
    [[ -d $PROGRAMS ]] && return
    mkdir -p "${PROGRAMS%/*}"
    exec {fd}<"${PROGRAMS%/*}"
    flock -n "$fd" || { skiff_say "Another run builds Kubernetes; waiting for it" && flock "$fd"; }
    if [[ ! -d $PROGRAMS ]]; then
        skiff_need_go
        skiff_busy "Building Kubernetes $KUBERNETES_VERSION (about 6 minutes on 2 cores, the first time only)" \
            programs_build "$PROGRAMS" || skiff_die "Kubernetes could not be built; the last words of the build are above"
    fi
    exec {fd}<&-
}

# Built beside their place, and moved there in one step. Errors are passed on by hand, as `set -e`
# does nothing in a function whose result is tested.
programs_build() {
    local to=$1 temp major minor patch component
    rm -rf "${to%/*}"/.build.* # of runs that were killed; the lock is ours
    temp=$(mktemp -d "${to%/*}/.build.XXXXXX") || return
    chmod 755 "$temp" && mkdir "$temp/bin" || return
    IFS=. read -r major minor patch <<<"${KUBERNETES_VERSION#v}"
    : "$patch"
    export CGO_ENABLED=0 GOTOOLCHAIN=local GOWORK=off GOFLAGS='-mod=readonly -trimpath -buildvcs=false'
    local version=k8s.io/component-base/version
    (cd "$CLUSTER_SOURCE/kube" &&
        go build -o "$temp/" -ldflags "-s -w -X $version.gitVersion=$KUBERNETES_VERSION
            -X $version.gitMajor=$major -X $version.gitMinor=$minor -X $version.gitTreeState=clean" \
            . ./pause ./kubeconfig &&
        go build -o "$temp/bin/" -ldflags "-s -w -X $version.gitVersion=$KUBERNETES_VERSION
            -X $version.gitMajor=$major -X $version.gitMinor=$minor -X $version.gitTreeState=clean" \
            k8s.io/kubernetes/cmd/kubectl) || return
    (cd "$CLUSTER_SOURCE/dns" && go build -o "$temp/coredns" -ldflags '-s -w' .) || return
    for component in "${CLUSTER_COMPONENTS[@]}"; do
        ln -s kube "$temp/$component" || return
    done
    pause_image "$temp" && mv "$temp" "$to"
}

# pause.tar: an image with one file, in the form that `docker save` has.
pause_image() {
    local dir=$1 temp digest
    temp=$(mktemp -d "$dir/pause.XXXXXX") || return
    tar -C "$dir" --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=755 \
        -cf "$temp/layer.tar" pause || return
    digest=$(sha256sum "$temp/layer.tar") || return
    printf '{"architecture":"%s","os":"linux","config":{"Entrypoint":["/pause"]},' "$(go env GOARCH)" >"$temp/config.json"
    printf '"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}\n' "${digest%% *}" >>"$temp/config.json"
    printf '[{"Config":"config.json","RepoTags":["%s"],"Layers":["layer.tar"]}]\n' "$CLUSTER_PAUSE_IMAGE" >"$temp/manifest.json"
    tar -C "$temp" -cf "$dir/pause.tar" manifest.json config.json layer.tar && rm -rf "$temp"
}
