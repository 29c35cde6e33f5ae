#!/usr/bin/env bats
# The command line: help, versions, and what is said about mistakes.

load ../support/common
setup() { common_setup; }
teardown() { common_teardown; }

COMMANDS=(dev run build render delete state wait trigger events why doctor version help)

@test "version prints one line" {
    skiff_ok version
    expect_match "$output" '^skiff [0-9]+\.[0-9]+\.[0-9]+'
    expect_equal "${#lines[@]}" 1
    expect_equal "$stderr" ''
}

@test "--version is version" {
    skiff_ok --version
    expect_match "$output" '^skiff [0-9]'
}

@test "help names every command" {
    skiff_ok help
    local command
    for command in "${COMMANDS[@]}"; do
        expect_match "$output" "^  $command +[a-z]"
    done
    expect_equal "$stderr" ''
}

@test "without a command: the overview on standard error, status 2" {
    skiff
    expect_status 2
    expect_equal "$output" ''
    expect_in "$stderr" 'Usage: skiff COMMAND'
}

@test "every command has its own help, by -h, --help and help COMMAND" {
    local command by_help
    for command in "${COMMANDS[@]}"; do
        skiff_ok help "$command"
        by_help=$output
        expect_in "$output" "Usage: skiff $command" '--help'
        skiff_ok "$command" -h
        expect_equal "$output" "$by_help"
        skiff_ok "$command" --help
        expect_equal "$output" "$by_help"
    done
}

@test "help of dev has Skaffold's option names" {
    skiff_ok dev -h
    expect_in "$output" '-f, --filename' '-p, --profile' '-n, --namespace' --kube-context --default-repo \
        --tail --port-forward --cleanup '-v, --verbosity'
}

@test "help asks for no cluster, no configuration and no HOME" {
    unset HOME KUBECONFIG XDG_CACHE_HOME XDG_CONFIG_HOME XDG_STATE_HOME
    skiff_ok help dev
}

@test "an unknown command gets a suggestion, status 2" {
    skiff buidl
    expect_status 2
    expect_in "$stderr" "unknown command 'buidl'" "'build'"
}

@test "a command that is like no other gets no suggestion" {
    skiff frobnicate
    expect_status 2
    expect_in "$stderr" "unknown command 'frobnicate'" 'skiff help'
    expect_not_in "$stderr" 'did you mean'
}

@test "an unknown option gets a suggestion, status 2" {
    skiff run --kube-contxt=x
    expect_status 2
    expect_in "$stderr" "'--kube-contxt'" "did you mean '--kube-context'"
    skiff dev -Z
    expect_status 2
    expect_in "$stderr" "'-Z'"
}

@test "an option that needs a value and has none, status 2" {
    skiff run --kube-context
    expect_status 2
    expect_in "$stderr" '--kube-context needs a value'
}

@test "a bad value is named, status 2" {
    skiff dev --cleanup=perhaps
    expect_status 2
    expect_in "$stderr" '--cleanup' "'perhaps'"
    skiff dev --verbosity=loud
    expect_status 2
    expect_in "$stderr" "'loud'"
}

@test "a variable of the environment with a bad value is named" {
    export SKAFFOLD_CLEANUP=perhaps
    skiff dev
    expect_status 2
    expect_in "$stderr" SKAFFOLD_CLEANUP "'perhaps'"
}

@test "an argument where none belongs, status 2" {
    skiff run everything
    expect_status 2
    expect_in "$stderr" "'everything'"
}

@test "what Skaffold has and skiff has not is refused with the reason" {
    skiff dev --rpc-port=50051
    expect_status 2
    expect_in "$stderr" '--rpc-port is not supported'
}

@test "output that cannot be written is an error" {
    run --separate-stderr bash -c '"$1" help >/dev/full' - "$SKIFF"
    expect_status 1
    expect_in "$stderr" 'cannot write'
}

@test "without a running dev: state, trigger and events say so; wait gives up in time" {
    local command
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR
    for command in state trigger events wait; do
        skiff "$command"
        expect_status 1
        expect_in "$stderr" "no 'skiff dev' runs"
    done
    skiff wait --json --timeout=100ms
    expect_status 1
    expect_in "$output" '"result":"ended"'
    skiff wait --for=rain
    expect_status 2
    skiff wait --timeout=soon
    expect_status 2
    skiff state --session=x
    expect_status 2
}

@test "dev refuses a trigger that it does not know before anything else" {
    skiff dev --trigger=sometimes
    expect_status 2
    expect_in "$stderr" 'notify, polling or manual'
    skiff dev --watch-poll-interval=soon
    expect_status 2
}

@test "doctor: each thing that is wrong comes with what mends it" {
    copy_sample
    export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR
    skiff doctor --default-repo=127.0.0.1:1/x --push
    expect_status 1 # no cluster here, and nobody at that port
    expect_match "$output" '^ok    inotify'
    expect_match "$output" '^ok    go '
    expect_match "$output" '^WRONG context'
    expect_in "$output" 'fix: kubectl config use-context'
    expect_match "$output" '^WRONG registry'
    expect_in "$output" 'fix: is it up?'
    chmod 755 "$BATS_TEST_TMPDIR/skiff"
    SKIFF_PATH=$(only_programs true) skiff doctor
    expect_status 1
    expect_match "$output" '^WRONG socket'
    expect_match "$output" '^WRONG go +is not in PATH'
    expect_match "$output" '^WRONG kubectl'
}

@test "doctor without a configuration says so, and looks at the machine all the same" {
    skiff doctor
    expect_status 3
    expect_match "$output" '^ok    inotify'
    expect_match "$output" '^WRONG config'
}

@test "Skaffold's switches for what skiff does anyway pass; what it has not says what to use" {
    copy_sample
    skiff_ok build --dry-run --interactive=false --update-check=false --assume-yes --no-prune -q
    SKAFFOLD_UPDATE_CHECK=false skiff_ok build --dry-run -q
    skiff build --update-check=perhaps
    expect_status 2
    skiff run --label a=b
    expect_status 2
    expect_in "$stderr" '--label is not supported' 'kustomize'
    skiff help run
    expect_not_in "$output" '--update-check'
}

@test "test: structure tests are refused by name, with what to use instead" {
    printf 'apiVersion: skaffold/v4beta11\nkind: Config\nbuild:\n  artifacts: [{image: a, ko: {}}]\ntest:\n- image: a\n  structureTests: [x.yaml]\n' >skaffold.yaml
    skiff test --images a=a:1
    expect_status 3
    expect_in "$stderr" "skaffold.yaml:7:19: 'test.structureTests' is not supported" 'container-structure-test test' 'custom test'
}
