/* lib/base/banned.h: included before every source by the build. Calls that cannot be made safe. */
#ifndef SKF_BASE_BANNED_H
#define SKF_BASE_BANNED_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#pragma GCC poison atoi atol atoll atof strcpy strcat sprintf vsprintf strncat strtok gets system  \
    popen tmpnam mktemp
#endif
