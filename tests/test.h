/* The unit tests' only tool: CHECK counts, prints what failed and goes on; main returns the count.
 */
#ifndef TEST_H
#define TEST_H

#include <stdio.h>
#include <string.h>

static int test_failures;

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            test_failures++;                                                                       \
            fprintf(stderr, "%s:%d: %s", __FILE__, __LINE__, #condition);                          \
            fprintf(stderr, " -- " __VA_ARGS__);                                                   \
            fputc('\n', stderr);                                                                   \
        }                                                                                          \
    } while (0)

#define TEST_RESULT() (test_failures ? (fprintf(stderr, "%d failed\n", test_failures), 1) : 0)

#endif
