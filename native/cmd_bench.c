/* bench: how fast each hot kernel runs in each variant that this machine has. */
#include <stdio.h>

#include "clock.h"
#include "commands.h"
#include "output.h"

enum { ROUNDS = 5 };
static const double ROUND_SECONDS = 0.05;

/* Seconds that `times` repetitions take; negative when they fail. */
static double time_once(size_t which, lk_simd simd, size_t times, fault *f) {
    const double start = clock_seconds();
    if (lk_kernel_bench_run(which, simd, times, &f->error)) return -1;
    return clock_seconds() - start;
}

/* The median rate of some rounds, each long enough for the clock. */
static lk_status measure(const lk_kernel_bench *bench, size_t which, lk_simd simd, double *gflops,
                         fault *f) {
    size_t times = 1;
    double seconds = time_once(which, simd, times, f);
    while (seconds >= 0 && seconds < ROUND_SECONDS && times < SIZE_MAX / 4) {
        times *= seconds < ROUND_SECONDS / 4 ? 4 : 2;
        seconds = time_once(which, simd, times, f);
    }
    double rates[ROUNDS];
    for (int r = 0; r < ROUNDS && seconds >= 0; r++) {
        seconds = time_once(which, simd, times, f);
        rates[r] = (double)times * bench->flops / seconds * 1e-9;
    }
    if (seconds < 0) return f->error.status;
    *gflops = median(rates, ROUNDS);
    return LK_OK;
}

int cmd_bench(const options *o, fault *f) {
    size_t count;
    const lk_kernel_bench *benches = lk_kernel_benches(&count);
    json_t *list = json_array();
    lk_status status = LK_OK;
    for (size_t i = 0; i < count && !status; i++) {
        for (int simd = 0; simd < LK_SIMD_COUNT && !status; simd++) {
            double gflops = 0;
            if (!lk_simd_available((lk_simd)simd)) continue;
            status = measure(&benches[i], i, (lk_simd)simd, &gflops, f);
            if (status) break;
            const char *variant = lk_simd_name((lk_simd)simd);
            json_array_append_new(list, json_pack("{s:s,s:s,s:f}", "kernel", benches[i].name,
                                                  "variant", variant, "gflops", gflops));
            if (!o->json) printf("%-16s %-8s %8.1f GF/s\n", benches[i].name, variant, gflops);
        }
    }
    if (!status && o->json) return output_json(list, f);
    json_decref(list);
    return status;
}
