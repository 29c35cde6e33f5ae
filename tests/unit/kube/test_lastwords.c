#include "lib/kube/lastwords.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/mem.h"

static void test_words_of_each_language(void **state)
{
    (void)state;
    static const struct {
        const char *log, *words;
    } cases[] = {
        { "", "" },
        { "listening\nbye", "bye" },
        { "connecting\nerror: no such table\nbye", "error: no such table" },
        { "panic: boom\n\ngoroutine 1 [running]:\nruntime.gopanic({0x1, 0x2})\n"
          "    /usr/local/go/src/runtime/panic.go:770 +0x132\nmain.load(...)\n"
          "    /src/app/load.go:12 +0x1d\nexit status 2",
          "panic: boom (at load.go:12)" },
        { "fatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\n"
          "main.main()\n    app/main.go:7 +0x20",
          "fatal error: all goroutines are asleep - deadlock! (at main.go:7)" },
        { "Traceback (most recent call last):\n  File \"/app/main.py\", line 3, in <module>\n"
          "    os.environ['DB']\n  File \"<frozen os>\", line 685, in __getitem__\nKeyError: 'DB'",
          "KeyError: 'DB' (at <frozen os>:685)" },
        { "Exception in thread \"main\" java.lang.RuntimeException: cannot start\n"
          "    at com.example.Main.main(Main.java:12)\nCaused by: java.io.IOException: no disk\n"
          "    at com.example.Store.open(Store.java:40)",
          "java.io.IOException: no disk (at Store.java:40)" },
        { "thread 'main' panicked at src/main.rs:5:5:\nindex out of bounds\nnote: run with `RUST_"
          "BACKTRACE=1`",
          "thread 'main' panicked at src/main.rs:5:5: index out of bounds" },
        { "/app/index.js:3\nthrow new Error('boom')\n^\nError: boom\n    at Object.<anonymous> "
          "(/app/index.js:3:7)\nNode.js v20.1.0",
          "Error: boom" },
        { "{\"level\":\"fatal\",\"msg\":\"cannot open the store\",\"error\":\"disk is full\"}",
          "cannot open the store: disk is full" },
        { "flag provided but not defined: -prot\nUsage of app:\n  -port int\n        the port",
          "flag provided but not defined: -prot" },
    };
    for (size_t i = 0; i < SKF_ARRAY_LEN(cases); i++) {
        skf_autostrv struct skf_strv lines = SKF_STRV_INIT;
        skf_strv_split(&lines, cases[i].log, "\n");
        skf_autofree char *words = skf_last_words(&lines);
        assert_string_equal(words, cases[i].words);
    }
}

static void test_hints(void **state)
{
    (void)state;
    assert_null(skf_last_words_hint("bye"));
    assert_true(skf_last_words_hint("exec /app: exec format error")->start);
    assert_true(skf_last_words_hint("exec /run.sh: no such file or directory")->start);
    assert_false(skf_last_words_hint("open /etc/app.yaml: no such file or directory")->start);
    assert_string_equal(skf_last_words_hint("listen tcp :80: bind: permission denied")->field,
                        "ports");
    assert_string_equal(skf_last_words_hint("DATABASE_URL is not set")->field, "env");
    assert_null(
        skf_last_words_hint("pods is forbidden: User \"system:serviceaccount:a:b\"")->field);
}

static void test_ports(void **state)
{
    (void)state;
    static const char log[] = "2026/11/24 23:44:30 starting on port 8000\n"
                              "Listening at http://0.0.0.0:5000 (pid 17)\n"
                              "cached 9999 rows: done\nserving on :3000, again on :3000\n";
    unsigned ports[4];
    assert_int_equal(skf_last_words_ports(log, sizeof log - 1, ports, 4), 3);
    assert_int_equal(ports[0], 8000);
    assert_int_equal(ports[1], 5000);
    assert_int_equal(ports[2], 3000);
    assert_int_equal(skf_last_words_ports(log, sizeof log - 1, ports, 1), 1);
    assert_int_equal(skf_last_words_ports("", 0, ports, 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_of_each_language),
        cmocka_unit_test(test_hints),
        cmocka_unit_test(test_ports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
