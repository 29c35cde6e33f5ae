#!/usr/bin/env bats
# The examples that no other file runs.

load ../support/common
load ../support/cluster
load ../support/docker

PATH=/usr/bin:$PATH

setup_file() {
    docker_install
    docker_start
}
teardown_file() { docker_stop; }
setup() { cluster_setup; }
teardown() { cluster_teardown; }

# What its Dockerfile is built from, of Debian's busybox: there is no registry to take it from.
busybox_image() {
    local root=$BATS_TEST_TMPDIR/busybox
    (
        # shellcheck source=/dev/null
        source "$REPO/examples/support/install.sh"
        skiff_need_packages busybox-static
    ) >/dev/null 2>&1
    mkdir -p "$root/bin"
    cp "$(readlink -f "$(type -P busybox)")" "$root/bin/busybox"
    for name in sh tar rm httpd; do ln -s busybox "$root/bin/$name"; done
    tar -C "$root" -c . | docker import - busybox:stable >/dev/null
}

page_of() { # SERVICE
    local address
    address=$(kubectl get service "$1" -o jsonpath='{.spec.clusterIP}' 2>/dev/null)
    curl -sS --noproxy '*' --max-time 2 "http://$address/" 2>/dev/null
}
page_is() { [[ $(page_of "$1") == "$2" ]]; }

@test "ko-and-docker: each change goes its own way" {
    busybox_image
    rm -r ./* && cp -R "$REPO/examples/ko-and-docker/." .
    dev_start
    dev_is_ready
    wait_until 30 page_is web '<p>Hello from the web'
    wait_until 30 page_is api 'Hello from the API'

    echo '<p>Hello again' >web/site/index.html
    dev_says 'Synced into 1 container'
    wait_until 10 page_is web '<p>Hello again'
    dev_is_ready

    sed -i 's/from the API/from Go/' api/main.go
    dev_says 'deployment/api is ready'
    wait_until 30 page_is api 'Hello from Go'
    expect_not_in "$(dev_said)" 'Building [example.com/web]'
    dev_is_ready

    echo 'LABEL a=b' >>web/Dockerfile
    dev_says 'Build \[example.com/web\] succeeded'
    expect_not_in "$(dev_said)" 'Building [example.com/api]'
    dev_is_ready
    echo ignored >web/notes.txt # copied nowhere
    echo '<p>One more' >web/site/index.html
    dev_says 'Synced into 1 container'
    expect_not_in "$(dev_said)" 'notes.txt'
    dev_stop
}
