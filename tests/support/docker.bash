# shellcheck shell=bash
# docker.bash: a real Docker Engine of a test file's own: private socket and folders, no bridge, no firewall
# rules, a containerd of its own; it never meets what else runs on the machine. Wants root.
#
#   setup_file() { docker_install; docker_start; }    teardown_file() { docker_stop; }
#
# A RUN step has no network bridge here: 'network: host' (BuildKit) or 'none' in skaffold.yaml.

# Debian's docker.io has the engine, and a docker program that needs no plugin for BuildKit.
docker_install() {
    (
        set -euo pipefail
        # shellcheck source=/dev/null
        source "$(dirname "${BASH_SOURCE[0]}")/../../examples/support/install.sh"
        skiff_need_packages docker.io
    ) 2>&1
}

# docker_start [ARG...]: with these arguments of dockerd. Sets DOCKER_HOST, and DOCKER_DIR: short, for a
# socket's path has 107 characters at most.
docker_start() {
    DOCKER_DIR=$(mktemp -d "${TMPDIR:-/tmp}/skiff-docker.XXXXXX")
    DOCKER_HOST=unix://$DOCKER_DIR/docker.sock
    export DOCKER_DIR DOCKER_HOST
    PATH=/usr/sbin:/sbin:$PATH setsid dockerd --host "$DOCKER_HOST" --data-root "$DOCKER_DIR/data" \
        --exec-root "$DOCKER_DIR/exec" --pidfile "$DOCKER_DIR/pid" --bridge none --iptables=false \
        --ip6tables=false "$@" >"$DOCKER_DIR/log" 2>&1 </dev/null 3>&- 4>&- &
    local i
    for ((i = 0; i < 600; i++)); do
        curl -sf --unix-socket "$DOCKER_DIR/docker.sock" http://docker/_ping >/dev/null && return
        kill -0 $! 2>/dev/null || break
        sleep 0.1
    done
    echo "dockerd does not start:" >&2
    tail -n 30 "$DOCKER_DIR/log" >&2
    return 1
}

# Ends it by its pid, and takes its folders away. It unmounts what it has mounted.
docker_stop() {
    [[ -n ${DOCKER_DIR:-} ]] || return 0
    local pid i
    pid=$(cat "$DOCKER_DIR/pid" 2>/dev/null) || pid=
    if [[ -n $pid ]]; then
        kill "$pid" 2>/dev/null
        for ((i = 0; i < 300; i++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
    fi
    grep -oE " $DOCKER_DIR/[^ ]+" /proc/self/mounts | sort -r | xargs -r umount -l 2>/dev/null
    rm -rf "$DOCKER_DIR"
}

# docker_files IMAGE: the files of an image, one a line.
docker_files() {
    local id
    id=$(docker create "$1" x)
    docker export "$id" | tar -t
    docker rm "$id" >/dev/null
}

# A docker program as it is without its buildx plugin (Docker 23 and later), in a folder for PATH.
docker_without_buildx() {
    local dir=$BATS_TEST_TMPDIR/no-buildx
    mkdir -p "$dir"
    cat >"$dir/docker" <<END
#!/bin/sh
if [ "\$1" = build ] && [ "\$DOCKER_BUILDKIT" != 0 ]; then
    echo 'ERROR: BuildKit is enabled but the buildx component is missing or broken.' >&2
    exit 1
fi
exec $(type -P docker) "\$@"
END
    chmod 755 "$dir/docker"
    echo "$dir"
}

# docker_certificates DIR: an authority, a server's certificate for 127.0.0.1 and a client's, as Docker wants
# them: ca.pem, server-cert.pem, server-key.pem, cert.pem, key.pem.
docker_certificates() {
    local dir=$1 who
    mkdir -p "$dir"
    (
        cd "$dir" || exit
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=authority -days 2 \
            -keyout ca-key.pem -out ca.pem
        echo 'subjectAltName = IP:127.0.0.1' >server.ext
        echo 'extendedKeyUsage = clientAuth' >client.ext
        for who in server client; do
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$who" \
                -keyout "$who-key.pem" -out "$who.csr"
            openssl x509 -req -in "$who.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 2 \
                -extfile "$who.ext" -out "$who-cert.pem"
        done
        mv client-cert.pem cert.pem && mv client-key.pem key.pem
    ) 2>/dev/null
}
