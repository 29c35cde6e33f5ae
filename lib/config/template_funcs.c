/* lib/config/template_funcs.c: values, the functions of text/template itself, and the maps. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/mem.h"
#include "lib/config/template_tree.h"

/* --- values ----------------------------------------------------------------------------------- */

struct tpl_value tpl_stringn(struct tpl_run *run, const char *text, size_t len)
{
    run->made += len;
    return (struct tpl_value){ .kind = TPL_V_STRING,
                               .str = skf_arena_strndup(run->arena, text, len) };
}

struct tpl_value tpl_string(struct tpl_run *run, const char *text)
{
    return tpl_stringn(run, text, strlen(text));
}

struct tpl_value tpl_int(long long n)
{
    return (struct tpl_value){ .kind = TPL_V_INT, .num = n, .str = "" };
}

struct tpl_value tpl_bool(bool yes)
{
    return (struct tpl_value){ .kind = TPL_V_BOOL, .yes = yes, .str = "" };
}

bool tpl_truth(const struct tpl_value *v)
{
    switch (v->kind) {
    case TPL_V_STRING:
        return *v->str != '\0';
    case TPL_V_INT:
        return v->num != 0;
    case TPL_V_BOOL:
        return v->yes;
    case TPL_V_MAP:
        if (v->map->keys) {
            skf_autostrv struct skf_strv keys = SKF_STRV_INIT;
            v->map->keys(v->map, &keys);
            return keys.n > 0;
        }
        return true;
    case TPL_V_LIST:
        return v->n > 0;
    case TPL_V_ABSENT:
    case TPL_V_NIL:
        break;
    }
    return false;
}

static void print_nested(struct skf_buf *out, const struct tpl_value *v, unsigned depth)
{
    if (depth > 8)
        return;
    switch (v->kind) {
    case TPL_V_STRING:
        skf_buf_adds(out, v->str);
        break;
    case TPL_V_INT:
        skf_buf_addf(out, "%lld", v->num);
        break;
    case TPL_V_BOOL:
        skf_buf_adds(out, v->yes ? "true" : "false");
        break;
    case TPL_V_LIST:
        skf_buf_addc(out, '[');
        for (size_t i = 0; i < v->n; i++) {
            skf_buf_adds(out, i ? " " : "");
            print_nested(out, &v->list[i], depth + 1);
        }
        skf_buf_addc(out, ']');
        break;
    case TPL_V_MAP: {
        skf_autostrv struct skf_strv keys = SKF_STRV_INIT;
        skf_buf_adds(out, "map[");
        if (v->map->keys)
            v->map->keys(v->map, &keys);
        for (size_t i = 0; i < keys.n; i++) {
            struct skf_tvalue got = { 0 };
            struct tpl_value item = { .kind = TPL_V_NIL, .str = "" };
            v->map->get(v->map, keys.v[i], &got);
            if (got.kind == SKF_TV_STRING) {
                item.kind = TPL_V_STRING;
                item.str = got.str ? got.str : "";
            } else if (got.kind == SKF_TV_INT) {
                item = tpl_int(got.num);
            } else if (got.kind == SKF_TV_BOOL) {
                item = tpl_bool(got.yes);
            } else if (got.kind == SKF_TV_MAP) {
                item.kind = TPL_V_MAP;
                item.map = got.map;
            }
            skf_buf_addf(out, "%s%s:", i ? " " : "", keys.v[i]);
            print_nested(out, &item, depth + 1);
        }
        skf_buf_addc(out, ']');
        break;
    }
    case TPL_V_ABSENT:
    case TPL_V_NIL:
        skf_buf_adds(out, "<no value>");
        break;
    }
}

void tpl_print(struct skf_buf *out, const struct tpl_value *v)
{
    print_nested(out, v, 0);
}

const char *tpl_text(struct tpl_run *run, const struct tpl_value *v)
{
    if (v->kind == TPL_V_STRING)
        return v->str;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    tpl_print(&b, v);
    return tpl_string(run, b.data).str;
}

/* --- comparison ------------------------------------------------------------------------------- */

static bool is_nothing(const struct tpl_value *v)
{
    return v->kind == TPL_V_ABSENT || v->kind == TPL_V_NIL;
}

static int equal(struct tpl_run *run, const struct tpl_value *a, const struct tpl_value *b,
                 bool *yes)
{
    if (is_nothing(a) || is_nothing(b)) {
        *yes = is_nothing(a) && is_nothing(b);
        return 0;
    }
    if (a->kind != b->kind)
        return tpl_run_fail(run, "incompatible types for comparison");
    switch (a->kind) {
    case TPL_V_STRING:
        *yes = strcmp(a->str, b->str) == 0;
        return 0;
    case TPL_V_INT:
        *yes = a->num == b->num;
        return 0;
    case TPL_V_BOOL:
        *yes = a->yes == b->yes;
        return 0;
    default:
        return tpl_run_fail(run, "these values cannot be compared");
    }
}

static int f_eq(struct tpl_run *run, const struct tpl_value *a, size_t n, struct tpl_value *out)
{
    bool yes = false;
    for (size_t i = 1; i < n && !yes; i++) {
        int rc = equal(run, &a[0], &a[i], &yes);
        if (rc)
            return rc;
    }
    *out = tpl_bool(yes);
    return 0;
}

static int f_ne(struct tpl_run *run, const struct tpl_value *a, size_t n, struct tpl_value *out)
{
    int rc = f_eq(run, a, n, out);
    out->yes = !out->yes;
    return rc;
}

static int order(struct tpl_run *run, const struct tpl_value *a, int *out)
{
    if (a[0].kind == TPL_V_STRING && a[1].kind == TPL_V_STRING)
        *out = strcmp(a[0].str, a[1].str);
    else if (a[0].kind == TPL_V_INT && a[1].kind == TPL_V_INT)
        *out = a[0].num < a[1].num ? -1 : a[0].num > a[1].num;
    else
        return tpl_run_fail(run, "incompatible types for comparison");
    return 0;
}

#define ORDER(name, test)                                                                          \
    static int name(struct tpl_run *run, const struct tpl_value *a, size_t n,                      \
                    struct tpl_value *out)                                                         \
    {                                                                                              \
        int o = 0, rc = order(run, a, &o);                                                         \
        (void)n;                                                                                   \
        *out = tpl_bool(o test 0);                                                                 \
        return rc;                                                                                 \
    }
ORDER(f_lt, <)
ORDER(f_le, <=)
ORDER(f_gt, >)
ORDER(f_ge, >=)

static int f_not(struct tpl_run *run, const struct tpl_value *a, size_t n, struct tpl_value *out)
{
    (void)run;
    (void)n;
    *out = tpl_bool(!tpl_truth(a));
    return 0;
}

/* --- access ----------------------------------------------------------------------------------- */

static int f_len(struct tpl_run *run, const struct tpl_value *a, size_t n, struct tpl_value *out)
{
    (void)n;
    if (a->kind == TPL_V_STRING) {
        *out = tpl_int((long long)strlen(a->str));
    } else if (a->kind == TPL_V_LIST) {
        *out = tpl_int((long long)a->n);
    } else if (a->kind == TPL_V_MAP && a->map->keys) {
        skf_autostrv struct skf_strv keys = SKF_STRV_INIT;
        a->map->keys(a->map, &keys);
        *out = tpl_int((long long)keys.n);
    } else {
        return tpl_run_fail(run, "len of a value that has no length");
    }
    return 0;
}

static int index_one(struct tpl_run *run, struct tpl_value *v, const struct tpl_value *key)
{
    if (v->kind == TPL_V_MAP) {
        struct skf_tvalue got = { 0 };
        struct tpl_value none = { .kind = TPL_V_ABSENT, .str = "" };
        const char *name = tpl_text(run, key);
        if (!v->map->get(v->map, name, &got) || got.kind == SKF_TV_ABSENT) {
            if (run->env->fail_missing)
                return tpl_run_fail(run, "map has no entry for key \"%s\"", name);
            *v = none;
            return 0;
        }
        none.kind = got.kind == SKF_TV_STRING ? TPL_V_STRING
                    : got.kind == SKF_TV_INT  ? TPL_V_INT
                    : got.kind == SKF_TV_BOOL ? TPL_V_BOOL
                                              : TPL_V_MAP;
        none.str = got.str ? got.str : "";
        none.num = got.num;
        none.yes = got.yes;
        none.map = got.map;
        *v = none;
        return 0;
    }
    if (key->kind != TPL_V_INT)
        return tpl_run_fail(run, "cannot index this value with '%s'", tpl_text(run, key));
    size_t n = v->kind == TPL_V_LIST ? v->n : v->kind == TPL_V_STRING ? strlen(v->str) : 0;
    if (v->kind != TPL_V_LIST && v->kind != TPL_V_STRING)
        return tpl_run_fail(run, "cannot index this value");
    if (key->num < 0 || (size_t)key->num >= n)
        return tpl_run_fail(run, "index out of range: %lld", key->num);
    if (v->kind == TPL_V_LIST)
        *v = v->list[key->num];
    else
        *v = tpl_int((unsigned char)v->str[key->num]);
    return 0;
}

static int f_index(struct tpl_run *run, const struct tpl_value *a, size_t n, struct tpl_value *out)
{
    struct tpl_value v = a[0];
    for (size_t i = 1; i < n; i++) {
        int rc = index_one(run, &v, &a[i]);
        if (rc)
            return rc;
    }
    *out = v;
    return 0;
}

static int f_slice(struct tpl_run *run, const struct tpl_value *a, size_t n, struct tpl_value *out)
{
    size_t len = a->kind == TPL_V_STRING ? strlen(a->str) : a->kind == TPL_V_LIST ? a->n : 0;
    long long from = 0, to = (long long)len;
    if (a->kind != TPL_V_STRING && a->kind != TPL_V_LIST)
        return tpl_run_fail(run, "slice of a value that is neither text nor a list");
    if ((n > 1 && a[1].kind != TPL_V_INT) || (n > 2 && a[2].kind != TPL_V_INT))
        return tpl_run_fail(run, "slice needs numbers");
    if (n > 1)
        from = a[1].num;
    if (n > 2)
        to = a[2].num;
    if (from < 0 || to < from || (size_t)to > len)
        return tpl_run_fail(run, "slice out of range: [%lld:%lld] of %zu", from, to, len);
    if (a->kind == TPL_V_STRING) {
        *out = tpl_stringn(run, a->str + from, (size_t)(to - from));
    } else {
        *out = *a;
        out->list += from;
        out->n = (size_t)(to - from);
    }
    return 0;
}

/* --- printing --------------------------------------------------------------------------------- */

static int f_print(struct tpl_run *run, const struct tpl_value *a, size_t n, struct tpl_value *out)
{
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        /* Go's Sprint: a space between operands when neither is text. */
        if (i && a[i].kind != TPL_V_STRING && a[i - 1].kind != TPL_V_STRING)
            skf_buf_addc(&b, ' ');
        if (is_nothing(&a[i]))
            skf_buf_adds(&b, "<nil>");
        else
            tpl_print(&b, &a[i]);
    }
    *out = tpl_string(run, b.data);
    return 0;
}

static int f_println(struct tpl_run *run, const struct tpl_value *a, size_t n,
                     struct tpl_value *out)
{
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    for (size_t i = 0; i < n; i++) {
        skf_buf_adds(&b, i ? " " : "");
        tpl_print(&b, &a[i]);
    }
    skf_buf_addc(&b, '\n');
    *out = tpl_string(run, b.data);
    return 0;
}

static void go_quote(struct skf_buf *out, const char *s)
{
    skf_buf_addc(out, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            skf_buf_addf(out, "\\%c", c);
        else if (c == '\n')
            skf_buf_adds(out, "\\n");
        else if (c == '\t')
            skf_buf_adds(out, "\\t");
        else if (c == '\r')
            skf_buf_adds(out, "\\r");
        else if (c < 0x20 || c == 0x7f)
            skf_buf_addf(out, "\\x%02x", c);
        else
            skf_buf_addc(out, *s);
    }
    skf_buf_addc(out, '"');
}

struct verb {
    bool minus, zero, plus, has_precision;
    int width, precision;
    char c;
};

static const char *kind_name(const struct tpl_value *v)
{
    switch (v->kind) {
    case TPL_V_STRING:
        return "string";
    case TPL_V_INT:
        return "int";
    case TPL_V_BOOL:
        return "bool";
    case TPL_V_MAP:
        return "map";
    case TPL_V_LIST:
        return "[]interface {}";
    default:
        return "<nil>";
    }
}

static void verb_body(struct skf_buf *b, const struct verb *v, const struct tpl_value *a)
{
    bool is_int = a->kind == TPL_V_INT, is_text = a->kind == TPL_V_STRING;
    unsigned long long mag =
        a->num < 0 ? 0ULL - (unsigned long long)a->num : (unsigned long long)a->num;
    const char *sign = a->num < 0 ? "-" : v->plus ? "+" : "";
    if ((v->c == 'v' && !is_int) || (v->c == 's' && is_text) ||
        (v->c == 't' && a->kind == TPL_V_BOOL)) {
        if (is_nothing(a))
            skf_buf_adds(b, "<nil>");
        else
            tpl_print(b, a);
    } else if (v->c == 'q' && is_text) {
        go_quote(b, a->str);
    } else if ((v->c == 'd' || v->c == 'v') && is_int) {
        skf_buf_addf(b, "%s%llu", sign, mag);
    } else if ((v->c == 'x' || v->c == 'X') && is_int) {
        skf_buf_addf(b, v->c == 'x' ? "%s%llx" : "%s%llX", sign, mag);
    } else if ((v->c == 'x' || v->c == 'X') && is_text) {
        for (const char *s = a->str; *s; s++)
            skf_buf_addf(b, v->c == 'x' ? "%02x" : "%02X", (unsigned char)*s);
    } else if (v->c == 'o' && is_int) {
        skf_buf_addf(b, "%s%llo", sign, mag);
    } else if (v->c == 'c' && is_int) {
        skf_buf_addc(b, (char)(a->num > 0 && a->num < 128 ? a->num : '?'));
    } else if (v->c == 'T') {
        skf_buf_adds(b, kind_name(a));
    } else {
        skf_buf_addf(b, "%%!%c(%s=", v->c, kind_name(a));
        tpl_print(b, a);
        skf_buf_addc(b, ')');
    }
}

static void one_verb(struct skf_buf *out, const struct verb *v, const struct tpl_value *a)
{
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    verb_body(&b, v, a);
    if (v->has_precision && a->kind == TPL_V_STRING && b.len > (size_t)v->precision)
        skf_buf_cut(&b, (size_t)v->precision);
    size_t pad = b.len < (size_t)v->width ? (size_t)v->width - b.len : 0;
    bool zero = v->zero && !v->minus && a->kind == TPL_V_INT;
    size_t sign = zero && (b.data[0] == '-' || b.data[0] == '+');
    skf_buf_add(out, b.data, sign);
    for (size_t i = 0; i < pad && !v->minus; i++)
        skf_buf_addc(out, zero ? '0' : ' ');
    skf_buf_add(out, b.data + sign, b.len - sign);
    for (size_t i = 0; i < pad && v->minus; i++)
        skf_buf_addc(out, ' ');
}

static int read_number(const char **p)
{
    int n = 0;
    for (; isdigit((unsigned char)**p); ++*p)
        n = n < 1000 ? n * 10 + (**p - '0') : n;
    return n > 1000 ? 1000 : n;
}

static int f_printf(struct tpl_run *run, const struct tpl_value *a, size_t n, struct tpl_value *out)
{
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    size_t next = 1;
    if (a->kind != TPL_V_STRING)
        return tpl_run_fail(run, "printf needs a format in quotes");
    for (const char *p = a->str; *p; p++) {
        if (*p != '%') {
            skf_buf_addc(&b, *p);
            continue;
        }
        struct verb v = { 0 };
        for (p++; *p && strchr("-0+ #", *p); p++) {
            v.minus = v.minus || *p == '-';
            v.zero = v.zero || *p == '0';
            v.plus = v.plus || *p == '+';
        }
        v.width = read_number(&p);
        if (*p == '.') {
            p++;
            v.has_precision = true;
            v.precision = read_number(&p);
        }
        if (*p == '%') {
            skf_buf_addc(&b, '%');
            continue;
        }
        if (!*p)
            return tpl_run_fail(run, "printf: the format ends behind '%%'");
        if (!strchr("vsdqtxXocT", *p))
            return tpl_run_fail(run, "printf: '%%%c' is not supported", *p);
        v.c = *p;
        if (next < n)
            one_verb(&b, &v, &a[next++]);
        else
            skf_buf_addf(&b, "%%!%c(MISSING)", *p);
    }
    if (next < n) {
        skf_buf_adds(&b, "%!(EXTRA ");
        for (size_t i = next; i < n; i++) {
            skf_buf_addf(&b, "%s%s=", i > next ? ", " : "", kind_name(&a[i]));
            tpl_print(&b, &a[i]);
        }
        skf_buf_addc(&b, ')');
    }
    *out = tpl_string(run, b.data);
    return 0;
}

static int escape(struct tpl_run *run, const struct tpl_value *a, size_t n, struct tpl_value *out,
                  void (*one)(struct skf_buf *b, unsigned char c))
{
    struct tpl_value text;
    skf_autobuf struct skf_buf b = SKF_BUF_INIT;
    f_print(run, a, n, &text);
    for (const char *s = text.str; *s; s++)
        one(&b, (unsigned char)*s);
    *out = tpl_string(run, b.data);
    return 0;
}

static void html_char(struct skf_buf *b, unsigned char c)
{
    const char *e = c == '<'    ? "&lt;"
                    : c == '>'  ? "&gt;"
                    : c == '&'  ? "&amp;"
                    : c == '"'  ? "&#34;"
                    : c == '\'' ? "&#39;"
                                : NULL;
    if (e)
        skf_buf_adds(b, e);
    else
        skf_buf_addc(b, (char)c);
}

static void js_char(struct skf_buf *b, unsigned char c)
{
    if (c == '\\' || c == '\'' || c == '"')
        skf_buf_addf(b, "\\%c", c);
    else if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == '=')
        skf_buf_addf(b, "\\u%04X", c);
    else
        skf_buf_addc(b, (char)c);
}

static void url_char(struct skf_buf *b, unsigned char c)
{
    if (isalnum(c) || strchr("-_.~", c))
        skf_buf_addc(b, (char)c);
    else if (c == ' ')
        skf_buf_addc(b, '+');
    else
        skf_buf_addf(b, "%%%02X", c);
}

static int f_html(struct tpl_run *run, const struct tpl_value *a, size_t n, struct tpl_value *out)
{
    return escape(run, a, n, out, html_char);
}
static int f_js(struct tpl_run *run, const struct tpl_value *a, size_t n, struct tpl_value *out)
{
    return escape(run, a, n, out, js_char);
}
static int f_urlquery(struct tpl_run *run, const struct tpl_value *a, size_t n,
                      struct tpl_value *out)
{
    return escape(run, a, n, out, url_char);
}

static int f_call(struct tpl_run *run, const struct tpl_value *a, size_t n, struct tpl_value *out)
{
    (void)a;
    (void)n;
    (void)out;
    return tpl_run_fail(run, "call needs a function as its first argument, and there is none here");
}

const struct tpl_function_entry tpl_builtins[] = {
    { "eq", f_eq, 2, -1 },         { "ne", f_ne, 2, 2 },
    { "lt", f_lt, 2, 2 },          { "le", f_le, 2, 2 },
    { "gt", f_gt, 2, 2 },          { "ge", f_ge, 2, 2 },
    { "not", f_not, 1, 1 },        { "len", f_len, 1, 1 },
    { "index", f_index, 1, -1 },   { "slice", f_slice, 1, 3 },
    { "print", f_print, 0, -1 },   { "println", f_println, 0, -1 },
    { "printf", f_printf, 1, -1 }, { "html", f_html, 1, -1 },
    { "js", f_js, 1, -1 },         { "urlquery", f_urlquery, 1, -1 },
    { "call", f_call, 1, -1 },     { 0 },
};

/* --- maps ------------------------------------------------------------------------------------- */

static bool envv_get(const struct skf_tmap *m, const char *key, struct skf_tvalue *out)
{
    const struct skf_strv *env = m->data;
    size_t len = strlen(key);
    for (size_t i = env->n; i > 0; i--) {
        const char *e = env->v[i - 1];
        if (strncmp(e, key, len) == 0 && e[len] == '=') {
            *out = (struct skf_tvalue){ .kind = SKF_TV_STRING, .str = e + len + 1 };
            return true;
        }
    }
    return false;
}

static void envv_keys(const struct skf_tmap *m, struct skf_strv *out)
{
    const struct skf_strv *env = m->data;
    for (size_t i = 0; i < env->n; i++)
        skf_strv_addn(out, env->v[i], strcspn(env->v[i], "="));
    skf_strv_sort(out);
    skf_strv_uniq(out);
}

const struct skf_tmap skf_tmap_envv_template = { envv_get, envv_keys, NULL };

static bool pairs_get(const struct skf_tmap *m, const char *key, struct skf_tvalue *out)
{
    for (const struct skf_tpair *p = m->data; p->key; p++) {
        if (strcmp(p->key, key) == 0) {
            *out = p->value;
            return true;
        }
    }
    return false;
}

static void pairs_keys(const struct skf_tmap *m, struct skf_strv *out)
{
    for (const struct skf_tpair *p = m->data; p->key; p++)
        skf_strv_add(out, p->key);
    skf_strv_sort(out);
    skf_strv_uniq(out);
}

const struct skf_tmap skf_tmap_pairs_template = { pairs_get, pairs_keys, NULL };

static bool overlay_get(const struct skf_tmap *m, const char *key, struct skf_tvalue *out)
{
    const struct skf_tmap *const *two = m->data;
    return two[0]->get(two[0], key, out) || two[1]->get(two[1], key, out);
}

static void overlay_keys(const struct skf_tmap *m, struct skf_strv *out)
{
    const struct skf_tmap *const *two = m->data;
    for (size_t i = 0; i < 2; i++) {
        if (two[i]->keys)
            two[i]->keys(two[i], out);
    }
    skf_strv_sort(out);
    skf_strv_uniq(out);
}

const struct skf_tmap skf_tmap_overlay_template = { overlay_get, overlay_keys, NULL };
