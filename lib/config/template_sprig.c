/* lib/config/template_sprig.c: the functions of the sprig library that skaffold files use. The
 * argument that is piped comes last, as there. */
#include <ctype.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/base/base64.h"
#include "lib/base/digest.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/config/tagtext.h"
#include "lib/config/template_tree.h"

#define SPRIG(name)                                                                                \
    static int name(struct tpl_run *run, const struct tpl_value *a, size_t n, struct tpl_value *out)
#define TEXT(i) tpl_text(run, &a[i])

/* --- choices ---------------------------------------------------------------------------------- */

SPRIG(f_default)
{
    (void)run;
    *out = n > 1 && tpl_truth(&a[1]) ? a[1] : a[0];
    return 0;
}

SPRIG(f_empty)
{
    (void)run;
    (void)n;
    *out = tpl_bool(!tpl_truth(a));
    return 0;
}

SPRIG(f_coalesce)
{
    (void)run;
    *out = (struct tpl_value){ .kind = TPL_V_NIL, .str = "" };
    for (size_t i = 0; i < n; i++) {
        if (tpl_truth(&a[i])) {
            *out = a[i];
            break;
        }
    }
    return 0;
}

SPRIG(f_ternary)
{
    (void)run;
    (void)n;
    *out = tpl_truth(&a[2]) ? a[0] : a[1];
    return 0;
}

SPRIG(f_required)
{
    (void)n;
    if (a[1].kind == TPL_V_ABSENT || a[1].kind == TPL_V_NIL ||
        (a[1].kind == TPL_V_STRING && !*a[1].str))
        return tpl_run_fail(run, "%s", TEXT(0));
    *out = a[1];
    return 0;
}

SPRIG(f_fail)
{
    (void)n;
    (void)out;
    return tpl_run_fail(run, "%s", TEXT(0));
}

/* --- environment and time --------------------------------------------------------------------- */

static const char *getenv_of(struct tpl_run *run, const char *name)
{
    return run->env->getenv ? run->env->getenv(run->env->ctx, name) : NULL;
}

SPRIG(f_env)
{
    (void)n;
    if (!run->env->getenv)
        return tpl_run_fail(run, "function \"env\" is not available here");
    const char *v = getenv_of(run, TEXT(0));
    *out = tpl_string(run, v ? v : "");
    return 0;
}

SPRIG(f_expandenv)
{
    (void)n;
    if (!run->env->getenv)
        return tpl_run_fail(run, "function \"expandenv\" is not available here");
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    for (const char *p = TEXT(0); *p;) {
        if (*p != '$') {
            skf_buf_addc(&b, *p++);
            continue;
        }
        bool brace = p[1] == '{';
        const char *name = p + 1 + brace;
        size_t len = 0;
        while (isalnum((unsigned char)name[len]) || name[len] == '_')
            len++;
        if (!len || (brace && name[len] != '}')) {
            skf_buf_addc(&b, *p++);
            continue;
        }
        skf_autofree char *key = skf_xstrndup(name, len);
        const char *v = getenv_of(run, key);
        skf_buf_adds(&b, v ? v : "");
        p = name + len + brace;
    }
    *out = tpl_string(run, b.data);
    return 0;
}

SPRIG(f_now)
{
    (void)a;
    (void)n;
    *out = tpl_int(run->env->now_s ? run->env->now_s : (long long)time(NULL));
    out->time = true;
    return 0;
}

static int date_in(struct tpl_run *run, const char *layout, const struct tpl_value *when,
                   const char *zone, struct tpl_value *out)
{
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    long long s = when->kind == TPL_V_INT ? when->num
                  : run->env->now_s       ? run->env->now_s
                                          : (long long)time(NULL);
    struct skf_err err = SKF_ERR_INIT;
    if (skf_go_time_format(layout, s, 0, zone, &b, &err))
        return tpl_run_fail(run, "%s", err.msg);
    *out = tpl_string(run, b.data);
    return 0;
}

SPRIG(f_date)
{
    (void)n;
    return date_in(run, TEXT(0), &a[1], "Local", out);
}

SPRIG(f_date_in_zone)
{
    (void)n;
    return date_in(run, TEXT(0), &a[1], TEXT(2), out);
}

SPRIG(f_unix_epoch)
{
    (void)n;
    if (a->kind != TPL_V_INT || !a->time)
        return tpl_run_fail(run, "unixEpoch needs a time, such as 'now'");
    skf_autofree char *text = skf_xasprintf("%lld", a->num);
    *out = tpl_string(run, text);
    return 0;
}

/* --- text ------------------------------------------------------------------------------------- */

static int map_chars(struct tpl_run *run, const char *s, struct tpl_value *out, int (*f)(int))
{
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    for (; *s; s++)
        skf_buf_addc(&b, (char)((unsigned char)*s < 0x80 ? f((unsigned char)*s) : *s));
    *out = tpl_string(run, b.data);
    return 0;
}

SPRIG(f_lower)
{
    (void)n;
    return map_chars(run, TEXT(0), out, tolower);
}

SPRIG(f_upper)
{
    (void)n;
    return map_chars(run, TEXT(0), out, toupper);
}

static int capital(struct tpl_run *run, const char *s, struct tpl_value *out, int (*f)(int))
{
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    for (bool start = true; *s; s++) {
        bool ascii = (unsigned char)*s < 0x80;
        skf_buf_addc(&b, (char)(start && ascii ? f((unsigned char)*s) : *s));
        start = ascii && isspace((unsigned char)*s);
    }
    *out = tpl_string(run, b.data);
    return 0;
}

SPRIG(f_title)
{
    (void)n;
    return capital(run, TEXT(0), out, toupper);
}

SPRIG(f_untitle)
{
    (void)n;
    return capital(run, TEXT(0), out, tolower);
}

static int trim_set(struct tpl_run *run, const char *s, const char *set, bool left, bool right,
                    struct tpl_value *out)
{
    size_t from = left ? strspn(s, set) : 0, len = strlen(s);
    while (right && len > from && strchr(set, s[len - 1]))
        len--;
    *out = tpl_stringn(run, s + from, len - from);
    return 0;
}

SPRIG(f_trim)
{
    (void)n;
    return trim_set(run, TEXT(0), " \t\r\n\v\f", true, true, out);
}

SPRIG(f_trim_all)
{
    (void)n;
    return trim_set(run, TEXT(1), TEXT(0), true, true, out);
}

SPRIG(f_trim_prefix)
{
    (void)n;
    const char *prefix = TEXT(0), *s = TEXT(1);
    size_t len = strlen(prefix);
    *out = tpl_string(run, strncmp(s, prefix, len) == 0 ? s + len : s);
    return 0;
}

SPRIG(f_trim_suffix)
{
    (void)n;
    const char *suffix = TEXT(0), *s = TEXT(1);
    size_t len = strlen(s), tail = strlen(suffix);
    bool has = tail <= len && strcmp(s + len - tail, suffix) == 0;
    *out = tpl_stringn(run, s, has ? len - tail : len);
    return 0;
}

SPRIG(f_replace)
{
    (void)n;
    const char *from = TEXT(0), *to = TEXT(1), *s = TEXT(2);
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    size_t len = strlen(from);
    while (*s && b.len < TPL_MAX_OUT) {
        const char *hit = len ? strstr(s, from) : NULL;
        if (!hit)
            break;
        skf_buf_add(&b, s, (size_t)(hit - s));
        skf_buf_adds(&b, to);
        s = hit + len;
    }
    skf_buf_adds(&b, s);
    *out = tpl_string(run, b.data);
    return 0;
}

SPRIG(f_contains)
{
    (void)n;
    *out = tpl_bool(strstr(TEXT(1), TEXT(0)) != NULL);
    return 0;
}

SPRIG(f_has_prefix)
{
    (void)n;
    const char *prefix = TEXT(0);
    *out = tpl_bool(strncmp(TEXT(1), prefix, strlen(prefix)) == 0);
    return 0;
}

SPRIG(f_has_suffix)
{
    (void)n;
    const char *suffix = TEXT(0), *s = TEXT(1);
    size_t len = strlen(s), tail = strlen(suffix);
    *out = tpl_bool(tail <= len && strcmp(s + len - tail, suffix) == 0);
    return 0;
}

SPRIG(f_quote)
{
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        struct tpl_value format = tpl_string(run, "%q"), one,
                         args[2] = { format, tpl_string(run, TEXT(i)) };
        const struct tpl_function_entry *f = tpl_builtins;
        while (strcmp(f->name, "printf") != 0)
            f++;
        f->run(run, args, 2, &one);
        skf_buf_addf(&b, "%s%s", i ? " " : "", one.str);
    }
    *out = tpl_string(run, b.data);
    return 0;
}

SPRIG(f_squote)
{
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    for (size_t i = 0; i < n; i++)
        skf_buf_addf(&b, "%s'%s'", i ? " " : "", TEXT(i));
    *out = tpl_string(run, b.data);
    return 0;
}

static int number_of(struct tpl_run *run, const struct tpl_value *v, long long *out)
{
    *out = 0;
    if (v->kind == TPL_V_INT)
        *out = v->num;
    else if (v->kind == TPL_V_BOOL)
        *out = v->yes;
    else if (v->kind == TPL_V_STRING)
        (void)skf_num_parse(v->str, -0x7fffffffffffffffLL, 0x7fffffffffffffffLL, out);
    else if (v->kind == TPL_V_MAP || v->kind == TPL_V_LIST)
        return tpl_run_fail(run, "expected a number");
    return 0;
}

SPRIG(f_trunc)
{
    (void)n;
    const char *s = TEXT(1);
    long long len = (long long)strlen(s), want;
    int rc = number_of(run, &a[0], &want);
    if (rc)
        return rc;
    if (want < 0 && len + want > 0)
        *out = tpl_string(run, s + (len + want));
    else
        *out = tpl_stringn(run, s, want >= 0 && want < len ? (size_t)want : (size_t)len);
    return 0;
}

SPRIG(f_substr)
{
    (void)n;
    const char *s = TEXT(2);
    long long from, to, len = (long long)strlen(s);
    int rc = number_of(run, &a[0], &from);
    rc = rc ? rc : number_of(run, &a[1], &to);
    if (rc)
        return rc;
    if (from < 0)
        from = 0;
    if (to < 0 || to > len)
        to = len;
    if (from > to)
        return tpl_run_fail(run, "substr: %lld is behind %lld", from, to);
    *out = tpl_stringn(run, s + from, (size_t)(to - from));
    return 0;
}

SPRIG(f_repeat)
{
    (void)n;
    long long count;
    const char *s = TEXT(1);
    int rc = number_of(run, &a[0], &count);
    if (rc)
        return rc;
    size_t len = strlen(s);
    if (count < 0 || (len && (size_t)count > TPL_MAX_OUT / len))
        return tpl_run_fail(run, "repeat: %lld times is too much", count);
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    for (long long i = 0; i < count && len; i++)
        skf_buf_add(&b, s, len);
    *out = tpl_string(run, b.data);
    return 0;
}

SPRIG(f_nospace)
{
    (void)n;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    for (const char *s = TEXT(0); *s; s++) {
        if (!isspace((unsigned char)*s))
            skf_buf_addc(&b, *s);
    }
    *out = tpl_string(run, b.data);
    return 0;
}

SPRIG(f_cat)
{
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    for (size_t i = 0; i < n; i++)
        skf_buf_addf(&b, "%s%s", i ? " " : "", TEXT(i));
    *out = tpl_string(run, b.data);
    return 0;
}

static int indent(struct tpl_run *run, const struct tpl_value *a, const char *first,
                  struct tpl_value *out)
{
    long long count;
    int rc = number_of(run, &a[0], &count);
    if (rc || count < 0 || count > 1000)
        return rc ? rc : tpl_run_fail(run, "indent: %lld is out of range", count);
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    skf_buf_addf(&b, "%s%*s", first, (int)count, "");
    for (const char *s = tpl_text(run, &a[1]); *s && b.len < TPL_MAX_OUT; s++) {
        skf_buf_addc(&b, *s);
        if (*s == '\n')
            skf_buf_addf(&b, "%*s", (int)count, "");
    }
    *out = tpl_string(run, b.data);
    return 0;
}

SPRIG(f_indent)
{
    (void)n;
    return indent(run, a, "", out);
}

SPRIG(f_nindent)
{
    (void)n;
    return indent(run, a, "\n", out);
}

SPRIG(f_to_string)
{
    (void)n;
    *out = tpl_string(run, TEXT(0));
    return 0;
}

/* --- coding ----------------------------------------------------------------------------------- */

SPRIG(f_sha256sum)
{
    (void)n;
    char digest[SKF_DIGEST_TEXT];
    const char *s = TEXT(0);
    skf_digest_of(s, strlen(s), digest);
    *out = tpl_string(run, skf_digest_hex(digest));
    return 0;
}

SPRIG(f_b64enc)
{
    (void)n;
    const char *s = TEXT(0);
    skf_autofree char *encoded = skf_base64_encode(s, strlen(s));
    *out = tpl_string(run, encoded);
    return 0;
}

SPRIG(f_b64dec)
{
    (void)n;
    size_t len;
    skf_autofree char *decoded = skf_base64_decode(TEXT(0), &len);
    if (!decoded)
        return tpl_run_fail(run, "b64dec: illegal base64 data");
    *out = tpl_string(run, decoded);
    return 0;
}

/* --- lists ------------------------------------------------------------------------------------ */

static struct tpl_value new_list(struct tpl_run *run, size_t n)
{
    run->made += n * sizeof(struct tpl_value);
    return (struct tpl_value){ .kind = TPL_V_LIST,
                               .str = "",
                               .list =
                                   skf_arena_calloc(run->arena, n + 1, sizeof(struct tpl_value)) };
}

static struct tpl_value split_list(struct tpl_run *run, const char *sep, const char *s)
{
    size_t count = 1, len = strlen(sep);
    for (const char *p = s; len && (p = strstr(p, sep)); p += len)
        count++;
    if (!len)
        count = strlen(s);
    struct tpl_value list = new_list(run, count);
    while (list.n < count) {
        const char *end = len ? strstr(s, sep) : s + 1;
        size_t part = end ? (size_t)(end - s) : strlen(s);
        list.list[list.n++] = tpl_stringn(run, s, part);
        s += part + len;
    }
    return list;
}

SPRIG(f_split_list)
{
    (void)n;
    *out = split_list(run, TEXT(0), TEXT(1));
    return 0;
}

/* sprig's split gives a map with the keys _0, _1 ... */
struct split_map {
    struct skf_tmap map;
    struct tpl_value list;
};

static bool split_get(const struct skf_tmap *m, const char *key, struct skf_tvalue *out)
{
    const struct split_map *s = (const struct split_map *)(const void *)m;
    long long i;
    if (key[0] != '_' || !skf_num_parse(key + 1, 0, (long long)s->list.n - 1, &i))
        return false;
    *out = (struct skf_tvalue){ .kind = SKF_TV_STRING, .str = s->list.list[i].str };
    return true;
}

static void split_keys(const struct skf_tmap *m, struct skf_strv *out)
{
    const struct split_map *s = (const struct split_map *)(const void *)m;
    for (size_t i = 0; i < s->list.n; i++)
        skf_strv_addf(out, "_%zu", i);
    skf_strv_sort(out);
}

SPRIG(f_split)
{
    (void)n;
    struct split_map *m = skf_arena_alloc(run->arena, sizeof *m);
    m->map.get = split_get;
    m->map.keys = split_keys;
    m->list = split_list(run, TEXT(0), TEXT(1));
    *out = (struct tpl_value){ .kind = TPL_V_MAP, .str = "", .map = &m->map };
    return 0;
}

SPRIG(f_list)
{
    *out = new_list(run, n);
    for (size_t i = 0; i < n; i++)
        out->list[out->n++] = a[i];
    return 0;
}

SPRIG(f_join)
{
    (void)n;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    const char *sep = TEXT(0);
    if (a[1].kind == TPL_V_LIST) {
        for (size_t i = 0; i < a[1].n; i++)
            skf_buf_addf(&b, "%s%s", i ? sep : "", tpl_text(run, &a[1].list[i]));
    } else {
        skf_buf_adds(&b, TEXT(1));
    }
    *out = tpl_string(run, b.data);
    return 0;
}

static int end_of_list(struct tpl_run *run, const struct tpl_value *a, bool last,
                       struct tpl_value *out)
{
    if (a->kind != TPL_V_LIST)
        return tpl_run_fail(run, "expected a list");
    *out = (struct tpl_value){ .kind = TPL_V_NIL, .str = "" };
    if (a->n)
        *out = a->list[last ? a->n - 1 : 0];
    return 0;
}

SPRIG(f_first)
{
    (void)n;
    return end_of_list(run, a, false, out);
}

SPRIG(f_last)
{
    (void)n;
    return end_of_list(run, a, true, out);
}

SPRIG(f_has)
{
    (void)n;
    if (a[1].kind != TPL_V_LIST)
        return tpl_run_fail(run, "has: expected a list");
    const char *want = TEXT(0);
    bool found = false;
    for (size_t i = 0; i < a[1].n && !found; i++)
        found = a[0].kind == a[1].list[i].kind && strcmp(want, tpl_text(run, &a[1].list[i])) == 0;
    *out = tpl_bool(found);
    return 0;
}

/* --- numbers ---------------------------------------------------------------------------------- */

SPRIG(f_int)
{
    (void)n;
    long long v;
    int rc = number_of(run, a, &v);
    *out = tpl_int(v);
    return rc;
}

static int fold(struct tpl_run *run, const struct tpl_value *a, size_t n, char op,
                struct tpl_value *out)
{
    long long sum = 0, v;
    for (size_t i = 0; i < n; i++) {
        int rc = number_of(run, &a[i], &v);
        if (rc)
            return rc;
        bool over = false;
        if (i == 0)
            sum = v;
        else if (op == '+')
            over = __builtin_add_overflow(sum, v, &sum);
        else if (op == '-')
            over = __builtin_sub_overflow(sum, v, &sum);
        else if (op == '*')
            over = __builtin_mul_overflow(sum, v, &sum);
        else if (op == '<' || op == '>')
            sum = (op == '<') == (v < sum) ? v : sum;
        else if (v == 0 || v == -1)
            over = v == 0 || __builtin_sub_overflow(0LL, op == '/' ? sum : 0LL, &sum);
        else
            sum = op == '/' ? sum / v : sum % v;
        if (over)
            return tpl_run_fail(run, v == 0 ? "division by zero" : "the number is out of range");
    }
    *out = tpl_int(sum);
    return 0;
}

#define ARITHMETIC(name, op)                                                                       \
    SPRIG(name)                                                                                    \
    {                                                                                              \
        return fold(run, a, n, op, out);                                                           \
    }
ARITHMETIC(f_add, '+')
ARITHMETIC(f_sub, '-')
ARITHMETIC(f_mul, '*')
ARITHMETIC(f_div, '/')
ARITHMETIC(f_mod, '%')
ARITHMETIC(f_min, '<')
ARITHMETIC(f_max, '>')

SPRIG(f_add1)
{
    (void)n;
    const struct tpl_value two[] = { a[0], tpl_int(1) };
    return fold(run, two, 2, '+', out);
}

/* --- regular expressions ---------------------------------------------------------------------- */

static int compile(struct tpl_run *run, const char *pattern, regex_t *re)
{
    if (strlen(pattern) > 1000 || regcomp(re, pattern, REG_EXTENDED))
        return tpl_run_fail(run, "the regular expression '%.100s' is not understood", pattern);
    return 0;
}

SPRIG(f_regex_match)
{
    (void)n;
    regex_t re;
    int rc = compile(run, TEXT(0), &re);
    if (rc)
        return rc;
    *out = tpl_bool(regexec(&re, TEXT(1), 0, NULL, 0) == 0);
    regfree(&re);
    return 0;
}

/* ${1}, $1 and $$ in the replacement. */
static void add_replacement(struct skf_buf *b, const char *repl, const char *s, const regmatch_t *m)
{
    for (const char *p = repl; *p; p++) {
        if (*p != '$') {
            skf_buf_addc(b, *p);
            continue;
        }
        if (p[1] == '$') {
            skf_buf_addc(b, '$');
            p++;
            continue;
        }
        bool brace = p[1] == '{';
        const char *digit = p + 1 + brace;
        if (!isdigit((unsigned char)*digit) || (brace && digit[1] != '}')) {
            skf_buf_addc(b, '$');
            continue;
        }
        const regmatch_t *g = &m[*digit - '0'];
        if (g->rm_so >= 0)
            skf_buf_add(b, s + g->rm_so, (size_t)(g->rm_eo - g->rm_so));
        p = digit + brace;
    }
}

SPRIG(f_regex_replace_all)
{
    (void)n;
    regex_t re;
    const char *s = TEXT(1), *repl = TEXT(2);
    int rc = compile(run, TEXT(0), &re);
    if (rc)
        return rc;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    regmatch_t m[10];
    int flags = 0;
    while (b.len < TPL_MAX_OUT && regexec(&re, s, 10, m, flags) == 0) {
        skf_buf_add(&b, s, (size_t)m[0].rm_so);
        add_replacement(&b, repl, s, m);
        if (m[0].rm_eo == m[0].rm_so) { /* an empty match: go on behind one character */
            if (!s[m[0].rm_eo])
                break;
            skf_buf_addc(&b, s[m[0].rm_eo]);
            s++;
        }
        s += m[0].rm_eo;
        flags = REG_NOTBOL;
        if (!*s)
            break;
    }
    regfree(&re);
    skf_buf_adds(&b, s);
    *out = tpl_string(run, b.data);
    return 0;
}

SPRIG(f_cmd)
{
    (void)a;
    (void)n;
    (void)out;
    return tpl_run_fail(run,
                        "function \"cmd\" is not supported by skiff: run the program before and "
                        "pass its output in an environment variable");
}

const struct tpl_function_entry tpl_sprig[] = {
    { "default", f_default, 1, 2 },
    { "empty", f_empty, 1, 1 },
    { "coalesce", f_coalesce, 0, -1 },
    { "ternary", f_ternary, 3, 3 },
    { "required", f_required, 2, 2 },
    { "fail", f_fail, 1, 1 },
    { "env", f_env, 1, 1 },
    { "expandenv", f_expandenv, 1, 1 },
    { "now", f_now, 0, 0 },
    { "date", f_date, 2, 2 },
    { "dateInZone", f_date_in_zone, 3, 3 },
    { "unixEpoch", f_unix_epoch, 1, 1 },
    { "lower", f_lower, 1, 1 },
    { "upper", f_upper, 1, 1 },
    { "title", f_title, 1, 1 },
    { "untitle", f_untitle, 1, 1 },
    { "trim", f_trim, 1, 1 },
    { "trimAll", f_trim_all, 2, 2 },
    { "trimPrefix", f_trim_prefix, 2, 2 },
    { "trimSuffix", f_trim_suffix, 2, 2 },
    { "replace", f_replace, 3, 3 },
    { "contains", f_contains, 2, 2 },
    { "hasPrefix", f_has_prefix, 2, 2 },
    { "hasSuffix", f_has_suffix, 2, 2 },
    { "quote", f_quote, 0, -1 },
    { "squote", f_squote, 0, -1 },
    { "trunc", f_trunc, 2, 2 },
    { "substr", f_substr, 3, 3 },
    { "repeat", f_repeat, 2, 2 },
    { "nospace", f_nospace, 1, 1 },
    { "cat", f_cat, 0, -1 },
    { "indent", f_indent, 2, 2 },
    { "nindent", f_nindent, 2, 2 },
    { "toString", f_to_string, 1, 1 },
    { "sha256sum", f_sha256sum, 1, 1 },
    { "b64enc", f_b64enc, 1, 1 },
    { "b64dec", f_b64dec, 1, 1 },
    { "splitList", f_split_list, 2, 2 },
    { "split", f_split, 2, 2 },
    { "list", f_list, 0, -1 },
    { "join", f_join, 2, 2 },
    { "first", f_first, 1, 1 },
    { "last", f_last, 1, 1 },
    { "has", f_has, 2, 2 },
    { "int", f_int, 1, 1 },
    { "int64", f_int, 1, 1 },
    { "atoi", f_int, 1, 1 },
    { "add", f_add, 1, -1 },
    { "add1", f_add1, 1, 1 },
    { "sub", f_sub, 2, 2 },
    { "mul", f_mul, 1, -1 },
    { "div", f_div, 2, 2 },
    { "mod", f_mod, 2, 2 },
    { "min", f_min, 1, -1 },
    { "max", f_max, 1, -1 },
    { "regexMatch", f_regex_match, 2, 2 },
    { "regexReplaceAll", f_regex_replace_all, 3, 3 },
    { "cmd", f_cmd, 0, -1 },
    { 0 },
};
