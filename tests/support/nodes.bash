# shellcheck shell=bash
# nodes.bash: nodes as kind and k3d make them: containers of a real Docker Engine in which a real containerd
# runs, with its ctr. No kubelet: what is tested is how images get into them. load it after docker.
#
#   setup_file() { docker_install; docker_start; nodes_image; }

# An image of nothing but this machine's containerd, its ctr and their libraries.
nodes_image() {
    local root program library
    root=$(mktemp -d "${TMPDIR:-/tmp}/skiff-node.XXXXXX")
    for program in containerd ctr; do
        program=$(readlink -f "$(PATH=$PATH:/usr/sbin:/sbin type -P "$program")")
        install -D "$program" "$root/usr/bin/${program##*/}"
        for library in $(ldd "$program" | grep -oE '/[^ ]+'); do install -D "$library" "$root$library"; done
    done
    mkdir "$root/tmp"
    tar -C "$root" -c . | docker import - skiff-node >/dev/null
    rm -rf "$root"
}

# node_start NAME LABEL...: not --privileged, as kind has it: that wants capabilities which this machine may
# lack itself; what containerd's overlay mounts need is enough.
node_start() {
    local name=$1 label labels=()
    shift
    for label; do labels+=(--label "$label"); done
    docker run --detach --name "$name" "${labels[@]}" --network none --tmpfs /run --volume /var --cap-add SYS_ADMIN \
        --security-opt seccomp=unconfined --security-opt apparmor=unconfined skiff-node /usr/bin/containerd >/dev/null
    wait_until 20 node_ctr "$name" version
}

node_ctr() {
    local node=$1
    shift
    docker exec "$node" ctr --namespace k8s.io "$@" >/dev/null 2>&1
}

# node_images NODE: the names of its images
node_images() { docker exec "$1" ctr --namespace k8s.io images ls -q; }

# node_has_whole NODE IMAGE: every blob is there, and it is unpacked.
node_has_whole() {
    docker exec "$1" ctr --namespace k8s.io images check "name==$2" | grep -qE 'complete \(([0-9]+)/\1\).* true *$'
}
