#!/usr/bin/env bats
# Which cluster may be changed, and skiff config. No cluster is needed: nothing gets so far.

load ../support/common

setup() {
    common_setup
    copy_sample
    mkdir -p "$HOME/.kube" "$HOME/.skaffold"
    cat >"$KUBECONFIG" <<'END'
apiVersion: v1
kind: Config
current-context: prod
clusters:
- {name: far, cluster: {server: "https://192.0.2.1:6443"}}
- {name: tunnel, cluster: {server: "https://127.0.0.1:1"}}
contexts:
- {name: prod, context: {cluster: far}}
- {name: tunnel, context: {cluster: tunnel}}
END
}
teardown() { common_teardown; }

# A context that answers at once (nothing listens), and is not local.
use_tunnel() {
    kubectl config use-context tunnel >/dev/null
    "$SKIFF" config set local-cluster false >/dev/null
}

# on_terminal ANSWER ARG...: skiff with a terminal at both ends; $output is what it shows.
on_terminal() {
    local answer=$1
    shift
    run timeout -k 5 60 script -qec "$SKIFF $*" /dev/null <<<"$answer"
}

@test "a cluster that is not local has to be named, for run, dev and delete" {
    local command
    for command in run dev delete; do
        skiff "$command"
        expect_status 8
        expect_in "$stderr" "context 'prod' (https://192.0.2.1:6443) is not a local cluster" \
            "--kube-context=prod" "skiff config allow-context prod"
    done
    # A loopback address may be a tunnel to anywhere: where it is, local-cluster says so.
    use_tunnel
    skiff run
    expect_status 8
    expect_in "$stderr" "context 'tunnel' (https://127.0.0.1:1) is not a local cluster"
}

@test "named by flag, by deploy.kubeContext, by local-cluster, or local by name: it is tried" {
    use_tunnel
    skiff run --kube-context=tunnel
    expect_status 8
    expect_in "$stderr" "cannot use the cluster of context 'tunnel'"
    cp skaffold.yaml unnamed.yaml
    sed -i 's/^deploy:.*/deploy:\n  kubeContext: tunnel/' skaffold.yaml
    skiff run
    expect_in "$stderr" "cannot use the cluster of context 'tunnel'"
    mv unnamed.yaml skaffold.yaml
    skiff_ok config set local-cluster true
    skiff run
    expect_in "$stderr" "cannot use the cluster of context 'tunnel'"
    skiff_ok config unset local-cluster
    skiff delete
    expect_in "$stderr" "cannot use the cluster of context 'tunnel'"
}

@test "modules that name different contexts are not deployed to one of them" {
    printf 'apiVersion: skaffold/v4beta11\nkind: Config\nmetadata: {name: %s}\ndeploy: {kubeContext: %s, kubectl: {}}\n' \
        a prod b tunnel | sed '1!s/^apiVersion/---\n&/' >skaffold.yaml
    skiff run
    expect_status 3
    expect_in "$stderr" "deploy.kubeContext is 'prod' in skaffold.yaml and 'tunnel' in skaffold.yaml" '--module'
    skiff run --module=b
    expect_in "$stderr" "cannot use the cluster of context 'tunnel'"
}

@test "config allow-context holds for the name and its server, until it is forgotten" {
    use_tunnel
    skiff_ok config allow-context tunnel
    expect_in "$output" "skiff may deploy to context tunnel (https://127.0.0.1:1)"
    skiff run
    expect_in "$stderr" "cannot use the cluster of context 'tunnel'"
    kubectl config set-cluster tunnel --server=https://127.0.0.1:2 >/dev/null
    skiff run
    expect_status 8
    expect_in "$stderr" "is not a local cluster"
    skiff_ok config list --all
    expect_in "$output" "# allowed context: tunnel https://127.0.0.1:1"
    skiff_ok config forget-context tunnel
    skiff config forget-context tunnel
    expect_status 1
    skiff config allow-context nowhere
    expect_status 1
    expect_in "$stderr" "context 'nowhere' does not exist"
}

@test "asked on a terminal: no, once, always" {
    use_tunnel
    on_terminal '' run
    expect_status 8
    expect_in "$output" "Go on with 'skiff run' there?" "nothing says that it is meant"
    on_terminal y run
    expect_in "$output" "Go on with" "cannot use the cluster"
    on_terminal a run
    expect_in "$output" "Go on with" "cannot use the cluster"
    on_terminal '' run
    expect_not_in "$output" "Go on with"
    expect_in "$output" "cannot use the cluster"
}

@test "config set, list and unset keep Skaffold's format and keys that skiff does not know" {
    cat >"$HOME/.skaffold/config" <<'END'
global:
  survey:
    last-prompted: "2024-05-01T10:00:00Z"
  future-key: {a: [1, 2]}
kubeContexts:
- kube-context: other
  default-repo: reg.example/other
END
    skiff_ok config set default-repo reg.example/team
    expect_equal "$output" 'set value default-repo to reg.example/team for context prod'
    skiff_ok config set insecure-registries one:5000
    skiff_ok config set insecure-registries two:5000
    skiff_ok config set insecure-registries one:5000
    skiff_ok config set -g kind-disable-load TRUE
    expect_equal "$output" 'set global value kind-disable-load to TRUE'
    skiff_ok config set -k other multi-level-repo false
    skiff_ok config list
    expect_equal "$output" "skaffold config: $HOME/.skaffold/config
kube-context: prod
default-repo: reg.example/team
insecure-registries:
- one:5000
- two:5000"
    skiff_ok config unset default-repo
    expect_equal "$(cat "$HOME/.skaffold/config")" 'global:
  survey:
    last-prompted: "2024-05-01T10:00:00Z"
  future-key:
    a:
    - 1
    - 2
  kind-disable-load: true
kubeContexts:
- kube-context: other
  default-repo: reg.example/other
  multi-level-repo: false
- kube-context: prod
  insecure-registries:
  - one:5000
  - two:5000'
}

@test "config: wrong usage says what there is" {
    skiff config
    expect_status 2
    expect_in "$stderr" 'set, unset, list, allow-context, forget-context'
    skiff config set default-repoo x
    expect_status 2
    expect_in "$stderr" "did you mean 'default-repo'?"
    skiff config set local-cluster perhaps
    expect_status 2
    expect_in "$stderr" "takes true or false, not 'perhaps'"
    skiff config set default-repo
    expect_status 2
    expect_in "$stderr" 'usage: skiff config set KEY VALUE'
    skiff config lst
    expect_in "$stderr" "did you mean 'list'?"
    printf 'global: [\n' >"$HOME/.skaffold/config"
    skiff config set default-repo x
    expect_status 3
    expect_match "$stderr" '\.skaffold/config:2:1: '
    # Without a current context the global values are meant.
    rm "$HOME/.skaffold/config" "$KUBECONFIG"
    skiff_ok config set default-repo x
    expect_equal "$output" 'set global value default-repo to x'
}

@test "a server behind which another cluster appears: nothing is applied" {
    mkdir -p k8s
    printf 'apiVersion: skaffold/v4beta11\nkind: Config\nmanifests: {rawYaml: [k8s/*.yaml]}\n' >skaffold.yaml
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n' >k8s/deployment.yaml
    # kube-system has one UID at the start, and another one from then on; what else is asked is written down.
    python3 - >port 2>/dev/null 3>&- 4>&- <<'END' &
import http.server, json
uids = iter(["first"])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = {"major": "1"}
        if self.path.endswith("/kube-system"):
            body = {"metadata": {"uid": next(uids, "other")}}
        elif self.path != "/version" and "local-registry-hosting" not in self.path:
            open("asked", "a").write(self.path + "\n")
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    do_POST = do_PATCH = do_GET
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()
END
    local server=$!
    wait_until 10 test -s port
    kubectl config set-cluster tunnel --server="http://127.0.0.1:$(cat port)" >/dev/null
    kubectl config use-context tunnel >/dev/null
    skiff run
    kill "$server"
    expect_status 6
    expect_in "$stderr" "now leads to another cluster: it has another kube-system; nothing is applied"
    [[ ! -e asked ]] || fail "asked for:" "$(cat asked)"
}

@test "minikube is not there to be asked: dev, run and build say so, and end with 5" {
    local command
    ! command -v minikube >/dev/null || skip "minikube is installed"
    cat >"$KUBECONFIG" <<'END'
apiVersion: v1
kind: Config
current-context: minikube
clusters: [{name: minikube, cluster: {server: "https://127.0.0.1:1"}}]
contexts: [{name: minikube, context: {cluster: minikube}}]
END
    for command in dev run build; do
        skiff "$command"
        expect_status 5
        expect_in "$stderr" "the program 'minikube' is not in PATH"
    done
}
