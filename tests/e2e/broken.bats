#!/usr/bin/env bats
# Broken apps on a real cluster: one line says what is wrong, before any deadline. And healthy ones
# that look broken for a while: they are waited for.
#
# An app is a file of tests/fixtures/broken. Its head says what is wrong with it and which verdict is
# expected ('…' stands for anything; "ready": none). They share one image, misfit, and run side by
# side, each in a namespace of its own.

load ../support/common
load ../support/cluster

AT_ONCE=12

setup_file() {
    common_setup
    # shellcheck disable=SC2154 # bats sets it
    export APPS=$BATS_FILE_TMPDIR/apps APP_CONFIG=$BATS_FILE_TMPDIR/kubeconfig APP_PREFIX=broken-$$
    kubectl --kubeconfig "$SKIFF_TEST_KUBECONFIG" config view --raw --minify --flatten >"$APP_CONFIG"
    export KUBECONFIG=$APP_CONFIG
    cd "$REPO/tests/fixtures/broken/misfit" || return
    IMAGE=$("$SKIFF" build -q -t broken | jq -r '.builds[0].tag')
    [[ -n $IMAGE && $IMAGE != null ]] || fail 'misfit is not built' || return
    local file
    for file in "$REPO"/tests/fixtures/broken/*.yaml; do
        prepare "$file"
    done
    namespaces | kubectl apply -f - >/dev/null
    wait_until 60 all_have_service_accounts || fail 'the namespaces get no service accounts' || return
    apps | xargs -P "$AT_ONCE" -I '{}' timeout -k 5 120 env -C "$APPS/{}" \
        ASAN_OPTIONS="detect_leaks=1" sh -c "'$SKIFF' run -n '$APP_PREFIX-{}' >out 2>err; echo \$? >status" || true
}

teardown_file() {
    namespaces | kubectl --kubeconfig "$APP_CONFIG" delete --wait=false -f - >/dev/null
    common_teardown
}

# prepare FILE: a project around the app.
prepare() {
    local name deadline
    name=$(basename "$1" .yaml)
    deadline=$(sed -n 's/^# deadline: //p' "$1")
    mkdir -p "$APPS/$name/k8s"
    sed "s|image: misfit|image: $IMAGE|" "$1" >"$APPS/$name/k8s/app.yaml"
    cat >"$APPS/$name/skaffold.yaml" <<YAML
apiVersion: skaffold/v4beta13
kind: Config
manifests:
  rawYaml: [k8s/app.yaml]
deploy:
  statusCheckDeadlineSeconds: ${deadline:-90}
  kubectl: {}
YAML
}

apps() { find "$APPS" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort; }

namespaces() {
    local name
    for name in $(apps); do
        printf 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: %s\n  labels: {skiff-test: "%s"' \
            "$APP_PREFIX-$name" "$APP_PREFIX"
        [[ $name != pod-security ]] || printf ', pod-security.kubernetes.io/enforce: restricted'
        printf '}\n---\n'
    done
}

all_have_service_accounts() {
    local wanted have
    wanted=$(apps | wc -l)
    have=$(kubectl get serviceaccounts -A --no-headers | grep -c "^$APP_PREFIX-.* default ")
    ((have >= wanted))
}

verdict_of() { sed -n 's/^# verdict: //p' "$APPS/$1/k8s/app.yaml"; }

# as_expected LINE PATTERN: '…' in the pattern stands for anything.
as_expected() {
    local regex
    regex=$(sed 's/[][\.*^$+?(){}|/]/\\&/g; s/…/.*/g' <<<"$2")
    grep -qE -- "^$regex\$" <<<"$1"
}

# check APP STATUS TEXT PATTERN
check() {
    local status_of
    status_of=$(cat "$APPS/$1/status" 2>/dev/null) || status_of='none: it hung'
    if [[ $status_of != "$2" ]] || ! as_expected "$3" "$4"; then
        printf '%s: exit status %s\n  expected: %s\n  said:     %s\n' "$1" "$status_of" "$4" "$3" >&2
        return 1
    fi
}

@test "each broken app gets its verdict, with the place in its manifest" {
    local app expected code=0
    for app in $(apps); do
        expected=$(verdict_of "$app")
        case $expected in
        ready | warning:*) ;;
        *) check "$app" 7 "$(sed -n 's/^Not ready: //p' "$APPS/$app/err")" "$expected" || code=1 ;;
        esac
    done
    return "$code"
}

@test "healthy ones are waited for: slow starts, restarts, init containers, Jobs, sidecars" {
    local app expected code=0
    for app in $(apps); do
        expected=$(verdict_of "$app")
        [[ $expected != ready ]] || check "$app" 0 "$(cat "$APPS/$app/err")" '' || code=1
    done
    return "$code"
}

@test "what no pod shows is a warning: Services that lead nowhere" {
    local app expected code=0
    for app in $(apps); do
        expected=$(verdict_of "$app")
        [[ $expected != warning:* ]] || check "$app" 0 "$(cat "$APPS/$app/err")" "$expected" || code=1
    done
    return "$code"
}
