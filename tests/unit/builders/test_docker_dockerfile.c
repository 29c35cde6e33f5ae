#include "tests/unit/builders/support.h"

#include <string.h>

#include "lib/docker/sources.h"

static struct skf_dockerfile parsed(const char *text)
{
    struct skf_dockerfile d = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    if (skf_dockerfile_parse(text, strlen(text), "Dockerfile", &d, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    return d;
}

static void expect_instruction(const struct skf_dockerfile *d, size_t i, int line, const char *name,
                               const char *rest)
{
    assert_true(i < d->list.n);
    assert_int_equal(d->list.v[i].line, line);
    assert_string_equal(d->list.v[i].name, name);
    assert_string_equal(d->list.v[i].rest, rest);
}

/* --- lines ------------------------------------------------------------------------------------ */

static void test_lines(void **state)
{
    (void)state;
    struct skf_dockerfile d = parsed("\xef\xbb\xbf# syntax=docker/dockerfile:1\n"
                                     "# a comment\n"
                                     "\n"
                                     "from scratch as Base\r\n"
                                     "  RUN one \\\n"
                                     "# inside a continuation\n"
                                     "\n"
                                     "    two \\  \n"
                                     "    three # no comment\n"
                                     "COPY a\\\\\n"
                                     "CMD x\n");
    assert_true(d.other_syntax);
    assert_int_equal(d.list.n, 4);
    expect_instruction(&d, 0, 4, "FROM", "scratch as Base");
    expect_instruction(&d, 1, 5, "RUN", "one     two     three # no comment");
    expect_instruction(&d, 2, 10, "COPY", "a\\\\");
    expect_instruction(&d, 3, 11, "CMD", "x");
    skf_dockerfile_release(&d);

    d = parsed("#escape=`\nFROM scratch\nCOPY a `\n  c:\\x\n");
    assert_false(d.other_syntax);
    expect_instruction(&d, 1, 3, "COPY", "a   c:\\x");
    skf_dockerfile_release(&d);
    d = parsed("# a comment first\n# escape=`\nFROM scratch\n"); /* too late for a directive */
    assert_int_equal(d.escape, '\\');
    skf_dockerfile_release(&d);
}

static void test_flags_and_json(void **state)
{
    (void)state;
    struct skf_dockerfile d = parsed("FROM --platform=$BUILDPLATFORM go AS b\n"
                                     "COPY --from=b --chown='1:2' [\"a b\", \"/x\"]\n"
                                     "COPY [a] /x\n"
                                     "ADD --link a b /c/\n");
    assert_string_equal(skf_docker_flag(&d.list.v[0], "platform"), "$BUILDPLATFORM");
    assert_int_equal(d.list.v[0].words.n, 3);
    assert_true(d.list.v[1].json);
    assert_string_equal(d.list.v[1].words.v[0], "a b");
    assert_string_equal(skf_docker_flag(&d.list.v[1], "from"), "b");
    assert_string_equal(skf_docker_flag(&d.list.v[1], "chown"), "1:2");
    assert_false(d.list.v[2].json); /* no JSON: the glob [a] */
    assert_string_equal(d.list.v[2].words.v[0], "[a]");
    assert_string_equal(skf_docker_flag(&d.list.v[3], "link"), "");
    assert_null(skf_docker_flag(&d.list.v[3], "from"));
    skf_dockerfile_release(&d);
}

static void test_heredocs(void **state)
{
    (void)state;
    struct skf_dockerfile d = parsed("FROM scratch\n"
                                     "RUN <<EOF\nCOPY not/an/instruction /\nEOF\n"
                                     "COPY <<-\"A\" <<B file /etc/\n"
                                     "\tCOPY no /\n\tA\nCOPY no2 /\nB\n"
                                     "COPY yes /\n");
    assert_int_equal(d.list.n, 4);
    expect_instruction(&d, 3, 10, "COPY", "yes /");
    skf_dockerfile_release(&d);
}

static void expect_error(const char *text, int line, const char *part)
{
    struct skf_dockerfile d = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    assert_true(skf_dockerfile_parse(text, strlen(text), "x/Dockerfile", &d, &err) < 0);
    assert_non_null(strstr(err.msg, part));
    assert_int_equal(err.line, line);
    assert_string_equal(err.file, "x/Dockerfile");
    assert_null(d.list.v);
}

static void test_errors(void **state)
{
    (void)state;
    expect_error("", 0, "no FROM");
    expect_error("FROM a\n\nRUN <<EOF\nx\n", 3, "unterminated heredoc 'EOF'");
    skf_autobuf struct skf_buf big = SKF_BUF_INIT;
    skf_buf_adds(&big, "FROM a\nRUN ");
    for (int i = 0; i < 70000; i++)
        skf_buf_addc(&big, 'x');
    expect_error(big.data, 2, "more than 65535 bytes");
}

/* --- words ------------------------------------------------------------------------------------ */

static const char *lookup(const void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "x") == 0     ? "a/b.c"
           : strcmp(name, "e") == 0   ? ""
           : strcmp(name, "x_1") == 0 ? "long"
                                      : NULL;
}

static void test_expansion(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        { "$x", "a/b.c" },
        { "${x}y", "a/b.cy" },
        { "$x_1-", "long-" },
        { "\\$x", "$x" },
        { "'$x'", "$x" },
        { "\"$x\"", "a/b.c" },
        { "$none", "" },
        { "${none:-d}", "d" },
        { "${e:-d}", "d" },
        { "${e-d}", "" },
        { "${x:+s}", "s" },
        { "${none+s}", "" },
        { "${none:-$x}", "a/b.c" },
        { "${none:-${e:-z}}", "z" },
        { "${x##*/}", "b.c" },
        { "${x%.*}", "a/b" },
        { "${x/b/Z}", "a/Z.c" },
        { "a$", "a$" },
        { "\"a\\b\"", "a\\b" },
        { "a\\ b", "a b" },
        { "${x:?m}", "a/b.c" },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        skf_autobuf struct skf_buf out = SKF_BUF_INIT;
        struct skf_err err = SKF_ERR_INIT;
        if (skf_docker_expand(cases[i][0], '\\', lookup, NULL, &out, &err) < 0)
            fail_msg("%s: %s", cases[i][0], err.msg);
        assert_string_equal(out.data, cases[i][1]);
    }
    static const char *const bad[] = { "${x", "${", "${x:-a", "${x!y}", "'a", "${none:?gone}" };
    for (size_t i = 0; i < SKF_ARRAY_LEN(bad); i++) {
        skf_autobuf struct skf_buf out = SKF_BUF_INIT;
        struct skf_err err = SKF_ERR_INIT;
        assert_true(skf_docker_expand(bad[i], '\\', lookup, NULL, &out, &err) < 0);
    }
    skf_autobuf struct skf_buf deep = SKF_BUF_INIT, out = SKF_BUF_INIT;
    struct skf_err err = SKF_ERR_INIT;
    for (int i = 0; i < 10000; i++)
        skf_buf_adds(&deep, "${n:-");
    assert_true(skf_docker_expand(deep.data, '\\', lookup, NULL, &out, &err) < 0);
}

/* --- sources ---------------------------------------------------------------------------------- */

static char *sources(const char *text, const struct skf_docker_question *q)
{
    static const struct skf_docker_question plain;
    struct skf_dockerfile d = parsed(text);
    struct skf_docker_sources s = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    skf_autostrv struct skf_strv paths = SKF_STRV_INIT;
    if (skf_docker_sources_find(&d, "Dockerfile", q ? q : &plain, &s, &err) < 0)
        fail_msg("%s: %s", text, err.msg);
    for (size_t i = 0; i < s.list.n; i++)
        skf_strv_addf(&paths, "%s%s", s.list.v[i].path, s.list.v[i].glob ? "*" : "");
    skf_docker_sources_release(&s);
    skf_dockerfile_release(&d);
    return skf_strv_join(&paths, " ");
}

static void expect_sources(const char *text, const struct skf_docker_question *q, const char *want)
{
    skf_autofree char *got = sources(text, q);
    assert_string_equal(got, want);
}

static void test_sources(void **state)
{
    (void)state;
    expect_sources("FROM a\nCOPY x /y\nADD ./z/ ../q /abs /w/\nCOPY . /\n", NULL, "x z q abs .");
    expect_sources("FROM a\nADD https://x/y git@h:r.git s /w/\n", NULL, "s");
    expect_sources("FROM a\nCOPY <<EOF /f\nCOPY no /\nEOF\nCOPY *.go [a-c].txt /\n", NULL,
                   "*.go* [a-c].txt*");
    expect_sources("FROM a\nRUN --mount=type=bind,source=src,target=/x make\n"
                   "RUN --mount=type=cache,target=/c --mount=from=b,target=/y true\n",
                   NULL, "src");
    expect_sources("FROM a\nRUN --mount=target=. make\n", NULL, "."); /* bind of everything */
}

static void test_variables(void **state)
{
    (void)state;
    skf_autostrv struct skf_strv args = SKF_STRV_INIT;
    skf_strv_add(&args, "DIR=given");
    skf_strv_add(&args, "UNUSED=x");
    const struct skf_docker_question q = { .build_args = &args, .platform = "linux/arm64" };
    static const char text[] = "ARG DIR=global\nARG BASE=scratch\nFROM $BASE\n"
                               "COPY before-$DIR /\n"
                               "ARG DIR\nCOPY $DIR /\n"
                               "ARG OTHER=\"a b\"\nARG TARGETARCH\nCOPY bin-$TARGETARCH /\n"
                               "ENV DIR=env A=$DIR\nCOPY $DIR/$A /\n"
                               "ENV OLD the rest\nCOPY [\"$OLD\", \"/\"]\n";
    expect_sources(text, &q, "before- given bin-arm64 env/given the rest");
    expect_sources(text, NULL,
                   "before- global bin-" /* host */
#if defined(__aarch64__)
                   "arm64"
#else
                   "amd64"
#endif
                   " env/global the rest");
}

static void test_stages(void **state)
{
    (void)state;
    static const char text[] =
        "FROM go AS build\nARG V\nENV D=src\nCOPY $D /src\nONBUILD COPY hook /\n"
        "FROM scratch AS unused\nCOPY nobody /\n"
        "FROM build AS tests\nCOPY testdata /\n"
        "FROM scratch AS final\nCOPY --from=build /x /x\nCOPY etc /etc\n";
    struct skf_docker_question q = { 0 };
    expect_sources(text, &q, "src etc");
    q.target = "tests";
    expect_sources(text, &q, "src hook testdata");
    q.target = "TESTS"; /* names are case-insensitive */
    expect_sources(text, &q, "src hook testdata");
    q.target = "1";
    expect_sources(text, &q, "nobody");
    q.all_stages = true;
    q.target = NULL;
    expect_sources(text, &q, "src nobody hook testdata etc");

    struct skf_dockerfile d = parsed(text);
    struct skf_docker_sources s = { 0 };
    struct skf_err err = SKF_ERR_INIT;
    q.target = "nope";
    assert_int_equal(skf_docker_sources_find(&d, "Dockerfile", &q, &s, &err), -SKF_ECONFIG);
    assert_non_null(strstr(err.msg, "target 'nope'"));
    assert_true(skf_dockerfile_declares(&d, "V"));
    assert_false(skf_dockerfile_declares(&d, "D"));
    skf_dockerfile_release(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),     cmocka_unit_test(test_flags_and_json),
        cmocka_unit_test(test_heredocs),  cmocka_unit_test(test_errors),
        cmocka_unit_test(test_expansion), cmocka_unit_test(test_sources),
        cmocka_unit_test(test_variables), cmocka_unit_test(test_stages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
