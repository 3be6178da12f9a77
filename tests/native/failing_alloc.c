/* Preloaded into the program: from the call number $FAIL_AT on, or at it alone with $FAIL_ONCE,
   there is no more memory for lk_alloc. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdlib.h>

void *aligned_alloc(size_t alignment, size_t size) {
    static atomic_long calls;
    void *(*real)(size_t, size_t) = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "aligned_alloc");
    const char *at = getenv("FAIL_AT");
    const long call = ++calls, fail_at = at ? atol(at) : 0;
    const int fails = fail_at > 0 && (getenv("FAIL_ONCE") ? call == fail_at : call >= fail_at);
    return fails ? NULL : real(alignment, size);
}
