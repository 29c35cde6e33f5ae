# shellcheck shell=bash
# cluster.bash: tests on a real cluster. Each has a namespace of its own, and a kubeconfig of its own
# with that namespace in it: so the commands are those a user would type. load it after common.
#
# SKIFF_TEST_KUBECONFIG names the cluster (tests/run sets it); kubectl is on PATH.

cluster_setup() {
    common_setup
    copy_sample
    [[ -n ${SKIFF_TEST_KUBECONFIG:-} ]] ||
        fail "SKIFF_TEST_KUBECONFIG is not set: run these tests with tests/run e2e" || return
    NAMESPACE=t$BATS_SUITE_TEST_NUMBER-$$
    mkdir -p "$HOME/.kube"
    kubectl --kubeconfig "$SKIFF_TEST_KUBECONFIG" config view --raw --minify --flatten >"$KUBECONFIG"
    kubectl config set-context --current --namespace="$NAMESPACE" >/dev/null
    kubectl create namespace "$NAMESPACE" >/dev/null
    wait_until 30 has_service_account || fail "namespace $NAMESPACE gets no service account"
}

has_service_account() { kubectl get serviceaccount default >/dev/null 2>&1; }

cluster_teardown() {
    if [[ -z ${BATS_TEST_COMPLETED:-} ]]; then
        [[ ! -s ${BACKGROUND_OUT:-} ]] || { echo "--- skiff said:" && cat "$BACKGROUND_OUT"; } >&2
        { kubectl get deployments,pods -o wide && kubectl get events --sort-by=.lastTimestamp | tail -n 8; } >&2 || true
    fi
    if background_runs; then
        kill -INT "$BACKGROUND_PID"
        wait_until 20 background_is_gone || kill -KILL "$BACKGROUND_PID"
        wait "$BACKGROUND_PID" || true
    fi
    kubectl delete namespace "$NAMESPACE" --wait=false >/dev/null 2>&1 || true
    common_teardown
}

# --- what the sample's pods say ---

# "name address" of each that is not on its way out.
pods() {
    kubectl get pods -l app=go-app -o json | jq -r '.items[]
        | select(.metadata.deletionTimestamp == null and .status.podIP != null)
        | "\(.metadata.name) \(.status.podIP)"'
}

answer_of() { curl -sS --noproxy '*' --max-time 2 "http://$1:${2:-8080}/" 2>/dev/null; }

# serves TEXT: one of them answers with it; sets POD to its name.
serves() {
    local name address
    while read -r name address; do
        if [[ $(answer_of "$address") == "$1" ]]; then
            # shellcheck disable=SC2034 # for the tests
            POD=$name
            return
        fi
    done < <(pods)
    return 1
}

expect_serves() { wait_until 60 serves "$1" || fail "no pod answers '$1' within 60 s"; }

pod_count_is() { [[ $(kubectl get pods -l app=go-app --no-headers 2>/dev/null | wc -l) == "$1" ]]; }
deployment_is_gone() { ! kubectl get deployment go-app >/dev/null 2>&1; }
generation() { kubectl get deployment go-app -o jsonpath='{.metadata.generation}'; }

# --- a running skiff dev ---

dev_start() {
    background dev "$@"
    dev_mark
}

# What it says from now on counts.
dev_mark() { DEV_SEEN=$(stat -c %s "$BACKGROUND_OUT"); }
dev_said() { tail -c "+$((DEV_SEEN + 1))" "$BACKGROUND_OUT"; }
dev_has_said() { dev_said | grep -qE -- "$1"; }
dev_has_said_or_ended() { dev_has_said "$1" || background_is_gone; }

# dev_says REGEX [SECONDS]: a line since the mark matches, or will.
dev_says() {
    wait_until "${2:-60}" dev_has_said_or_ended "$1" || fail "skiff dev does not say '$1'" || return
    dev_has_said "$1" || fail "skiff dev ended without '$1'"
}

# The first loop is through, and it waits for a save.
dev_is_ready() {
    dev_says '^Watching for changes' 120
    dev_mark
}

dev_stop() {
    kill -INT "$BACKGROUND_PID"
    background_ends 0
}

# shellcheck disable=SC2034 # for the tests
LEDGER='notice [0-9]+ · build [0-9]+ · layer [0-9]+ · deliver [0-9]+ · apply [0-9]+ · ready [0-9]+ = [0-9]+ ms'

# The parts of a ledger line add up to its total.
expect_ledger_adds_up() {
    local parts total
    parts=$(grep -oE ' [0-9]+ (·|=)' <<<" $1" | tr -dc '0-9\n' | paste -sd +)
    total=$(sed -E 's/.*= ([0-9]+) ms.*/\1/' <<<"$1")
    expect_equal "$((parts))" "$total"
}
