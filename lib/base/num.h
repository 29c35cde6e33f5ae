/* lib/base/num.h: text to number, strictly: the whole text, in range, or nothing. */
#ifndef SKF_BASE_NUM_H
#define SKF_BASE_NUM_H
#include <stdbool.h>

/* Decimal with an optional sign; no blanks, no leading "+". false leaves *out as it was. */
bool skf_num_parse(const char *text, long long min, long long max, long long *out);
/* Go's duration texts ("300ms", "1m30s", "2h"), and a bare "0"; in milliseconds. */
bool skf_num_parse_duration_ms(const char *text, long long *out_ms);
/* "500", "512K", "64M", "2G", also with "B" or "iB" behind: powers of 1024, in bytes. */
bool skf_num_parse_size(const char *text, long long *out_bytes);
/* true/false, yes/no, on/off, 1/0, t/f, any case (as YAML 1.1 and Go's flags accept). */
bool skf_num_parse_bool(const char *text, bool *out);
#endif
