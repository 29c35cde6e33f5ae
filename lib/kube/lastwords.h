/* lib/kube/lastwords.h: what a program said before it ended, in one line. Pure text; knows the
 * shapes of Go, Python, Java, JavaScript, Rust and .NET, and of JSON lines. */
#ifndef SKF_KUBE_LASTWORDS_H
#define SKF_KUBE_LASTWORDS_H
#include "lib/base/vec.h"

/* The telling line of a log, with the place in the source when a stack names it: "panic: boom (at
 * main.go:12)". "" when there is none. Owned. */
char *skf_last_words(const struct skf_strv *lines);

/* What to do about words that say a well-known thing. */
struct skf_words_hint {
    const char *hint;
    const char
        *field; /* of the container, where to do it; "" = the container; NULL = of the pod's */
    bool start; /* the program was never run */
};
/* NULL: nothing known. */
const struct skf_words_hint *skf_last_words_hint(const char *words);

/* The number of a port that the lines say is listened on ("listening on :3000"), at most `max` of
 * them; returns how many. */
size_t skf_last_words_ports(const char *text, size_t len, unsigned *ports, size_t max);
#endif
