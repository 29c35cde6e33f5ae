#include "lib/kube/manifest.h"
#include "lib/kube/manifest_debug.h"
#include "lib/kube/selector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/digest.h"
#include "lib/io/file.h"

#define DIR FIXTURES "/kube/manifest"

static struct skf_objects parse(const char *text)
{
    struct skf_objects o = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    if (skf_manifest_parse("k8s/app.yaml", text, strlen(text), &o, &err) < 0)
        fail_msg("%d:%d %s", err.line, err.col, err.msg);
    return o;
}

static struct skf_err parse_error(const char *text)
{
    struct skf_objects o = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    assert_true(skf_manifest_parse("k8s/app.yaml", text, strlen(text), &o, &err) < 0);
    assert_int_equal(o.n, 0);
    return err;
}

static char *joined(const struct skf_objects *o)
{
    struct skf_buf b = SKF_BUF_INIT;
    skf_manifest_join(o, &b);
    return skf_buf_take(&b);
}

/* Text in, text out; releases all. */
static void check_retag(const char *in, struct skf_retag *retags, size_t n, const char *want)
{
    struct skf_objects o = parse(in);
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_manifest_retag(&o, NULL, retags, n, &err), 0);
    char *got = joined(&o);
    assert_string_equal(got, want);
    for (size_t i = 0; i < o.n; i++) {
        char hash[SKF_DIGEST_TEXT];
        skf_digest_of(o.v[i].text, strlen(o.v[i].text), hash);
        assert_string_equal(o.v[i].hash, hash);
    }
    free(got);
    skf_objects_release(&o);
}

static void test_split(void **state)
{
    (void)state;
    struct skf_objects o = parse("# head\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n"
                                 "  namespace: ns\n"
                                 "--- # a comment behind it\n"
                                 "# only a comment\n"
                                 "---\n"
                                 "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b}\n"
                                 "...\n");
    assert_int_equal(o.n, 2);
    assert_string_equal(o.v[0].api_version, "v1");
    assert_string_equal(o.v[0].kind, "ConfigMap");
    assert_string_equal(o.v[0].name, "a");
    assert_string_equal(o.v[0].namespace_, "ns");
    assert_string_equal(o.v[0].file, "k8s/app.yaml");
    assert_non_null(strstr(o.v[0].text, "# head"));
    assert_string_equal(o.v[1].kind, "Deployment");
    assert_null(o.v[1].namespace_);
    assert_int_equal(o.v[1].line, 10);
    assert_null(strstr(o.v[1].text, "..."));
    skf_objects_release(&o);
    o = parse("# nothing\n---\n---\n");
    assert_int_equal(o.n, 0);
    skf_objects_release(&o);
}

static void test_json(void **state)
{
    (void)state;
    struct skf_retag r = { "app", "app:1@sha256:aa" };
    check_retag("{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},"
                "\"spec\":{\"containers\":[{\"image\":\"app\"}]}}",
                &r, 1,
                "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},"
                "\"spec\":{\"containers\":[{\"image\":\"app:1@sha256:aa\"}]}}\n");
    assert_int_equal(r.used, 1);
}

static void test_crlf_stays(void **state)
{
    (void)state;
    struct skf_retag r = { "app", "app:2" };
    check_retag("apiVersion: v1\r\nkind: Pod\r\nmetadata:\r\n  name: p\r\nspec:\r\n"
                "  containers:\r\n  - image: app:1 # mine\r\n",
                &r, 1,
                "apiVersion: v1\r\nkind: Pod\r\nmetadata:\r\n  name: p\r\nspec:\r\n"
                "  containers:\r\n  - image: app:2 # mine\r\n");
}

static void test_list_is_expanded(void **state)
{
    (void)state;
    struct skf_objects o = parse("apiVersion: v1\n"
                                 "kind: List\n"
                                 "items:\n"
                                 "  - apiVersion: v1\n"
                                 "    kind: ConfigMap # kept\n"
                                 "    metadata:\n"
                                 "      name: &n one\n"
                                 "    data:\n"
                                 "      text: |\n"
                                 "        first\n"
                                 "          second\n"
                                 "  - apiVersion: v1\n"
                                 "    kind: ConfigMap\n"
                                 "    metadata:\n"
                                 "      name: *n\n"
                                 "  - {apiVersion: v1, kind: Service, metadata: {name: s}}\n"
                                 "  - apiVersion: v1\n"
                                 "    kind: List\n"
                                 "    items:\n"
                                 "    - {apiVersion: v1, kind: Pod, metadata: {name: inner}}\n");
    assert_int_equal(o.n, 4);
    assert_string_equal(o.v[0].text, "apiVersion: v1\n"
                                     "kind: ConfigMap # kept\n"
                                     "metadata:\n"
                                     "  name: &n one\n"
                                     "data:\n"
                                     "  text: |\n"
                                     "    first\n"
                                     "      second\n");
    assert_int_equal(o.v[0].line, 4);
    assert_string_equal(o.v[1].name, "one"); /* an alias across items: written anew */
    assert_null(strstr(o.v[1].text, "*n"));
    assert_string_equal(o.v[2].name, "s");
    assert_string_equal(o.v[3].name, "inner");
    skf_objects_release(&o);
}

static void test_errors(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
        int line;
    } cases[] = {
        { "- a\n", "a list", 1 },
        { "just text\n", "is text", 1 },
        { "kind: Pod\n", "no 'apiVersion'", 1 },
        { "apiVersion: v1\nkind: Pod\n---\napiVersion: v1\n", "no 'kind'", 4 },
        { "apiVersion: v1\nkind: Pod\nmetadata: [x]\n", "'metadata' is a list", 3 },
        { "apiVersion: v1\nkind: [\n", "", 2 },
        { "apiVersion: v1\nkind: Pod\nkind: Pod\n", "", 3 },
        { "apiVersion: v1\nkind: List\nitems: [{kind: x}]\n", "no 'apiVersion'", 3 },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        struct skf_err err = parse_error(cases[i].text);
        if (!strstr(err.msg, cases[i].want) || err.line < cases[i].line)
            fail_msg("case %zu: %d: %s", i, err.line, err.msg);
        assert_string_equal(err.file, "k8s/app.yaml");
    }
}

static const char deployment[] = "# The app.\n"
                                 "apiVersion: apps/v1\n"
                                 "kind: Deployment\n"
                                 "metadata:\n"
                                 "  name: web   # the name\n"
                                 "  labels: {app: web}\n"
                                 "spec:\n"
                                 "  template:\n"
                                 "    metadata:\n"
                                 "      labels:\n"
                                 "        app: web\n"
                                 "    spec:\n"
                                 "      initContainers:\n"
                                 "      - {name: init, image: 'reg.io/Web/tool:1'}\n"
                                 "      containers:\n"
                                 "      - name: web\n"
                                 "        image: \"gcr.io/my/web\"  # ours\n"
                                 "        env:\n"
                                 "        - {name: image, value: gcr.io/my/web}\n"
                                 "      - name: pinned\n"
                                 "        image: gcr.io/my/web@sha256:0000\n"
                                 "      - name: other\n"
                                 "        image: web\n";

static void test_retag(void **state)
{
    (void)state;
    struct skf_retag r[] = {
        { "gcr.io/my/web", "localhost:5000/web:t@sha256:bb" },
        { "reg.io/web/tool", "reg.io/web/tool:t2" },
        { "unused", "unused:1" },
    };
    check_retag(deployment, r, 3,
                "# The app.\n"
                "apiVersion: apps/v1\n"
                "kind: Deployment\n"
                "metadata:\n"
                "  name: web   # the name\n"
                "  labels: {app: web}\n"
                "spec:\n"
                "  template:\n"
                "    metadata:\n"
                "      labels:\n"
                "        app: web\n"
                "    spec:\n"
                "      initContainers:\n"
                "      - {name: init, image: 'reg.io/web/tool:t2'}\n"
                "      containers:\n"
                "      - name: web\n"
                "        image: \"localhost:5000/web:t@sha256:bb\"  # ours\n"
                "        env:\n"
                "        - {name: image, value: gcr.io/my/web}\n"
                "      - name: pinned\n"
                "        image: gcr.io/my/web@sha256:0000\n"
                "      - name: other\n"
                "        image: web\n");
    assert_int_equal(r[0].used, 1);
    assert_int_equal(r[1].used, 1);
    assert_int_equal(r[2].used, 0);
}

static void test_retag_places(void **state)
{
    (void)state;
    struct skf_retag r[] = { { "ko://example.com/Cmd/App", "reg/app:1" }, { "x", "x:9" } };
    /* ko:// on both sides, any case; kinds without images are left alone. */
    check_retag("apiVersion: batch/v1\nkind: CronJob\nspec: {a: [{b: {image: "
                "ko://example.com/cmd/app:v1}}]}\n",
                r, 2,
                "apiVersion: batch/v1\nkind: CronJob\nspec: {a: [{b: {image: "
                "reg/app:1}}]}\n");
    check_retag("apiVersion: v1\nkind: ConfigMap\ndata:\n  image: x\n", r, 2,
                "apiVersion: v1\nkind: ConfigMap\ndata:\n  image: x\n");
    check_retag("apiVersion: example.com/v1\nkind: Deployment\nimage: x\n", r, 2,
                "apiVersion: example.com/v1\nkind: Deployment\nimage: x\n");
    /* CRDs by path: only there. */
    check_retag("apiVersion: kafka.strimzi.io/v1\nkind: Kafka\nimage: x\nspec:\n  kafka:\n"
                "    image: x\n",
                r, 2,
                "apiVersion: kafka.strimzi.io/v1\nkind: Kafka\nimage: x\nspec:\n  kafka:\n"
                "    image: x:9\n");
    check_retag("apiVersion: a.cnrm.cloud.google.com/v1\nkind: Any\nimage: x:1\n", r, 2,
                "apiVersion: a.cnrm.cloud.google.com/v1\nkind: Any\nimage: x:9\n");
    /* The old helm form, numbers, templates. */
    check_retag(
        "apiVersion: v1\nkind: Pod\nspec: [{image: x/x:x}, {image: 12}, {image: '{{x}}'}]\n", r, 2,
        "apiVersion: v1\nkind: Pod\nspec: [{image: x:9}, {image: 12}, {image: "
        "'{{x}}'}]\n");
}

static void test_retag_anchor(void **state)
{
    (void)state;
    struct skf_retag r = { "x", "x:9" };
    check_retag("apiVersion: v1\nkind: Pod\nspec:\n- image: &i x\n- image: *i\n", &r, 1,
                "apiVersion: v1\nkind: Pod\nspec:\n- image: &i x:9\n- image: *i\n");
}

static void test_label(void **state)
{
    (void)state;
    static const char *const labels[] = { "skiff.dev/run-id", "1", "app", "other", NULL };
    struct skf_objects o = parse("apiVersion: v1\nkind: Service\nmetadata:\n  name: s # x\n"
                                 "spec: {}\n---\n"
                                 "apiVersion: v1\nkind: Service\nmetadata:\n  labels:\n"
                                 "    app: mine\n    skiff.dev/run-id: '0'\n  name: t\n---\n"
                                 "{apiVersion: v1, kind: Service, metadata: {name: u}}\n---\n"
                                 "apiVersion: v1\nkind: Service\n");
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_manifest_label(&o, NULL, labels, &err), 0);
    char *got = joined(&o);
    struct skf_objects again = parse(got); /* still YAML, still four */
    assert_int_equal(again.n, 4);
    assert_non_null(strstr(o.v[0].text, "name: s # x"));
    assert_non_null(strstr(o.v[0].text, "skiff.dev/run-id: \"1\""));
    assert_non_null(strstr(o.v[0].text, "app: other"));
    assert_non_null(strstr(o.v[1].text, "app: mine"));
    assert_null(strstr(o.v[1].text, "'0'"));
    assert_non_null(strstr(o.v[2].text, "app: other"));
    assert_non_null(strstr(o.v[3].text, "app: other"));
    free(got);
    skf_objects_release(&again);
    skf_objects_release(&o);
}

static void test_namespace(void **state)
{
    (void)state;
    struct skf_objects o =
        parse("apiVersion: v1\nkind: Service\nmetadata:\n  name: s\n---\n"
              "apiVersion: v1\nkind: Service\nmetadata: {name: t, namespace: b}\n"
              "---\n"
              "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\n"
              "apiVersion: example.com/v1\nkind: Mine\nmetadata: {name: m}\n");
    struct skf_err err = SKF_ERR_INIT;
    char *note = NULL;
    assert_int_equal(skf_manifest_namespace(&o, "a", &note, &err), 0);
    assert_string_equal(o.v[0].namespace_, "a");
    assert_string_equal(o.v[0].text,
                        "apiVersion: v1\nkind: Service\nmetadata:\n  name: s\n  namespace: a\n");
    assert_string_equal(o.v[1].namespace_, "b");
    assert_null(o.v[2].namespace_);
    assert_null(o.v[3].namespace_);
    assert_non_null(note);
    assert_non_null(strstr(note, "'b'"));
    free(note);
    note = NULL;
    assert_int_equal(skf_manifest_namespace(&o, "a", &note, &err), 0);
    free(note);
    skf_objects_release(&o);
}

static void test_images(void **state)
{
    (void)state;
    struct skf_objects o = parse(deployment);
    struct skf_err err = SKF_ERR_INIT;
    struct skf_strv images = SKF_STRV_INIT;
    assert_int_equal(skf_manifest_images(&o, &images, &err), 0);
    char *all = skf_strv_join(&images, " ");
    assert_string_equal(all, "reg.io/Web/tool:1 gcr.io/my/web gcr.io/my/web@sha256:0000 web");
    free(all);
    skf_strv_release(&images);
    struct skf_objects copy = { 0 };
    skf_objects_copy(&o, &copy);
    skf_objects_release(&o);
    assert_string_equal(copy.v[0].name, "web");
    skf_objects_release(&copy);
}

static char *files(const char *pattern, bool allow_none, struct skf_err *err)
{
    struct skf_strv out = SKF_STRV_INIT;
    const char *const patterns[] = { pattern };
    char *text = NULL;
    if (skf_manifest_files(DIR, patterns, 1, allow_none, &out, err) == 0) {
        struct skf_strv names = SKF_STRV_INIT;
        for (size_t i = 0; i < out.n; i++) {
            assert_int_equal(strncmp(out.v[i], DIR "/", sizeof DIR), 0);
            skf_strv_add(&names, out.v[i] + sizeof DIR);
        }
        text = names.n ? skf_strv_join(&names, " ") : skf_xstrdup("");
        skf_strv_release(&names);
    }
    skf_strv_release(&out);
    return text;
}

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *want;
    } cases[] = {
        { "k8s/b.yaml", "k8s/b.yaml" },
        { "k8s/notes.txt", "k8s/notes.txt" }, /* written out */
        { "k8s/*.yaml", "k8s/a.yaml k8s/b.yaml" },
        { "k8s/*", "k8s/a.yaml k8s/b.yaml k8s/c.json k8s/sub/d.yml" },
        { "k8s", "k8s/a.yaml k8s/b.yaml k8s/c.json k8s/sub/d.yml" },
        { "k8s/**/*.yml", "k8s/sub/d.yml" },
        { DIR "/k8s/[ab].yaml", "k8s/a.yaml k8s/b.yaml" },
    };
    struct skf_err err = SKF_ERR_INIT;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        char *got = files(cases[i].pattern, false, &err);
        if (!got)
            fail_msg("%s: %s", cases[i].pattern, err.msg);
        assert_string_equal(got, cases[i].want);
        free(got);
    }
    assert_null(files("k8s/none.yaml", false, &err));
    assert_int_equal(err.code, SKF_ENOTFOUND);
    assert_null(files("k8s/*.toml", false, &err));
    assert_int_equal(err.code, SKF_ENOTFOUND);
    assert_null(files("https://example.com/x.yaml", true, &err));
    assert_int_equal(err.code, SKF_EUNSUPPORTED);
    char *none = files("k8s/*.toml", true, &err);
    assert_string_equal(none, "");
    free(none);
    struct skf_strv out = SKF_STRV_INIT;
    const char *const twice[] = { "k8s/b.yaml", "k8s/*.yaml", "k8s/b.yaml" };
    assert_int_equal(skf_manifest_files(DIR, twice, 3, false, &out, &err), 0);
    assert_int_equal(out.n, 2);
    assert_non_null(strstr(out.v[0], "b.yaml")); /* order of the entries, no doubles */
    skf_strv_release(&out);
}

static void test_debug(void **state)
{
    static const char *const debugger[] = { "/dlv", "exec", NULL };
    static const struct skf_debugged images[] = { { "r/app@sha256:1", "app", debugger, 56268 } };
    static const char text[] = "apiVersion: batch/v1\n"
                               "kind: CronJob\n"
                               "metadata: {name: c}\n"
                               "spec:\n"
                               "  jobTemplate:\n"
                               "    spec:\n"
                               "      template:\n"
                               "        spec:\n"
                               "          containers:\n"
                               "          - name: one\n"
                               "            image: r/app@sha256:1\n"
                               "            command: [/app, serve]\n"
                               "            livenessProbe: {timeoutSeconds: 1}\n"
                               "          - name: two\n"
                               "            image: other\n"
                               "            livenessProbe: {timeoutSeconds: 1}\n"
                               "---\n"
                               "kind: Deployment\n"
                               "apiVersion: apps/v1\n"
                               "metadata: {name: d} # stays\n"
                               "spec: {replicas: 3}\n";
    struct skf_objects objects = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    (void)state;
    assert_int_equal(skf_manifest_parse("m.yaml", text, sizeof text - 1, &objects, &err), 0);
    assert_int_equal(skf_manifest_debug(&objects, images, 1, &err), 0);
    const char *job = objects.v[0].text;
    assert_non_null(strstr(job, "            - /dlv\n            - exec\n            - /app\n"
                                "            - --\n            - serve\n"));
    assert_non_null(strstr(job, "timeoutSeconds: 600"));
    assert_non_null(strstr(job, "timeoutSeconds: 1\n")); /* of the other one */
    assert_non_null(strstr(job, "containerPort: 56268"));
    assert_non_null(strstr(job, "{\"one\":{\"artifact\":\"app\",\"runtime\":\"go\""));
    assert_true(skf_object_runs(&objects.v[0], "other"));
    assert_false(skf_object_runs(&objects.v[1], "other"));
    assert_non_null(strstr(objects.v[1].text, "# stays")); /* nothing of ours runs there */
    skf_objects_release(&objects);
}

static void test_strip_live(void **state)
{
    (void)state;
    static const char text[] =
        "apiVersion: v1\nkind: Service\nmetadata:\n  annotations:\n"
        "    kubectl.kubernetes.io/last-applied-configuration: |\n      {}\n    mine: x\n"
        "  creationTimestamp: \"2026-01-01T00:00:00Z\"\n  name: web\n  namespace: team\n"
        "  resourceVersion: \"12\"\n  uid: abc\nspec: {}\nstatus: {loadBalancer: {}}\n"
        "---\n# kept\napiVersion: v1\nkind: Pod\nmetadata: {name: p, uid: x}\nstatus: {}\n";
    struct skf_objects o = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_manifest_parse("live", text, strlen(text), &o, &err), 0);
    assert_int_equal(skf_manifest_strip_live(&o, &err), 0);
    assert_string_equal(o.v[0].text, "apiVersion: v1\nkind: Service\nmetadata:\n  annotations:\n"
                                     "    mine: x\n  name: web\n  namespace: team\nspec: {}\n");
    assert_non_null(strstr(o.v[1].text, "# kept"));
    skf_objects_release(&o);
}

/* --- the project's own rules ------------------------------------------------------------------ */

#define ROLLOUT                                                                                    \
    "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {name: r}\nspec: {image: app}\n"
#define FLEET                                                                                      \
    "apiVersion: my.io/v1\nkind: Fleet\nmetadata: {name: f}\nspec:\n"                              \
    "  runs:\n  - {img: app}\n  - {img: other}\n  image: app\n"

static char *selected(const char *in, const struct skf_selector *selector)
{
    static const char *const labels[] = { "by", "us", NULL };
    struct skf_retag r = { "app", "app:9" };
    struct skf_objects o = parse(in);
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_manifest_retag(&o, selector, &r, 1, &err), 0);
    assert_int_equal(skf_manifest_label(&o, selector, labels, &err), 0);
    char *got = joined(&o);
    skf_objects_release(&o);
    return got;
}

static void test_selector_allows(void **state)
{
    (void)state;
    static const char *const image[] = { ".spec.runs.*.img", ".spec.runs.img" }, *any[] = { ".*" };
    struct skf_selector s = { 0 };
    char *got = selected(FLEET, &s); /* unknown: no image, but our label */
    assert_null(strstr(got, "app:9"));
    assert_non_null(strstr(got, "by: us"));
    free(got);
    skf_selector_allow(&s, "Fleet.my.io", image, 2, NULL, 0);
    got = selected(FLEET, &s); /* the path only, once, and no label */
    assert_non_null(strstr(got, "  - {img: app:9}\n  - {img: other}\n  image: app\n"));
    assert_null(strstr(got, "by: us"));
    free(got);
    skf_selector_allow(&s, "Fleet.my.io", any, 1, any, 1);
    got = selected(FLEET, &s);
    assert_non_null(strstr(got, "  - {img: app}\n  - {img: other}\n  image: app:9\n"));
    assert_non_null(strstr(got, "by: us"));
    free(got);
    /* The core group's Fleet and another group's are other kinds. */
    got = selected("apiVersion: v1\nkind: Fleet\nmetadata: {name: f}\nspec: {image: app}\n---\n"
                   "apiVersion: my.io.uk/v1\nkind: Fleet\nmetadata: {name: f}\n"
                   "spec: {image: app}\n",
                   &s);
    assert_null(strstr(got, "app:9"));
    free(got);
    skf_selector_release(&s);
}

static void test_selector_replaces_and_denies(void **state)
{
    (void)state;
    static const char *const other[] = { ".spec.other" }, *labels[] = { ".metadata.labels" };
    struct skf_selector s = { 0 };
    char *got = selected(ROLLOUT, NULL); /* well known */
    assert_non_null(strstr(got, "app:9"));
    free(got);
    skf_selector_allow(&s, "Rollout.argoproj.io", other, 1, labels, 1);
    got = selected(ROLLOUT, &s);
    assert_null(strstr(got, "app:9"));
    assert_non_null(strstr(got, "by: us"));
    free(got);
    skf_selector_deny(&s, "Rollout.argoproj.io");
    got = selected(ROLLOUT, &s);
    assert_string_equal(got, ROLLOUT);
    free(got);
    skf_selector_deny(&s, "Pod");
    got = selected("apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {image: app}\n", &s);
    assert_null(strstr(got, "app:9"));
    free(got);
    skf_selector_release(&s);
}

/* What cannot be changed in a cluster gets no label: claims of a StatefulSet, pods of a Job. */
static void test_immutable_labels_stay(void **state)
{
    (void)state;
    char *got = selected("apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: s}\nspec:\n"
                         "  volumeClaimTemplates: [{metadata: {name: d, labels: {a: b}}}]\n---\n"
                         "apiVersion: batch/v1\nkind: Job\nmetadata: {name: j}\nspec:\n"
                         "  template: {metadata: {labels: {a: b}}, spec: {image: app}}\n",
                         NULL);
    assert_non_null(strstr(got, "{metadata: {name: d, labels: {a: b}}}"));
    assert_non_null(strstr(got, "{metadata: {labels: {a: b}}, spec: {image: app:9}}"));
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_split),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_crlf_stays),
        cmocka_unit_test(test_list_is_expanded),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_retag),
        cmocka_unit_test(test_retag_places),
        cmocka_unit_test(test_retag_anchor),
        cmocka_unit_test(test_label),
        cmocka_unit_test(test_namespace),
        cmocka_unit_test(test_debug),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_strip_live),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_selector_allows),
        cmocka_unit_test(test_selector_replaces_and_denies),
        cmocka_unit_test(test_immutable_labels_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
