/* The part of TOML that hosts.toml is written in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the four that it needs */
#include <cmocka.h>

#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/image/toml.h"

static int on_table(void *data, const struct skf_strv *name, struct skf_err *err)
{
    (void)err;
    skf_autofree char *text = skf_strv_join(name, "|");
    skf_buf_addf(data, "[%s]", text);
    return 0;
}

static int on_value(void *data, const char *key, const struct skf_strv *value, struct skf_err *err)
{
    skf_autofree char *text = skf_strv_join(value, "|");
    skf_buf_addf(data, "%s=%s;", key, text);
    return strcmp(key, "refuse") == 0 ? skf_err_set(err, SKF_EDENIED, "no") : 0;
}

static int read_into(const char *text, struct skf_buf *out, struct skf_err *err)
{
    const struct skf_toml_handler to = { on_table, on_value, out };
    skf_buf_init(out);
    return skf_toml_read(text, &to, err);
}

static void reads_tables_and_values(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "", "" },
        { "# nothing\n\n", "" },
        { "server = \"https://docker.io\" # here\n", "server=https://docker.io;" },
        { "[host.\"https://m:5000\"]\r\n  capabilities = [\"pull\", 'resolve']\r\n",
          "[host|https://m:5000]capabilities=pull|resolve;" },
        { "[[a.b]]\nx = [ # first\n \"1\",\n \"2\", ]\ny=true\nz = false\n",
          "[a|b]x=1|2;y=true;z=false;" },
        { "a.b = 'c\\d'\n", "a.b=c\\d;" },
        { "a = \"q\\\"t\\tb\"", "a=q\"t\tb;" },
        { "n = 12\nt = { x = 1 }\nd = 1979-05-27\nk = \"v\"\n", "k=v;" },
        { "e = \"\"\nl = []\n", "e=;l=;" },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        skf_autobuf struct skf_buf out = SKF_BUF_INIT;
        struct skf_err err = SKF_ERR_INIT;
        if (read_into(cases[i].text, &out, &err) != 0)
            fail_msg("case %zu: %s", i, err.msg);
        assert_string_equal(out.data ? out.data : "", cases[i].want);
    }
}

static void names_the_line_of_what_is_wrong(void **state)
{
    static const struct {
        const char *text;
        int line;
    } cases[] = {
        { "a = 1\n\nb \"x\"\n", 3 },
        { "a = \"x\n", 1 },
        { "\n[a\n", 2 },
        { "a = [\n\"x\"\n3]\n", 3 },
        { "a = \"x\" \"y\"\n", 1 },
        { "= 3\n", 1 },
        { "a = true x\n", 1 },
        { "[[a]\n", 1 },
        { "a = [\"x\"", 1 },
    };
    (void)state;
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        skf_autobuf struct skf_buf out = SKF_BUF_INIT;
        struct skf_err err = SKF_ERR_INIT;
        assert_int_equal(read_into(cases[i].text, &out, &err), -SKF_EINVAL);
        if (err.line != cases[i].line)
            fail_msg("case %zu: line %d", i, err.line);
    }
}

static void a_handler_can_refuse(void **state)
{
    skf_autobuf struct skf_buf out = SKF_BUF_INIT;
    struct skf_err err = SKF_ERR_INIT;
    (void)state;
    assert_int_equal(read_into("a = true\nrefuse = true\nb = true\n", &out, &err), -SKF_EDENIED);
    assert_string_equal(out.data, "a=true;refuse=true;");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_tables_and_values),
        cmocka_unit_test(names_the_line_of_what_is_wrong),
        cmocka_unit_test(a_handler_can_refuse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
