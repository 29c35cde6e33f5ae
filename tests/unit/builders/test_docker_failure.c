/* Build logs of real Dockers to one error and the lines that matter. */
#include "tests/unit/builders/support.h"

#include <string.h>

#include "builders/docker/failure.h"
#include "builders/docker/hint.h"

#define LOGS FIXTURES "/docker/logs/"

struct judged {
    struct skf_err err;
    struct skf_strv lines;
};

static struct judged judge(const char *name)
{
    struct judged j = { .err = SKF_ERR_INIT };
    struct skf_docker_log log = { 0 };
    struct skf_dockerfile d = { 0 };
    skf_autobuf struct skf_buf text = SKF_BUF_INIT, dockerfile = SKF_BUF_INIT;
    skf_autofree char *path = skf_xasprintf(LOGS "%s", name);
    assert_int_equal(skf_file_read(path, 65536, &text, &j.err), 0);
    assert_int_equal(skf_file_read(LOGS "Dockerfile", 65536, &dockerfile, &j.err), 0);
    assert_int_equal(
        skf_dockerfile_parse(dockerfile.data, dockerfile.len, "Dockerfile", &d, &j.err), 0);
    for (const char *p = text.data; *p;) {
        size_t n = strcspn(p, "\n");
        skf_autofree char *line = skf_xstrndup(p, n);
        skf_docker_log_add(&log, line);
        p += n + (p[n] != '\0');
    }
    skf_docker_log_digest(&log, &j.lines);
    assert_true(
        skf_docker_failure(&log, &d, "web/Dockerfile", "docker exited with status 1", &j.err) < 0);
    skf_docker_log_release(&log);
    skf_dockerfile_release(&d);
    return j;
}

static void expect(const char *name, enum skf_code code, int line, const char *msg,
                   const char *lines)
{
    struct judged j = judge(name);
    skf_autofree char *got = skf_strv_join(&j.lines, "\n");
    assert_string_equal(j.err.msg, msg);
    assert_int_equal(j.err.code, code);
    assert_int_equal(j.err.line, line);
    assert_string_equal(got, lines);
    skf_strv_release(&j.lines);
}

static void test_logs(void **state)
{
    (void)state;
    expect(
        "buildkit-run.log", SKF_EBUILD, 3,
        "'RUN  go build   -o /app      ./...' failed: executor failed running [/bin/sh -c go build "
        "  "
        "-o /app      ./...]: exit code: 1",
        "[build 3/4] RUN  go build   -o /app      ./...\n# example.com/app\n"
        "main.go:6:2: undefined: x\n"
        "ERROR: executor failed running [/bin/sh -c go build   -o /app      ./...]: exit code: 1");
    expect("buildx-run.log", SKF_EBUILD, 5,
           "'RUN --mount=type=secret,id=tok  [ \"/x\" ]' failed: process \"/bin/sh -c [ \\\"/x\\\" "
           "]\" "
           "did not complete successfully: exit code: 127",
           "[build 4/4] RUN --mount=type=secret,id=tok  [ \"/x\" ]\n"
           "runc run failed: unable to start container process\n"
           "ERROR: process \"/bin/sh -c [ \\\"/x\\\" ]\" did not complete successfully: exit code: "
           "127");
    expect("buildkit-copy.log", SKF_EBUILD, 2,
           "'COPY main.go /src/' failed: \"/main.go\" not found: not found",
           "[build 2/4] COPY main.go /src/\nERROR: \"/main.go\" not found: not found");
    expect(
        "buildkit-parse.log", SKF_EBUILD, 3,
        "docker build failed: dockerfile parse error line 3: unknown instruction: COPPY",
        "failed to solve with frontend dockerfile.v0: failed to create LLB definition: dockerfile "
        "parse error line 3: unknown instruction: COPPY");
    expect("classic-run.log", SKF_EBUILD, 3,
           "'RUN  go build   -o /app      ./...' failed: The command '/bin/sh -c go build   -o "
           "/app      "
           "./...' returned a non-zero code: 1",
           "Step 3/4 : RUN  go build   -o /app      ./...\n ---> Running in 16c956c79303\n"
           "main.go:6:2: undefined: x\n"
           "The command '/bin/sh -c go build   -o /app      ./...' returned a non-zero code: 1");
    expect(
        "down.log", SKF_ENET, 0,
        "docker build: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the "
        "docker daemon running? (start Docker, or set DOCKER_HOST)",
        "ERROR: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker "
        "daemon running?");
}

/* A build that talks for ever does not fill the memory, and its end is what is kept. */
static void test_log_is_bounded(void **state)
{
    (void)state;
    struct skf_docker_log log = { 0 };
    for (int i = 0; i < 5 * SKF_DOCKER_LOG_LINES; i++) {
        skf_autofree char *line = skf_xasprintf("#5 %d.0 line", i);
        skf_docker_log_add(&log, line);
        assert_true(log.lines.n <= SKF_DOCKER_LOG_LINES);
    }
    skf_docker_log_add(&log, "last");
    assert_true(log.dropped);
    assert_string_equal(log.lines.v[log.lines.n - 1], "last");
    skf_docker_log_release(&log);
}

static void test_nothing_said(void **state)
{
    (void)state;
    struct skf_docker_log log = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(
        skf_docker_failure(&log, NULL, "Dockerfile", "docker was killed by signal 9", &err),
        -SKF_EBUILD);
    assert_string_equal(err.msg, "docker build failed: docker was killed by signal 9");
    skf_docker_log_add(&log,
                       "ERROR: BuildKit is enabled but the buildx component is missing or broken.");
    assert_true(skf_docker_log_lacks_buildx(&log));
    skf_docker_log_release(&log);
}

static char *hint(const char *dockerfile, const char *name)
{
    struct skf_dockerfile d = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    assert_int_equal(skf_dockerfile_parse(dockerfile, strlen(dockerfile), name, &d, &err), 0);
    char *text = skf_docker_hint(&d, name);
    skf_dockerfile_release(&d);
    return text;
}

static void test_hint_on_caches_of_go(void **state)
{
    (void)state;
    static const char *const quick[] = {
        "FROM scratch\nCOPY go build /x\n",
        "FROM golang\nRUN --mount=type=cache,target=/root/.cache/go-build go build -o /x .\n",
        "FROM golang\nRUN gofmt -l . && echo go away\n",
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(quick); i++)
        assert_null(hint(quick[i], "quick"));
    skf_autofree char *text =
        hint("FROM golang AS build\nRUN go mod download\nRUN CGO_ENABLED=0 \\\n  go build .\n",
             "Dockerfile");
    assert_memory_equal(text, "Dockerfile:3: 'go build'", 24);
    assert_null(hint("FROM golang\nRUN go test ./...\n", "Dockerfile")); /* once */
    skf_docker_hint_forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hint_on_caches_of_go),
        cmocka_unit_test(test_logs),
        cmocka_unit_test(test_log_is_bounded),
        cmocka_unit_test(test_nothing_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
