#!/usr/bin/env bats
# The check of the source tree finds what it is there for.

load ../support/common

setup() {
    common_setup
    mkdir -p cmd lib/{base,io,doc,config,image,kube,engine} builders/{ko,docker} deployers/kubectl examples tests build
    touch CMakeLists.txt README.md LICENSE .gitignore lib/base/err.h lib/io/{file,http}.h lib/engine/builder.h \
        builders/registry.h builders/ko/ko.h builders/docker/docker.h cmd/session.h
}
teardown() { common_teardown; }

check() { run "$REPO/tests/support/check-includes" "$WORK"; }
includes() { printf '#include <stdio.h>\n#include "%s"\n' "$2" >"$1"; }

@test "a good tree" {
    includes lib/io/file.c lib/base/err.h
    includes lib/config/load.c lib/io/file.h
    includes builders/registry.c builders/ko/ko.h
    includes builders/ko/ko.c lib/engine/builder.h
    includes cmd/main.c builders/registry.h
    check
    expect_status 0
}

@test "upward includes, with file and line" {
    includes lib/base/err.c lib/io/file.h
    includes lib/config/load.c lib/io/http.h
    includes lib/engine/engine.c builders/ko/ko.h
    includes builders/ko/ko.c builders/docker/docker.h
    includes builders/docker/docker.c cmd/session.h
    check
    expect_status 1
    expect_in "$output" 'lib/base/err.c:2:' 'lib/config/load.c:2:' 'lib/engine/engine.c:2:' \
        'builders/ko/ko.c:2:' 'builders/docker/docker.c:2:'
    expect_equal "${#lines[@]}" 5
}

@test "a path that hides where it leads" {
    includes lib/io/file.c ../engine/builder.h
    check
    expect_status 1
    expect_in "$output" 'lib/io/file.c:2:'
}

@test "what does not belong at the top, and what is missing there" {
    mkdir scripts
    rm LICENSE
    check
    expect_status 1
    expect_in "$output" 'scripts: does not belong' 'LICENSE: is missing'
}
